"""The tasks that a configuration defines, and the names of tasks in it."""

from __future__ import annotations

import re
from typing import Any

from kdnas.data.frames import GIVEN_ANSWERS, TRAIN_ROW
from kdnas.data.kinds import THRESHOLD, TWO_CLASS_METRICS, Classes, LabelSets, Numbers
from kdnas.data.tasks import BALANCED, TASKS
from kdnas.errors import UserError
from kdnas.sentences import shown

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)
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
        taken = {"label", "idx", TRAIN_ROW, GIVEN_ANSWERS, *_label_columns(task)}
        for column in task["text_columns"]:
            if column in taken:
                raise UserError(
                    f"{path}.text_columns has {column}; allowed: columns of text whose name is not "
                    f"{' or '.join(sorted(taken))}"
                )
        _check_labels(path, task)
        _check_metrics(path, task)
        _check_answers(path, task)
        if task["class_weights"] == BALANCED and task["metrics"][0] in Numbers.metrics:
            raise UserError(f"{path}.class_weights is balanced; allowed for a number: none")
        _check_encoding(path, task["encoding"])
        if task["hub"] is not None and not HUB_ID.fullmatch(task["hub"]["repository"]):
            raise UserError(
                f"{path}.hub.repository is {shown(task['hub']['repository'])}; allowed: a data set's id, "
                "such as owner/name"
            )


def check_sources_of_custom_tasks(data: dict[str, Any]) -> None:
    """Raise UserError for the first custom task in ``data.tasks`` that ``data.source`` cannot give."""
    for name in data["tasks"]:
        task = data["custom_tasks"].get(name)
        if task is not None and data["source"] == "hub" and task["hub"] is None:
            raise UserError(
                f"data.custom_tasks.{name}.hub is null; allowed with data.source hub: the repository and the "
                "revision of its data set"
            )


def _check_labels(path: str, task: dict[str, Any]) -> None:
    """Refuse keys about label sets where a row has one label, and those of two forms at once."""
    for key, default in (("label_columns", None), ("label_separator", None), ("threshold", THRESHOLD)):
        if task[key] != default and not task["multi_label"]:
            raise UserError(
                f"{path}.{key} is {shown(task[key])}, which is for several labels in a row; allowed: "
                "multi_label: true beside it"
            )
    columns, separator = task["label_columns"], task["label_separator"]
    if columns is not None and (separator is not None or task["labels"] is not None):
        other = "labels" if separator is None else "label_separator"
        raise UserError(
            f"{path}.{other} is {shown(task[other])}, but label_columns has a column for each label; "
            "allowed: one of the two"
        )
    for name in task["labels"] or () if separator is not None else ():
        if separator in name or name != name.strip():
            raise UserError(
                f"{path}.labels has {shown(name)}; allowed with label_separator {shown(separator)}: names "
                "without it, and without spaces at their ends"
            )


def _check_metrics(path: str, task: dict[str, Any]) -> None:
    """Refuse metrics of another kind of label, and those that need two classes for more."""
    labels, metrics = task["labels"], task["metrics"]
    of = "labels null" if labels is None else f"{len(labels)} classes"
    allowed = Classes.metrics
    if task["multi_label"]:
        of, allowed = "multi_label: true", LabelSets.metrics
    elif labels is None and metrics[0] in Numbers.metrics:
        of, allowed = f"{metrics[0]}, which is for numbers", Numbers.metrics
    elif metrics[0] in LabelSets.metrics and metrics[0] not in allowed:
        of = "one label a row"
    elif labels is None:
        of = f"{metrics[0]}, which is for classes"
    elif len(labels) > 2:
        allowed = tuple(metric for metric in allowed if metric not in TWO_CLASS_METRICS)
    for metric in metrics:
        if metric not in allowed:
            several = metric in LabelSets.metrics and not task["multi_label"]
            hint = " (it is for several labels in a row: multi_label: true)" if several else ""
            raise UserError(f"{path}.metrics has {metric}{hint}; allowed with {of}: {', '.join(allowed)}")


def _label_columns(task: dict[str, Any]) -> list[str]:
    return task["label_columns"] or [task["label_column"]]


def _check_answers(path: str, task: dict[str, Any]) -> None:
    """Refuse columns of answers that are not one for each label, or have something else in them."""
    columns = task["answer_columns"]
    if columns is None:
        return
    numbers = task["metrics"][0] in Numbers.metrics
    labels = task["label_columns"] or task["labels"]
    if labels is None and not numbers:
        raise UserError(
            f"{path}.labels is null; allowed with answer_columns: a list in the order of these columns"
        )
    wanted = 1 if labels is None else len(labels)
    if len(columns) != wanted:
        each = "the number" if numbers else f"each of the {wanted} labels, in their order"
        raise UserError(f"{path}.answer_columns is a list of {len(columns)}; allowed: one column for {each}")
    for column in columns:
        if column in (*task["text_columns"], *_label_columns(task)):
            raise UserError(
                f"{path}.answer_columns has {shown(column)}, which holds texts or labels; allowed: columns "
                "with the answers of another model"
            )


def _check_encoding(path: str, name: str) -> None:
    try:
        "".encode(name)
    except (LookupError, ValueError) as error:  # no such name, no encoding of text, or a null byte in it
        raise UserError(
            f"{path}.encoding is {shown(name)}; allowed: an encoding of text that Python knows, such as "
            "utf-8, utf-16 or cp1252"
        ) from error


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
