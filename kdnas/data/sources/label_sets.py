"""Label sets as files have them, and as one list in each row: what all checks after this one read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kdnas.data.settings import Layout
from kdnas.data.sources.checks import cell, check_columns
from kdnas.data.tasks import TRAIN
from kdnas.errors import UserError
from kdnas.sentences import shown

_HAS = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}


def as_lists(frame: pd.DataFrame, layout: Layout, *, task: str, split: str, where: str) -> pd.DataFrame:
    """Return ``frame`` with a list of names or codes, or None, in each row of ``layout.label_column``.

    The lists come from columns of 0 and 1, from text with a separator between labels, or are there already.
    A file without any column of labels stays as it is, for a split that may lack them. Raises UserError.
    """
    there = [column for column in layout.labels if column in frame]
    if not there:
        return frame
    if layout.label_columns:
        check_columns(layout.labels, list(frame.columns), where)
        lists = _of_columns(frame, layout.label_columns, where)
    elif layout.label_separator is not None:
        lists = _of_texts(frame[layout.label_column], layout.label_separator, where)
        if split == TRAIN:
            _check_separator(frame[layout.label_column], layout.label_separator, task, where)
    else:
        lists = _of_lists(frame[layout.label_column], task, where)
    return frame.drop(columns=there).assign(**{layout.label_column: pd.Series(lists, dtype="object")})


def _of_columns(frame: pd.DataFrame, columns: tuple[str, ...], where: str) -> list[list[str]]:
    has = {column: [_HAS.get(str(value).strip().lower()) for value in frame[column]] for column in columns}
    for column, values in has.items():
        if None in values:
            row = values.index(None)
            raise UserError(
                f"{where}, row {row + 1}: {column} is {cell(frame[column].iloc[row])}; allowed: 1 for a row "
                "with this label and 0 for one without (texts without labels go into a file unlabelled.*)"
            )
    return [
        [column for column, one in zip(columns, row, strict=True) if one]
        for row in zip(*has.values(), strict=True)
    ]


def _of_texts(column: pd.Series, separator: str, where: str) -> list[list[str] | None]:
    lists: list[list[str] | None] = []
    for row, value in enumerate(column, start=1):
        if value is not None and not isinstance(value, str | float):
            raise UserError(
                f"{where}, row {row}: {column.name} is {cell(value)}; allowed with label_separator: text, "
                "empty for no label"
            )
        names = value.split(separator) if isinstance(value, str) else None
        lists.append(None if names is None else [part for name in names if (part := name.strip())])
    return lists


def _check_separator(column: pd.Series, separator: str, task: str, where: str) -> None:
    """Raise UserError where no text has the separator, or where all are lists as Python writes them."""
    given = [value.strip() for value in column if isinstance(value, str) and value.strip()]
    if given and all(value.startswith("[") and value.endswith("]") for value in given):
        raise UserError(
            f"{where} has in {column.name} lists written as text, the first {shown(given[0])}; allowed with "
            "label_separator: labels without brackets and quotes (lists are read from JSON and Parquet files)"
        )
    if not column.astype("str").str.contains(separator, regex=False).any():
        raise UserError(
            f"data.custom_tasks.{task}.label_separator is {shown(separator)}, which is in no row of "
            f"{column.name} of {where} (the first: {shown(given[0]) if given else 'all are empty'}); "
            "allowed: what stands between two labels of a row"
        )


def _of_lists(column: pd.Series, task: str, where: str) -> list[list[Any] | None]:
    lists: list[list[Any] | None] = []
    for row, value in enumerate(column, start=1):
        items = value.tolist() if isinstance(value, np.ndarray) else value
        missing = items is None or (isinstance(items, float) and np.isnan(items))
        if not missing and not isinstance(items, list | tuple):
            raise UserError(
                f"{where}, row {row}: {column.name} is {cell(value)}; allowed with multi_label: a list of "
                f"names or codes, [] for no label (of data.custom_tasks.{task}, label_separator is for text "
                "and label_columns for columns of 0 and 1)"
            )
        lists.append(None if missing else list(items))
    return lists
