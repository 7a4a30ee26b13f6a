"""What the rows of a custom task tell that its entry in the config leaves open, and the splits it lacks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from kdnas.data.frames import GIVEN_ANSWERS
from kdnas.data.heldout import cut_validation
from kdnas.data.kinds import TWO_CLASS_METRICS, Classes
from kdnas.data.settings import Layout
from kdnas.data.sources.answer_columns import read_answers
from kdnas.data.sources.checks import LabelColumn, check_split, found_classes, lacks_labels
from kdnas.data.sources.label_sets import as_lists
from kdnas.data.tasks import (
    TEST,
    TRAIN,
    VALIDATION,
    Task,
    completed,
    get_task,
)
from kdnas.data.unlabelled import UNLABELLED
from kdnas.errors import UserError


def check_custom(
    task: Task, loaded: Mapping[str, tuple[pd.DataFrame, str]], layout: Layout
) -> tuple[Task, dict[str, pd.DataFrame]]:
    """Return a custom task with its classes and splits, and the checked rows of every split.

    Classes that the entry does not list are those of the training rows. A test split without labels is left
    out. A validation split that is not there is cut from the training rows. The columns with answers of the
    layout are one in the splits that have them. Raises UserError.
    """
    label = LabelColumn(layout.label_column, names_only=task.open)
    if task.multi_label:
        labelled = {split: rows for split, rows in loaded.items() if split != UNLABELLED}
        loaded = dict(loaded) | {
            split: (as_lists(rows, layout, task=task.name, split=split, where=where), where)
            for split, (rows, where) in labelled.items()
        }
    if task.open:
        frame, where = loaded[TRAIN]
        task = replace(task, labels=found_classes(task, frame, label.name, where=where))
        _check_metrics(task, where)
    if TEST in loaded and not lacks_labels(loaded[TEST][0], label.name):
        task = get_task(completed(task.definition, {"found": {"test": True}}))
    frames = {
        split: check_split(task, split, rows, where=where, label=label)
        for split, (rows, where) in loaded.items()
        if split != TEST or TEST in task.splits
    }
    columns = layout.answer_columns or ()
    for split, frame in frames.items():
        rows, where = loaded[split]
        if columns and set(columns) <= set(rows.columns):
            answers = read_answers(task, rows, columns, where=where)
            frames[split] = frame.assign(**{GIVEN_ANSWERS: answers})
    if VALIDATION not in frames:
        frames[TRAIN], frames[VALIDATION] = cut_validation(frames[TRAIN], task, layout.validation_share)
    return task, frames


def _check_metrics(task: Task, where: str) -> None:
    allowed = [name for name in Classes.metrics if name not in TWO_CLASS_METRICS]
    for metric in task.metrics:
        if metric in TWO_CLASS_METRICS and len(task.classes) != 2:
            raise UserError(
                f"data.custom_tasks.{task.name}.metrics has {metric}, but {where} has {len(task.classes)} "
                f"classes; allowed: {', '.join(allowed)}"
            )


def scale_of(labels: pd.Series) -> tuple[float, float]:
    """Return the mean and the standard deviation of the training labels of a regression.

    The sums are exactly rounded, so that they are the same on every machine.
    """
    values = labels.to_numpy(dtype=np.float64).tolist()
    centre = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((value - centre) ** 2 for value in values) / len(values))
    return centre, spread or 1.0
