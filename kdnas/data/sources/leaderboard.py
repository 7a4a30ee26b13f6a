"""The test splits that the leaderboard asks for, from any source, kept apart from the training data."""

from __future__ import annotations

from typing import Any

import pandas as pd

from kdnas.data.leaderboard import LEADERBOARD
from kdnas.data.settings import DataSettings
from kdnas.data.sources import SOURCES
from kdnas.data.sources.checks import check_test_split
from kdnas.data.tasks import get_task


def load_test_split(name: str, data: DataSettings) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Return the checked rows that the leaderboard's file ``name`` is predicted on, and their ``meta.json``.

    The one frame, under the name of its split, has the
    columns ``task.columns``; its labels are -1. Raises UserError for a split that is missing or damaged.
    """
    wanted = LEADERBOARD[name]
    task = get_task(wanted.task)
    rows, where = SOURCES[data.source].load_test(
        task, data, subset=wanted.subset, split=wanted.split, rows=wanted.rows
    )
    frame = check_test_split(task, wanted.split, rows, official_rows=wanted.rows, where=where)
    meta = {
        "task": wanted.task,
        "source": data.source,
        "splits": {wanted.split: {"rows": len(frame), "official_rows": wanted.rows}},
    }
    return {wanted.split: frame}, meta
