"""The tasks that a configuration defines, and the names of tasks in it."""

from __future__ import annotations

import re
from typing import Any

from kdnas.data.frames import TRAIN_ROW
from kdnas.data.tasks import CLASS_METRICS, NUMBER_METRICS, TASKS
from kdnas.errors import UserError

# the encoder's folder beside the tasks' teachers, the diagnostic set, and rows of the table of scores
RESERVED = re.compile(r"base|ax|(average|teacher_share).*")


def check_custom_tasks(custom_tasks: dict[str, Any]) -> None:
    """Raise UserError for the first entry of ``data.custom_tasks`` that does not define a task."""
    for name, task in custom_tasks.items():
        path = f"data.custom_tasks.{name}"
        if name in TASKS or RESERVED.fullmatch(name):
            raise UserError(
                f"data.custom_tasks has {name}; allowed: a name other than {', '.join(TASKS)}, ax and base "
                "that does not start with average or teacher_share"
            )
        for column in task["text_columns"]:
            if column in ("label", "idx", TRAIN_ROW):
                raise UserError(
                    f"{path}.text_columns has {column}; allowed: columns of text whose name is not label, "
                    f"idx or {TRAIN_ROW}"
                )
        allowed = NUMBER_METRICS if task["labels"] is None else CLASS_METRICS
        if task["labels"] is not None and len(task["labels"]) > 2:
            allowed = tuple(metric for metric in allowed if metric != "f1")
        for metric in task["metrics"]:
            if metric not in allowed:
                of = "labels null" if task["labels"] is None else f"{len(task['labels'])} classes"
                raise UserError(f"{path}.metrics has {metric}; allowed with {of}: {', '.join(allowed)}")


def check_task_names(config: dict[str, Any]) -> None:
    """Raise UserError for the first key that names a task which neither GLUE nor the configuration has."""
    data = config["data"]
    rows = data["max_train_rows"]
    named = {
        "data.tasks": data["tasks"],
        "data.max_train_rows": rows if isinstance(rows, dict) else [],
        "data.max_unlabelled_rows": data["max_unlabelled_rows"],
        "teacher.intermediate_tasks": config["teacher"]["intermediate_tasks"],
        "distillation.start_from_search_task": config["distillation"]["start_from_search_task"],
    }
    custom = data["custom_tasks"]
    for key, names in named.items():
        for name in names:
            if name not in TASKS and name not in custom:
                raise UserError(
                    f"{key} has {name}; allowed: {', '.join(TASKS)}, or a name in data.custom_tasks "
                    f"({', '.join(custom) or 'which is empty'})"
                )
