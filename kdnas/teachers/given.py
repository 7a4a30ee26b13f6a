"""The answers of a teacher outside of the workflow, which the user gave beside the rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from kdnas.data.frames import GIVEN_ANSWERS, read_meta, read_split
from kdnas.data.given import given_logits
from kdnas.data.tasks import TRAIN, Definition, Task, completed, get_task
from kdnas.errors import UserError
from kdnas.files.artifacts import atomic_path
from kdnas.sentences import listed
from kdnas.teachers.class_order import better_order


def save_given_answers(data_folder: Path, definition: Definition, file: str | Path) -> None:
    """Write the given answers of a task in the form of :func:`kdnas.teachers.answers.query_teacher`.

    Raises UserError if they fit the labels of the training rows far better in another order of the classes,
    or are numbers on another scale than the labels.

    Args:
        data_folder: the task's rows.
        definition: of the task.
        file: the safetensors file to write.
    """
    meta = read_meta(data_folder)
    task = get_task(completed(definition, meta))
    frames = {split: read_split(data_folder, split) for split in meta["splits"]}
    logits = {split: given_logits(task, frame) for split, frame in frames.items() if GIVEN_ANSWERS in frame}
    check = _check_scale if task.regression else _check_order
    check(task, logits[TRAIN], task.kind.targets(frames[TRAIN]["label"]))
    with atomic_path(file) as temporary:
        save_file({split: torch.from_numpy(values) for split, values in logits.items()}, temporary)


def _check_order(task: Task, logits: np.ndarray, labels: np.ndarray) -> None:
    answers, wanted = (task.kind.indicators(targets) for targets in (task.kind.answers(logits), labels))
    order = better_order(answers, wanted)
    if order is None:
        return
    right, better = ((answers * wanted[:, at]).sum() / answers.sum() for at in (slice(None), order))
    there = [task.classes[code] for code in order]
    raise UserError(
        f"data.custom_tasks.{task.name}.answer_columns has the columns in the order of the labels, but "
        f"{right:.0%} of their answers on the training rows are right, and {better:.0%} if they are "
        f"those of {listed(there)}; allowed: for each of labels its own column, in the same order"
    )


def _check_scale(task: Task, logits: np.ndarray, labels: np.ndarray) -> None:
    """Refuse answers that are further from the labels than a constant is: correlations ignore the scale."""
    outputs = logits.squeeze(-1)
    if np.square(outputs - labels).mean() > labels.var() > 0:
        raise UserError(
            f"data.custom_tasks.{task.name}.answer_columns has numbers from {outputs.min():g} to "
            f"{outputs.max():g}, and the labels of the training rows are from {labels.min():g} to "
            f"{labels.max():g}; allowed: numbers in the unit of the labels, which are nearer to them than "
            "their mean is"
        )
