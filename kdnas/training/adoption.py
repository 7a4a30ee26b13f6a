"""Taking a classifier that is already fine-tuned as the teacher of its task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kdnas.data.frames import read_meta, read_split
from kdnas.data.tasks import TRAIN, Definition, Task, get_task
from kdnas.errors import UserError
from kdnas.files.artifacts import write_json
from kdnas.models.finetuned import finetuned_classifier, order_of_classes
from kdnas.models.loading import load_config
from kdnas.models.tokenizer import load_tokenizer
from kdnas.sentences import listed
from kdnas.training.batches import encode
from kdnas.training.class_order import better_order
from kdnas.training.device import claim
from kdnas.training.saving import save_scored
from kdnas.training.scoring import describe, score_splits


def adopt_teacher(
    given: Path,
    data_folder: Path,
    definition: Definition,
    max_length: int,
    seed: int,
    training: Mapping[str, Any],
    warn: Callable[[str], None],
    model_folder: Path,
    metrics_file: Path,
) -> None:
    """Score the classifier in ``given`` on its task and save it, as the fine-tuned teacher of ``seed``.

    It is the same one for every seed, and its ``train_rows`` are unknown. ``training`` is the config's
    ``device`` and ``threads``; ``warn`` is told where the teacher may have been trained on the rows that
    measure candidates. Raises UserError if it is not a classifier of the task, if its scores are on another
    scale than the task's, or if its classes fit the labels far better in another order.
    """
    meta, task = read_meta(data_folder), get_task(definition)
    model, tokenizer = finetuned_classifier(given, task), load_tokenizer(given)
    splits = {
        split: encode(read_split(data_folder, split), task, tokenizer, max_length)
        for split in task.evaluation_splits
    }
    first = task.evaluation_splits[0]
    with claim(training["device"], training["threads"]) as device:
        scored = score_splits(model.to(device), splits, task, device)
    check = _check_scale if task.regression else _check_order
    check(scored.logits[first], splits[first].labels, task, given)
    details = {"data": None, "seed": None, "task": task.name}
    save_scored(model.cpu(), scored, given, data_folder, task, max_length, model_folder, details)
    if meta["heldout_from"] == TRAIN:
        warn(
            f"candidates are measured on rows of the training split of {task.name}: if the teacher was "
            "trained on them, a candidate scores by how much of its memory it keeps (docs/data.md: rows of "
            "your own to measure on)"
        )
    write_json(metrics_file, describe("teacher", task, seed, meta, scored.metrics, model, model_folder, None))


def _check_scale(logits: np.ndarray, labels: np.ndarray, task: Task, given: Path) -> None:
    """Refuse outputs that one constant comes closer to the labels than: no correlation tells scales apart."""
    outputs = logits.squeeze(-1)
    if np.square(outputs - labels).mean() > labels.var() > 0:
        raise UserError(
            f"teacher.finetuned_on is {task.name}, but there the teacher's outputs go from "
            f"{outputs.min():.2f} to {outputs.max():.2f} where the labels go from {labels.min():g} to "
            f"{labels.max():g}; allowed: a teacher that gives scores on the scale of the labels"
        )


def _check_order(logits: np.ndarray, labels: np.ndarray, task: Task, given: Path) -> None:
    """Refuse a head whose classes are the task's in another order than its config.json says."""
    answers = logits.argmax(axis=-1)
    order = better_order(answers, labels, task.num_labels)
    if order is None:
        return
    # place: an output of the head; it was taken for the class in that place of the task's
    head = sorted((place, code) for code, place in enumerate(order_of_classes(load_config(given), task)))
    moved = [f"{place}: {task.labels[order[code]]}" for place, code in head if order[code] != code]
    raise UserError(
        f"teacher.finetuned_on is {task.name}, but with the classes as the teacher's config.json has them "
        f"{(answers == labels).mean():.0%} of its answers on {task.evaluation_splits[0]} are right, and in "
        f"another order {(order[answers] == labels).mean():.0%}; allowed: an id2label that names the outputs "
        f"of the head, such as {listed(moved)}"
    )
