"""Scores by seed, from ``metrics.json`` files: the basis of score tables and paired comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from kdnas.data.tasks import TEST, Definition, Task, completed, get_task, tasks_by_name


def scored_tasks(definitions: Iterable[Definition], records: Iterable[dict[str, Any]]) -> dict[str, Task]:
    """Return the tasks by name, with the test split of a custom task where ``records`` have scores on it."""
    tested = {record["task"] for record in records if TEST in record["scores"]}
    return {
        name: get_task(completed(task.definition, {"found": {"test": True}})) if name in tested else task
        for name, task in tasks_by_name(definitions).items()
    }


def seed_scores(records: Iterable[dict[str, Any]], tasks: Mapping[str, Task]) -> pd.DataFrame:
    """Return one row a model, task, split and seed; ``score`` is the primary metric in points.

    ``records`` are contents of ``metrics.json`` (docs/artifacts.md) on ``tasks``. The other columns are
    ``rows`` (of the split) and ``official_rows`` (of GLUE's, None where the data are not GLUE's).
    """
    return pd.DataFrame(
        [
            {
                "model": record["model"],
                "task": record["task"],
                "split": split,
                "seed": record["seed"],
                "score": 100 * tasks[record["task"]].primary(scores),
                "rows": record["rows"][split],
                "official_rows": record["official_rows"][split],
            }
            for record in records
            for split, scores in record["scores"].items()
        ]
    )


def unlabelled_rows(records: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Return how many rows without labels students learned from, by task, where there are any.

    A teacher's record has no such number.
    """
    return {record["task"]: rows for record in records if (rows := record.get("unlabelled_rows"))}


def complete_tasks(scores: pd.DataFrame, models: Sequence[str], tasks: Mapping[str, Task]) -> list[str]:
    """Return the names of the tasks with a score of every model on every evaluation split, in their order."""
    found = set(zip(scores["model"], scores["task"], scores["split"], strict=True))
    return [
        name
        for name, task in tasks.items()
        if all((model, name, split) in found for model in models for split in task.evaluation_splits)
    ]


def seed_averages(scores: pd.DataFrame, model: str, tasks: Sequence[str]) -> pd.Series:
    """Return a model's average over ``tasks`` by seed, for the seeds that have all of them.

    A task with two splits (MNLI) counts once, as the mean of both; a custom task's test split counts not at
    all, as averages are what readers choose students by.
    """
    rows = scores[(scores["model"] == model) & scores["task"].isin(tasks) & (scores["split"] != TEST)]
    by_task = rows.groupby(["seed", "task"])["score"].mean().unstack("task")
    return by_task.reindex(columns=list(tasks)).dropna().mean(axis="columns")
