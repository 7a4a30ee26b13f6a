"""Where the raw files are, and how cells of tables are written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

DOCS = Path(__file__).resolve().parents[2] / "docs"
DATA = DOCS / "measurements" / "data"


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a GitHub Markdown table."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *([str(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def interval(value: float, low: float, high: float, digits: int = 2) -> str:
    """Return a number with its interval, if it has one."""
    shown, *ends = (f"{round(number, digits) + 0.0:.{digits}f}" for number in (value, low, high))  # no -0.0
    return shown if pd.isna(low) else f"{shown} [{', '.join(ends)}]"


def seconds(value: float) -> str:
    """Return seconds as text, empty for none."""
    return "" if pd.isna(value) else f"{value:.0f} s"


def minutes(value: float) -> str:
    """Return seconds as minutes and seconds, empty for none."""
    return "" if pd.isna(value) else f"{value // 60:.0f} min {value % 60:.0f} s"
