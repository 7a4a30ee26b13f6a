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
from kdnas.teachers.class_order import find_better_order, on_another_scale


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
    better = find_better_order(task, logits, labels)
    if better is None:
        return
    there = [task.classes[code] for code in better.order]
    raise UserError(
        f"data.custom_tasks.{task.name}.answer_columns has the columns in the order of the labels, but "
        f"{better.right:.0%} of their answers on the training rows are right, and {better.share:.0%} if they "
        f"are those of {listed(there)}; allowed: for each of labels its own column, in the same order"
    )


def _check_scale(task: Task, logits: np.ndarray, labels: np.ndarray) -> None:
    """Refuse answers on another scale than the labels."""
    outputs = logits.squeeze(-1)
    if on_another_scale(outputs, labels):
        raise UserError(
            f"data.custom_tasks.{task.name}.answer_columns has numbers from {outputs.min():g} to "
            f"{outputs.max():g}, and the labels of the training rows are from {labels.min():g} to "
            f"{labels.max():g}; allowed: numbers in the unit of the labels, which are nearer to them than "
            "their mean is"
        )
