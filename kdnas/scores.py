"""Scores by seed, from ``metrics.json`` files: what tables of scores and paired comparisons start from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from kdnas.tasks import TASKS


def seed_scores(records: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Return one row a model, task, split and seed; ``score`` is the primary metric in points.

    ``records`` are contents of ``metrics.json`` (docs/artifacts.md). The other columns are ``rows`` (of the
    split) and ``subset`` (whether these are not all official rows).
    """
    return pd.DataFrame(
        [
            {
                "model": record["model"],
                "task": record["task"],
                "split": split,
                "seed": record["seed"],
                "score": 100 * TASKS[record["task"]].primary(scores),
                "rows": record["rows"][split],
                "subset": split in record["subset"],
            }
            for record in records
            for split, scores in record["scores"].items()
        ]
    )


def complete_tasks(scores: pd.DataFrame, models: Sequence[str], tasks: Sequence[str]) -> list[str]:
    """Return the tasks on which every model has a score on every evaluation split, in their order."""
    found = set(zip(scores["model"], scores["task"], scores["split"], strict=True))
    return [
        task
        for task in tasks
        if all((model, task, split) in found for model in models for split in TASKS[task].evaluation_splits)
    ]


def seed_averages(scores: pd.DataFrame, model: str, tasks: Sequence[str]) -> pd.Series:
    """Return a model's average over ``tasks`` by seed, for the seeds that have all of them.

    A task with two splits (MNLI) counts once, as the mean of both.
    """
    rows = scores[(scores["model"] == model) & scores["task"].isin(tasks)]
    by_task = rows.groupby(["seed", "task"])["score"].mean().unstack("task")
    return by_task.dropna().mean(axis="columns")
