"""The history of a search: one row for every evaluated candidate."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from kdnas.errors import UserError
from kdnas.files.artifacts import write_text
from kdnas.files.csv_file import read_csv
from kdnas.search.space import DIMENSIONS, Architecture

COLUMNS = (
    "episode",
    "candidate",
    *DIMENSIONS,
    "origin",
    "epsilon",
    "predicted_reward",
    "status",
    "reason",
    "quality",
    "quality_accuracy",
    "quality_loss",
    "quality_agreement",
    "latency_ms",
    "latency_ratio",
    "ratio_low",
    "ratio_high",
    "hardware",
    "reward",
    "parameters",
)
# columns that the history of an earlier version of the workflow may lack
LATER = ("ratio_low", "ratio_high", "hardware", "quality_agreement")


def empty_history() -> pd.DataFrame:
    """Return a history of no rows."""
    return pd.DataFrame(columns=list(COLUMNS))


def write_history(path: str | Path, history: pd.DataFrame) -> None:
    """Write a history as CSV with unrounded numbers."""
    buffer = io.StringIO()
    history[list(COLUMNS)].to_csv(buffer, index=False, lineterminator="\n")
    write_text(path, buffer.getvalue())


def read_history(path: str | Path) -> pd.DataFrame:
    """Read a history, with empty columns for ``LATER`` ones that it lacks; UserError if it is damaged."""
    history = read_csv(path)
    history = history.reindex(columns=[*history.columns, *(set(LATER) - set(history.columns))])
    missing = [column for column in COLUMNS if column not in history.columns]
    if missing:
        raise UserError(
            f"{path} is damaged (no column {missing[0]}); delete it and run the same command again"
        )
    return history


def architectures(history: pd.DataFrame) -> list[Architecture]:
    """Return the architecture of every row."""
    return [Architecture.from_dict(row) for row in history[list(DIMENSIONS)].to_dict("records")]


def check_any_succeeded(history: pd.DataFrame, what: str) -> None:
    """Raise UserError if every candidate of ``history`` failed; ``what`` names the search in the sentence."""
    if not (history["status"] == "ok").any():
        reasons = sorted({str(reason) for reason in history["reason"]})
        raise UserError(f"every candidate of {what} failed ({'; '.join(reasons)[:300]})")


def best_row(history: pd.DataFrame) -> pd.Series | None:
    """Return the row of the highest reward (the earliest of equals) among those that did not fail."""
    succeeded = history[history["status"] == "ok"]
    return None if succeeded.empty else succeeded.loc[succeeded["reward"].idxmax()]
