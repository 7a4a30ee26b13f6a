"""Entries that a later file takes back: it can add to an earlier file's mapping, but not empty it.

So 0 unlabelled rows, or null as an intermediate task, stand for an entry that is not there.
"""

from __future__ import annotations

from typing import Any


def without_unset(config: dict[str, Any]) -> dict[str, Any]:
    """Return ``config`` without the tasks that have 0 unlabelled rows or null as their intermediate task."""
    data, teacher = config["data"], config["teacher"]
    rows = {task: most for task, most in data["max_unlabelled_rows"].items() if most != 0}
    intermediate = {task: other for task, other in teacher["intermediate_tasks"].items() if other is not None}
    return config | {
        "data": data | {"max_unlabelled_rows": rows},
        "teacher": teacher | {"intermediate_tasks": intermediate},
    }
