"""What a table is, before it is written in any form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True)
class Table:
    """A table for machines (``data``) and for people (``shown``).

    ``data`` holds unrounded numbers; ``shown`` holds text, its first column names the rows. ``bold`` holds
    (row position, column name) of the cells of ``shown`` to print in bold; ``left`` names further columns of
    words, which are aligned to the left.
    """

    name: str
    title: str
    data: pd.DataFrame
    shown: pd.DataFrame
    notes: list[str]
    bold: set[tuple[int, str]] = field(default_factory=set)
    left: tuple[str, ...] = ()

    @property
    def left_columns(self) -> list[bool]:
        """Tell for each column of ``shown`` whether it is aligned to the left."""
        return [column in self.left or not position for position, column in enumerate(self.shown.columns)]


def number(value: float | None, digits: int) -> str:
    """Return ``value`` rounded to ``digits`` decimals; an empty cell for None and NaN."""
    return "" if value is None or pd.isna(value) else f"{value:.{digits}f}"


def mean_sd(mean: float | None, sd: float | None, digits: int) -> str:
    """Return ``mean ± sd``, or the mean alone when the standard deviation is not known."""
    text = number(mean, digits)
    return f"{text} ± {number(sd, digits)}" if text and number(sd, digits) else text


def best_cells(
    values: Mapping[str, Iterable[float | None]], rows: Iterable[int], shown: pd.DataFrame
) -> set[tuple[int, str]]:
    """Return the cells to print in bold: the highest of ``values`` in each column among ``rows``.

    ``values`` maps a column to one number a row of the table. Cells that read the same as the best one are
    bold too. Nothing is best among fewer than two numbers.
    """
    bold = set()
    for column, numbers in values.items():
        numbers = list(numbers)
        known = {row: value for row in rows if (value := numbers[row]) is not None and not pd.isna(value)}
        if len(known) < 2:
            continue
        best = shown[column].iloc[max(known, key=known.__getitem__)]
        bold |= {(row, column) for row in known if shown[column].iloc[row] == best}
    return bold
