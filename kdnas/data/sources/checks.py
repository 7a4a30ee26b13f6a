"""Checks of a split's rows against the task registry; every finding is one sentence for the user."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kdnas.data.kinds import Numbers
from kdnas.data.names import WHOLE_NUMBER, unquoted
from kdnas.data.tasks import TRAIN, Task
from kdnas.data.unlabelled import NO_LABEL, UNLABELLED
from kdnas.errors import UserError
from kdnas.sentences import listed, shown

CLASS_NAME = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,200}"  # as in the config
LARGEST = 1e30  # of numbers as labels, which are stored in float32
UNKNOWN_CODE = "code -1"  # of a row without a label, where a file declares the names of codes


@dataclass(frozen=True)
class LabelColumn:
    """The ``name`` of the column with labels; ``names_only``: they are names of classes and never codes."""

    name: str = "label"
    names_only: bool = False


def check_split(
    task: Task, split: str, frame: pd.DataFrame, *, where: str, label: LabelColumn | None = None
) -> pd.DataFrame:
    """Return the rows with exactly ``task.columns``: str texts, labels (:mod:`kdnas.data.kinds`), int64 idx.

    ``where`` is the file that messages name; rows in messages count from 1. Label names become codes; a
    missing ``idx`` is counted from 0, and so is a custom task's. In the split ``unlabelled`` every label is
    -1; labels in the file are not read. A custom task may have empty texts, but not all of a column. Raises
    UserError.
    """
    label = label or LabelColumn()
    if split == UNLABELLED:
        return _without_labels(task, split, frame, where, empty_allowed=False)
    checked = _text_columns(task, frame, (*task.text_columns, label.name), where)
    _check_empty_texts(task, split, checked, where)
    values = _labels(frame[label.name], where)
    read = _scores if task.regression else _code_sets if task.multi_label else _codes
    checked["label"] = read(task, values, label, where)
    _check_classes(task, split, checked["label"], where)
    checked["idx"] = _idx(task, frame, where)
    return pd.DataFrame(checked)


def found_classes(task: Task, frame: pd.DataFrame, label: str, *, where: str) -> tuple[str, ...]:
    """Return the classes of the training rows ``frame``: whole numbers by size, other names as texts sort.

    Spaces around a name do not count. Of label sets, they are the labels that any row has. Raises UserError
    for a label that is no class's name, for names that differ by quotes alone, or for too many of them to be
    classes.
    """
    check_columns((label,), list(frame.columns), where)
    values = list(enumerate(_labels(frame[label], where), start=1))
    if task.multi_label:
        values = [(row, item) for row, items in values for item in items]
    for row, value in values:
        if not _may_be_name(value) or not re.fullmatch(CLASS_NAME, str(value).strip()):
            raise UserError(
                f"{where}, row {row}: {label} is {shown(value)}; allowed for a class: a whole number, or "
                f"text of at most 200 characters without control characters{_other_kinds(task)}"
            )
    names = {str(value).strip() for _, value in values}
    twins = sorted(name for name in names if unquoted(name) in names - {name})
    if twins:
        raise UserError(
            f"{where} has in {label} both {unquoted(twins[0])} and {twins[0]}, which differ by quotes alone; "
            f"allowed: one spelling of a {task.kind.noun}"
        )
    if task.multi_label and len(names) < 2:
        raise UserError(
            f"{where} has in {label} no other labels than {listed(names)}; allowed: at least two different "
            "labels"
        )
    if len(names) == 1:
        raise UserError(
            f"{where} has the {label} {shown(values[0][1])} in all of its {len(values)} rows; allowed: at "
            "least two different labels"
        )
    if len(names) * 2 > len(values):
        raise UserError(
            f"{where} has {len(names)} different values of {label} in {len(frame)} rows; allowed for "
            f"classes: at least two rows of each on average{_other_kinds(task)}"
        )
    if all(re.fullmatch(WHOLE_NUMBER, name) for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def _other_kinds(task: Task) -> str:
    """Return what an entry of another kind of label says."""
    if task.multi_label:
        return ""
    entry = f"data.custom_tasks.{task.name}"
    return (
        f" (for numbers, {entry}.metrics has {' or '.join(Numbers.metrics)}; for several labels in a row, "
        f"{entry}.multi_label is true)"
    )


def lacks_labels(frame: pd.DataFrame, label: str) -> bool:
    """Return whether no row has a label: no such column, nothing in it or in its lists, or code -1 alone."""
    if label not in frame:
        return True
    column = frame[label]
    return bool((column.isna() | column.astype("str").str.strip().isin(["", "[]", "-1", UNKNOWN_CODE])).all())


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


def name_codes(
    task: Task, frame: pd.DataFrame, names: Sequence[str], *, label: str, where: str
) -> pd.DataFrame:
    """Return ``frame`` with codes as ``check_split`` reads them without doubt: by the ``names`` of the file.

    A code of no class, as -1 of a row without a label, becomes a text that is no name. Label sets are lists
    of codes, in each of which that is done. Raises UserError for names that are not the task's, in its order.
    """
    check_label_order(task, names, where)
    if label not in frame or task.regression or not (task.open or _names_alone(task)):
        return frame
    known = dict(enumerate(map(str, names)))

    def named(value: Any) -> Any:
        if isinstance(value, np.ndarray | list):
            return [named(code) for code in value]
        return known.get(value, f"code {value}")

    return frame.assign(**{label: frame[label].map(named, na_action="ignore")})


def _without_labels(
    task: Task, split: str, frame: pd.DataFrame, where: str, *, empty_allowed: bool
) -> pd.DataFrame:
    checked = _text_columns(task, frame, task.text_columns, where)
    if not empty_allowed:
        _check_empty_texts(task, split, checked, where)
    checked["label"] = pd.Series([NO_LABEL] * len(frame), dtype="int64")
    checked["idx"] = _idx(task, frame, where)
    return pd.DataFrame(checked)


def _text_columns(task: Task, frame: pd.DataFrame, needed: Sequence[str], where: str) -> dict[str, pd.Series]:
    """Return the checked texts of a split that has rows and all the columns ``needed``."""
    if frame.empty:
        raise UserError(f"{where} has no rows")
    check_columns(needed, list(frame.columns), where)
    return {column: _texts(task, frame[column], where) for column in task.text_columns}


def _values(column: pd.Series, where: str) -> list[Any]:
    null = np.flatnonzero(column.isna())
    if len(null):
        raise UserError(f"{where}, row {null[0] + 1}: {column.name} is null; allowed: a value in every row")
    return column.tolist()


def _labels(column: pd.Series, where: str) -> list[Any]:
    """Return the labels, one in every row."""
    values = column.tolist()
    null = column.isna().to_numpy()
    blank = np.array([isinstance(value, str) and not value.strip() for value in values], dtype=bool)
    missing = np.flatnonzero(null | blank)
    if len(missing):
        first = missing[0]
        raise UserError(
            f"{where}, row {first + 1}: {column.name} is {'null' if null[first] else 'empty'} (as in "
            f"{len(missing)} of {len(values)} rows); allowed: a value in every row (texts without a label go "
            "into a file unlabelled.*)"
        )
    return values


def _texts(task: Task, column: pd.Series, where: str) -> pd.Series:
    if task.custom:
        column = column.astype("object").where(column.notna(), "")
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
    if task.custom:
        for column in empty:
            if empty[column].all():
                raise UserError(f"{where} has no text in {column}, in none of its {len(empty)} rows")
        return
    rows = np.flatnonzero(empty.any(axis="columns"))
    allowed = task.empty_texts.get(split, 0)
    if len(rows) > allowed:
        first = rows[0]
        column = empty.columns[empty.iloc[first].to_numpy().argmax()]
        note = f" (as in {len(rows)} rows, where the official data has {allowed})" if allowed else ""
        raise UserError(f"{where}, row {first + 1}: {column} is empty{note}")


def _may_be_name(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def _codes(task: Task, values: Sequence[Any], label: LabelColumn, where: str) -> pd.Series:
    code = _reader_of_codes(task, label, where)
    return pd.Series([code(row, value) for row, value in enumerate(values, start=1)], dtype="int64")


def _code_sets(task: Task, values: Sequence[Any], label: LabelColumn, where: str) -> pd.Series:
    code = _reader_of_codes(task, label, where)
    sets = [tuple(sorted({code(row, item) for item in items})) for row, items in enumerate(values, start=1)]
    return pd.Series(sets, dtype="object")


def _reader_of_codes(task: Task, label: LabelColumn, where: str) -> Callable[[int, Any], int]:
    """Return a function of a row's number and a value in it that gives the class's code or a UserError."""
    names_only = label.names_only or _names_alone(task)
    code_of = {name: code for code, name in enumerate(task.classes)}
    if not names_only:
        code_of |= {str(code): code for code in code_of.values()}

    def read(row: int, value: Any) -> int:
        text = str(value) if _may_be_name(value) else ""
        code = code_of.get(text, code_of.get(text.strip()))
        if code is None:
            nouns, classes = task.kind.nouns, task.classes
            allowed = (
                f"one of the {len(classes)} {nouns} of the training rows, {listed(classes)}"
                if label.names_only
                else _allowed(task)
            )
            verb = "has" if task.multi_label else "is"
            raise UserError(f"{where}, row {row}: {label.name} {verb} {shown(value)}; allowed: {allowed}")
        return code

    return read


def _names_alone(task: Task) -> bool:
    """Return whether only names are read, and no codes.

    A name that is a whole number could be taken for a code. So where one is not its own code, only names are
    read, and a number never means one class in one file and another class in another.
    """
    numbers = {name: code for code, name in enumerate(task.classes) if re.fullmatch(WHOLE_NUMBER, name)}
    return any(name != str(code) for name, code in numbers.items())


def _allowed(task: Task) -> str:
    if _names_alone(task):
        return f"{listed(task.classes)} (names only, not codes, because a name is a whole number)"
    return listed(f"{code} ({name})" for code, name in enumerate(task.classes))


def _scores(task: Task, values: Sequence[Any], label: LabelColumn, where: str) -> pd.Series:
    low, high = task.label_range
    scores = []
    for row, value in enumerate(values, start=1):
        score = number(value)
        if not (low <= score <= high and abs(score) <= LARGEST):
            allowed = f"numbers from {low:g} to {high:g}" if math.isfinite(low) else "numbers such as 3.5"
            raise UserError(f"{where}, row {row}: {label.name} is {shown(value)}; allowed: {allowed}")
        scores.append(score)
    return pd.Series(scores, dtype="float32")


def cell(value: Any) -> str:
    """Return a value of a file for a sentence."""
    missing = value is None or (isinstance(value, float) and np.isnan(value))
    return "null" if missing else shown(value.item() if isinstance(value, np.generic) else value)


def number(value: Any) -> float:
    """Return the value as a float, NaN where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def _check_classes(task: Task, split: str, labels: pd.Series, where: str) -> None:
    if labels.nunique() == 1:
        sets = " sets of" if task.multi_label else ""
        raise UserError(
            f"{where} has {task.kind.label_in_words(labels[0])} in all of its {len(labels)} rows; allowed: "
            f"at least two different{sets} labels"
        )
    if split == TRAIN and not task.regression:
        rows_of_each = task.kind.rows_of_each(task.kind.targets(labels))
        for code, (name, rows) in enumerate(zip(task.classes, rows_of_each, strict=True)):
            if not rows:
                one = task.kind.noun
                raise UserError(f"{where} has no row of {one} {code} ({name}); training needs every {one}")


def _idx(task: Task, frame: pd.DataFrame, where: str) -> pd.Series:
    if "idx" not in frame or task.custom:
        return pd.Series(range(len(frame)), dtype="int64")
    values = _values(frame["idx"], where)
    for row, value in enumerate(values, start=1):
        whole = isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value)  # of a CSV file
        if not whole and (isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63):
            raise UserError(
                f"{where}, row {row}: idx is {shown(value)}; allowed: whole numbers of at most 64 bits"
            )
    return pd.Series([int(value) for value in values], dtype="int64")
