"""Reads the answers of a teacher outside of the workflow from the columns that a custom task names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kdnas.data.sources.checks import cell, number
from kdnas.data.tasks import Task
from kdnas.errors import UserError
from kdnas.sentences import listed

LARGEST = 1e30  # of numbers, as of labels
SUM = 0.01  # how far the sum of a row's probabilities may be from 1: files round them


def read_answers(task: Task, frame: pd.DataFrame, columns: Sequence[str], *, where: str) -> pd.Series:
    """Return a tuple of floats for each row: the probability of each class or label, or one number.

    Probabilities of classes are divided by their sum. ``columns`` are in the order of the task's labels.
    Raises UserError for anything else than a probability or a finite number, and for probabilities of classes
    whose sum is not about 1.
    """
    answers = np.empty((len(frame), len(columns)))
    for place, column in enumerate(columns):
        values: list[Any] = frame[column].tolist()
        answers[:, place] = [number(value) for value in values]
        wrong = np.flatnonzero(~_allowed(task, answers[:, place]))
        if len(wrong):
            row = int(wrong[0])
            raise UserError(
                f"{where}, row {row + 1}: {column} is {cell(values[row])} (wrong in {len(wrong)} of "
                f"{len(values)} rows); allowed in answer_columns: {_in_words(task)}"
            )
    if not task.regression and not task.multi_label:
        sums = answers.sum(axis=1)
        wrong = np.flatnonzero(np.abs(sums - 1) > SUM)
        if len(wrong):
            row = int(wrong[0])
            found = listed(f"{one:g}" for one in answers[row])
            raise UserError(
                f"{where}, row {row + 1}: {listed(columns)} are {found}, "
                f"whose sum is {sums[row]:g} (wrong in {len(wrong)} of {len(sums)} rows); allowed in "
                f"answer_columns: probabilities of the classes, whose sum is 1 within {SUM}"
            )
        answers /= sums[:, None]
    return pd.Series([tuple(row) for row in answers.tolist()], dtype="object")


def _allowed(task: Task, values: np.ndarray) -> np.ndarray:
    """Return which values a column may have, (rows,) bool; NaN is none."""
    low, high = (-LARGEST, LARGEST) if task.regression else (0.0, 1.0)
    return (low <= values) & (values <= high)


def _in_words(task: Task) -> str:
    if task.regression:
        return "a number in every row, in the unit of the labels"
    made = "sigmoid" if task.multi_label else "softmax"
    return (
        "a probability from 0 to 1 in every row (percentages have to be divided by 100, and a "
        f"{made} makes probabilities of logits)"
    )
