"""The test splits that the leaderboard asks for, from any source, kept apart from the training data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from kdnas.data.leaderboard import LEADERBOARD
from kdnas.data.sources import SOURCES
from kdnas.data.sources.checks import check_test_split
from kdnas.data.tasks import get_task


def load_test_split(
    name: str, data_config: Mapping[str, Any]
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Return the checked rows that the leaderboard's file ``name`` is predicted on, and their ``meta.json``.

    ``data_config`` is the ``data`` section of the config. The one frame, under the name of its split, has the
    columns ``task.columns``; its labels are -1. Raises UserError for a split that is missing or damaged.
    """
    wanted = LEADERBOARD[name]
    task, source = get_task(wanted.task), data_config["source"]
    rows, where = SOURCES[source].load_test(task, wanted.subset, wanted.split, wanted.rows, data_config)
    frame = check_test_split(task, wanted.split, rows, wanted.rows, where)
    meta = {
        "task": wanted.task,
        "source": source,
        "splits": {wanted.split: {"rows": len(frame), "official_rows": wanted.rows}},
    }
    return {wanted.split: frame}, meta
