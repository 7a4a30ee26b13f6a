"""Checks of a split's rows against the task registry; every finding is one sentence for the user."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kdnas.data.tasks import TRAIN, Task
from kdnas.data.unlabelled import NO_LABEL, UNLABELLED
from kdnas.errors import UserError
from kdnas.sentences import listed, shown


def check_split(task: Task, split: str, frame: pd.DataFrame, *, where: str) -> pd.DataFrame:
    """Return the rows with exactly ``task.columns``: str texts, label codes (or float32 scores), int64 idx.

    ``where`` is the file that messages name; rows in messages count from 1. Label names become codes; a
    missing ``idx`` is counted from 0. In the split ``unlabelled`` every label is -1; labels in the file are
    not read. Raises UserError.
    """
    if split == UNLABELLED:
        return _without_labels(task, split, frame, where, empty_allowed=False)
    checked = _text_columns(task, frame, (*task.text_columns, "label"), where)
    _check_empty_texts(task, split, checked, where)
    checked["label"] = _scores(task, frame["label"], where) if task.regression else _codes(task, frame, where)
    _check_classes(task, split, checked["label"], where)
    checked["idx"] = _idx(frame, where)
    return pd.DataFrame(checked)


def check_test_split(
    task: Task, split: str, frame: pd.DataFrame, *, official_rows: int, where: str
) -> pd.DataFrame:
    """Return a test split's rows with exactly ``task.columns``; every label is -1, as in ``nyu-mll/glue``.

    Labels that the source has are left out unread: MRPC's test split has real ones on the hub
    (github.com/huggingface/datasets pull request 2216), and nothing here may be chosen by them. An empty
    text is an error only where rows are missing: the leaderboard asks for every row of the official split,
    whatever is in it. Raises UserError.
    """
    checked = _without_labels(task, split, frame, where, empty_allowed=len(frame) == official_rows)
    again = np.flatnonzero(checked["idx"].duplicated())
    if len(again):
        raise UserError(
            f"{where}, row {again[0] + 1}: idx is {checked['idx'][again[0]]} a second time; allowed: each "
            "idx once"
        )
    return checked


def check_columns(needed: Sequence[str], there: Sequence[str], where: str) -> None:
    """Raise UserError unless all columns ``needed`` are among those that a file has, ``there``."""
    for column in needed:
        if column not in there:
            raise UserError(f"{where} has no column {shown(column)}; it has {listed(there)}")


def check_label_order(task: Task, names: Sequence[str], where: str) -> None:
    """Raise UserError unless a file's label names are the registry's, in the registry's order."""
    if task.labels is not None and tuple(names) != task.labels:
        raise UserError(
            f"{where} declares the label order {listed(names)}; {task.name} needs {listed(task.labels)}"
        )


def name_codes(task: Task, column: pd.Series) -> pd.Series:
    """Return a column of class codes as ``check_split`` reads them without doubt: by name, if need be.

    A code of no class, as -1 of a row without a label, becomes a text that is no name.
    """
    if task.regression or not _names_alone(task):
        return column
    names = dict(enumerate(task.classes))
    return column.map(lambda value: names.get(value, f"code {value}"), na_action="ignore")


def _without_labels(
    task: Task, split: str, frame: pd.DataFrame, where: str, *, empty_allowed: bool
) -> pd.DataFrame:
    checked = _text_columns(task, frame, task.text_columns, where)
    if not empty_allowed:
        _check_empty_texts(task, split, checked, where)
    checked["label"] = pd.Series([NO_LABEL] * len(frame), dtype="int64")
    checked["idx"] = _idx(frame, where)
    return pd.DataFrame(checked)


def _text_columns(task: Task, frame: pd.DataFrame, needed: Sequence[str], where: str) -> dict[str, pd.Series]:
    """Return the checked texts of a split that has rows and all the columns ``needed``."""
    if frame.empty:
        raise UserError(f"{where} has no rows")
    check_columns(needed, list(frame.columns), where)
    return {column: _texts(frame[column], where) for column in task.text_columns}


def _values(column: pd.Series, where: str) -> list[Any]:
    null = np.flatnonzero(column.isna())
    if len(null):
        raise UserError(f"{where}, row {null[0] + 1}: {column.name} is null; allowed: a value in every row")
    return column.tolist()


def _texts(column: pd.Series, where: str) -> pd.Series:
    values = _values(column, where)
    for row, value in enumerate(values, start=1):
        if not isinstance(value, str):
            raise UserError(f"{where}, row {row}: {column.name} is {shown(value)}, which is not text")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"{where}, row {row}: {column.name} is {shown(value)}, which is not valid Unicode"
            ) from error
    return pd.Series(values, dtype="str")


def _check_empty_texts(task: Task, split: str, texts: dict[str, pd.Series], where: str) -> None:
    empty = pd.DataFrame({column: values.str.strip() == "" for column, values in texts.items()})
    rows = np.flatnonzero(empty.any(axis="columns"))
    allowed = task.empty_texts.get(split, 0)
    if len(rows) > allowed:
        first = rows[0]
        column = empty.columns[empty.iloc[first].to_numpy().argmax()]
        note = f" (as in {len(rows)} rows, where the official data has {allowed})" if allowed else ""
        raise UserError(f"{where}, row {first + 1}: {column} is empty{note}")


def _codes(task: Task, frame: pd.DataFrame, where: str) -> pd.Series:
    code_of = _code_by_value(task)
    codes = []
    for row, value in enumerate(_values(frame["label"], where), start=1):
        known = isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
        code = code_of.get(str(value)) if known else None
        if code is None:
            raise UserError(f"{where}, row {row}: label is {shown(value)}; allowed: {_allowed(task)}")
        codes.append(code)
    return pd.Series(codes, dtype="int64")


def _code_by_value(task: Task) -> dict[str, int]:
    """Return each class's code by what a label may be, as text: its name, or its code.

    A name that is a whole number could be taken for a code. So where one is not its own code, only names are
    read, and a number never means one class in one file and another class in another.
    """
    names = {name: code for code, name in enumerate(task.classes)}
    return names if _names_alone(task) else names | {str(code): code for code in names.values()}


def _names_alone(task: Task) -> bool:
    numbers = {name: code for code, name in enumerate(task.classes) if re.fullmatch("[+-]?[0-9]+", name)}
    return any(name != str(code) for name, code in numbers.items())


def _allowed(task: Task) -> str:
    if _names_alone(task):
        return f"{', '.join(task.classes)} (names only, not codes, because a name is a whole number)"
    return ", ".join(f"{code} ({name})" for code, name in enumerate(task.classes))


def _scores(task: Task, column: pd.Series, where: str) -> pd.Series:
    low, high = task.label_range
    scores = []
    for row, value in enumerate(_values(column, where), start=1):
        score = _number(value)
        if not low <= score <= high:
            raise UserError(
                f"{where}, row {row}: label is {shown(value)}; allowed: numbers from {low:g} to {high:g}"
            )
        scores.append(score)
    return pd.Series(scores, dtype="float32")


def _number(value: Any) -> float:
    """Return the value as a float, NaN where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def _check_classes(task: Task, split: str, labels: pd.Series, where: str) -> None:
    present = set(labels)
    if len(present) == 1:
        raise UserError(
            f"{where} has the label {labels[0]:g} in all of its {len(labels)} rows; allowed: at least two "
            "different labels"
        )
    if split == TRAIN and not task.regression:
        for code, name in enumerate(task.classes):
            if code not in present:
                raise UserError(f"{where} has no row of class {code} ({name}); training needs every class")


def _idx(frame: pd.DataFrame, where: str) -> pd.Series:
    if "idx" not in frame:
        return pd.Series(range(len(frame)), dtype="int64")
    values = _values(frame["idx"], where)
    for row, value in enumerate(values, start=1):
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63:
            raise UserError(
                f"{where}, row {row}: idx is {shown(value)}; allowed: whole numbers of at most 64 bits"
            )
    return pd.Series(values, dtype="int64")
