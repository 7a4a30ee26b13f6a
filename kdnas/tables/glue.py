"""The GLUE table: models x tasks, with averages and the share of the teacher's score."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.analysis.scores import complete_tasks, scored_tasks, seed_averages, seed_scores, unlabelled_rows
from kdnas.data.tasks import TASKS, TEST, Definition, Task
from kdnas.files.artifacts import read_json
from kdnas.tables.table import Table, best_cells, mean_sd, number

_METRICS = {
    "matthews": "Matthews correlation",
    "f1": "F1",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "samples_f1": "mean F1 of the rows",
    "subset_accuracy": "share of rows with all labels right",
    "weighted_f1": "weighted F1",
    "balanced_accuracy": "balanced accuracy",
    "roc_auc": "area under the ROC curve",
    "pearson": "Pearson",
    "spearman": "Spearman",
}
_COLUMNS = (
    "model",
    "task",
    "split",
    "label",
    "score",
    "sd",
    "seeds",
    "rows",
    "official_rows",
    "in_average",
    "synthetic",
    "reason",
)
_SUMMARIES = {
    "average": "Avg.",
    "average_without_cola": "w/o CoLA",
    "average_without_wnli": "w/o WNLI",
    "average_without_cola_and_wnli": "w/o CoLA, WNLI",
    "teacher_share": "% of teacher",
    "teacher_share_without_cola": "% w/o CoLA",
    "teacher_share_without_wnli": "% w/o WNLI",
    "teacher_share_without_cola_and_wnli": "% w/o CoLA, WNLI",
}
# the summaries that a table of all tasks has room for; one that leaves out a task needs it among the tasks
_SHOWN = {
    "average": None,
    "average_without_cola": "cola",
    "average_without_wnli": "wnli",
    "teacher_share": None,
    "teacher_share_without_cola": "cola",
}
_LEFT_OUT = {
    "": (),
    "_without_cola": ("cola",),
    "_without_wnli": ("wnli",),
    "_without_cola_and_wnli": ("cola", "wnli"),
}


def glue_table(metrics: Sequence[str | Path], definitions: Sequence[Definition]) -> Table:
    """Build the GLUE table from the ``metrics.json`` files of the teacher and the students.

    Rows: the teacher, then the students in the order of their files; columns in the order of the tasks.
    Scores are points (the primary metric times 100), the mean over seeds; the sample standard deviation is
    given for two seeds or more. MNLI's two splits count once in the average. A task that any model lacks is
    in no model's average. The share of the teacher is the ratio of the two averages, in percent. ``data`` has
    averages and shares without CoLA, without WNLI and without both; not all of them are shown.
    Raises UserError for a missing or damaged file.
    """
    records = [read_json(path) for path in metrics]
    models = list(dict.fromkeys(["teacher", *(record["model"] for record in records)]))
    tasks = scored_tasks(definitions, records)
    columns = [(name, split) for name, task in tasks.items() for split in task.evaluation_splits]
    seeds = seed_scores(records, tasks)
    synthetic = any(record["synthetic"] for record in records)

    cells = [_cell(seeds, model, *column) for model in models for column in columns]
    averaged = complete_tasks(seeds, models, tasks)
    data = pd.DataFrame(cells + _summaries(seeds, models, averaged))
    data["label"] = [
        _column_label(tasks, name, split) for name, split in zip(data["task"], data["split"], strict=True)
    ]
    data["in_average"] = data["task"].isin(averaged) & (data["split"] != TEST)
    data["synthetic"] = synthetic
    data = data[list(_COLUMNS)]
    data = data.astype(
        {"seeds": "Int64", "rows": "Int64", "official_rows": "Int64", "score": float, "sd": float}
    )

    shown, scores = _shown(data, models, columns, tasks, averaged)
    return Table(
        name="glue",
        title=data_title(data),
        data=data,
        shown=shown,
        notes=_notes(data, tasks, averaged, synthetic) + _unlabelled_notes(records, tasks),
        bold=best_cells(scores, range(1, len(models)), shown),
    )


def data_title(data: pd.DataFrame) -> str:
    """Return the title of the table: whether its scores are on GLUE, generated tasks or the user's own data.

    A split with more rows than GLUE's is not GLUE's, whatever its name; one with fewer may be a part of it.
    """
    if data["synthetic"].any():
        return "Synthetic GLUE-shaped tasks: synthetic data, not GLUE"
    scored = data[data["rows"].notna()]
    glue = (scored["rows"] <= scored["official_rows"]).fillna(False)
    if glue.all():
        return "GLUE development sets"
    return "Development sets, not all of them GLUE's" if glue.any() else "Development sets of your own data"


def task_label(task: Task) -> str:
    """Return a task's name in text, one for all of its splits: ``MNLI``, ``CoLA``."""
    return task.display_names[task.evaluation_splits[0]].removesuffix("-m")


def without_label(tasks: Container[str], *left_out: str) -> str:
    """Return what to write behind the name of an average of ``tasks`` without these: ``, w/o CoLA``.

    It is empty where none of them is among the ``tasks``.
    """
    absent = [task_label(TASKS[name]) for name in left_out if name in tasks]
    return f", w/o {', '.join(absent)}" if absent else ""


def _column_label(tasks: Mapping[str, Task], name: str, split: str | None) -> str:
    """Return the header of a column of the table, as in ``MNLI-mm``, ``CoLA`` or ``Avg.``."""
    if name in _SUMMARIES:
        return _SUMMARIES[name]
    assert split is not None  # summaries alone have none
    return tasks[name].display_names[split]


def _cell(seeds: pd.DataFrame, model: str, task: str, split: str) -> dict[str, Any]:
    """Return one model's score on one split over its seeds or, without a score, the reason."""
    rows = seeds[(seeds["model"] == model) & (seeds["task"] == task) & (seeds["split"] == split)]
    cell = {"model": model, "task": task, "split": split, "seeds": 0}
    if rows.empty:
        return cell | {"reason": "not evaluated"}
    return cell | {
        "score": rows["score"].mean(),
        "sd": rows["score"].std(),
        "seeds": len(rows),
        "rows": rows["rows"].iloc[0],
        "official_rows": rows["official_rows"].iloc[0],
    }


def _summaries(seeds: pd.DataFrame, models: list[str], averaged: list[str]) -> list[dict[str, Any]]:
    """Return the averages and the shares of the teacher, over the seeds that have every averaged task."""
    rows = []
    for model in models:
        for suffix, left_out in _LEFT_OUT.items():
            tasks = [task for task in averaged if task not in left_out]
            by_seed = seed_averages(seeds, model, tasks)
            teacher = seed_averages(seeds, "teacher", tasks).mean()
            average = by_seed.mean()
            base = {"model": model, "split": None, "seeds": len(by_seed)}
            base["reason"] = None if len(by_seed) else "no task that every model has"
            rows.append(base | {"task": f"average{suffix}", "score": average, "sd": by_seed.std()})
            share = 100 * (average / teacher) if teacher > 0 else None
            rows.append(base | {"task": f"teacher_share{suffix}", "score": share})
    return rows


def _shown(
    data: pd.DataFrame,
    models: list[str],
    columns: list[tuple[str, str]],
    tasks: Mapping[str, Task],
    averaged: list[str],
) -> tuple[pd.DataFrame, dict[str, list[float]]]:
    """Return the cells as text and, by column, the numbers behind them."""
    summaries = [(name, None) for name, task in _SHOWN.items() if task is None or task in averaged]
    shown, scores = pd.DataFrame({"Model": models}), {}
    for task, split in columns + summaries:
        cells = data[
            (data["task"] == task) & (data["split"].isna() if split is None else data["split"] == split)
        ]
        cells = cells.set_index("model").loc[models]
        label = _column_label(tasks, task, split) + ("†" if _unofficial(cells).any() else "")
        shown[label] = [
            mean_sd(cell.score, cell.sd, 1)
            if task not in _SUMMARIES or task.startswith("average")
            else number(cell.score, 1)
            for cell in cells.itertuples()
        ]
        scores[label] = list(cells["score"])
    return shown, scores


def _unofficial(cells: pd.DataFrame) -> pd.Series:
    """Tell which cells are scores on another number of rows than GLUE's."""
    return (cells["rows"] != cells["official_rows"]).fillna(False).astype(bool)


def _notes(data: pd.DataFrame, tasks: Mapping[str, Task], averaged: list[str], synthetic: bool) -> list[str]:
    notes = []
    if synthetic:
        notes.append(
            "SYNTHETIC DATA, NOT GLUE: generated tasks of GLUE's shape; no number here is a GLUE score."
        )
    metrics = [f"{task_label(task)}: {text}" for task in tasks.values() if (text := _metric_text(task))]
    others = ["otherwise accuracy" if metrics else "Accuracy"] if len(metrics) < len(tasks) else []
    notes.append("Points, 0 to 100. " + "; ".join([*metrics, *others]) + ".")
    scored = data[data["split"].notna()]
    if scored["seeds"].max() > 1:
        counts = sorted(set(scored.loc[scored["seeds"] > 0, "seeds"]))
        notes.append(f"Mean ± standard deviation over {' or '.join(map(str, counts))} seeds.")
    else:
        notes.append("One seed, so no spread is known.")
    labels = [task_label(tasks[name]) for name in averaged]
    twice = "; MNLI's two splits count once" if "mnli" in averaged else ""
    number = f"{len(averaged)} task{'s' * (len(averaged) != 1)}"
    notes.append(f"Average over {number} ({', '.join(labels)}){twice}.")
    if "wnli" in averaged:
        notes.append(
            "w/o WNLI: BERT's paper (Devlin et al. 2019, arXiv 1810.04805, table 1) leaves WNLI out of its "
            "average as problematic, and many papers follow it."
        )
    own = [name for name, task in tasks.items() if task.custom]
    if own:
        notes.append(f"Tasks of the user's own, not GLUE's: {', '.join(own)}.")
    tested = [task.display_names[TEST] for task in tasks.values() if TEST in task.splits]
    if tested:
        notes.append(f"Test splits of the user's own, in no average: {', '.join(tested)}.")
    absent = [task_label(task) for name, task in TASKS.items() if name not in tasks]
    if absent and len(own) < len(tasks):
        notes.append(f"Not in this run: {', '.join(absent)}.")
    for row in scored[scored["reason"].notna()].itertuples():
        label = _column_label(tasks, row.task, row.split)
        left_out = f"{task_label(tasks[row.task])} is in no model's average"
        notes.append(f"{row.model}, {label}: {row.reason}; {left_out}.")
    notes += _rows_notes(scored[_unofficial(scored)].drop_duplicates("label"))
    return notes


def _unlabelled_notes(records: Sequence[dict[str, Any]], tasks: Mapping[str, Task]) -> list[str]:
    rows = unlabelled_rows(records)
    counts = [f"{task_label(task)} {rows[name]}" for name, task in tasks.items() if name in rows]
    if not counts:
        return []
    return [f"Students also learned from rows without labels, by pseudo-labels: {', '.join(counts)}."]


def _rows_notes(unofficial: pd.DataFrame) -> list[str]:
    """Return notes on splits with the name of a GLUE split and another number of rows."""
    notes = []
    fewer = unofficial[unofficial["rows"] < unofficial["official_rows"]]
    if len(fewer):
        counts = [f"{row.label} {row.rows} of {row.official_rows}" for row in fewer.itertuples()]
        notes.append(f"† scored on fewer rows than GLUE has: {', '.join(counts)}.")
    more = unofficial[unofficial["rows"] > unofficial["official_rows"]]
    if len(more):
        counts = [f"{row.label} {row.rows} (GLUE: {row.official_rows})" for row in more.itertuples()]
        notes.append(f"† more rows than GLUE has, so other data under its name: {', '.join(counts)}.")
    return notes


def _metric_text(task: Task) -> str:
    """Return a task's metrics in words, empty for plain accuracy."""
    names = [_METRICS.get(metric, metric) for metric in task.metrics]
    if names == ["accuracy"]:
        return ""
    return names[0] if len(names) == 1 else f"mean of {' and '.join(names)}"
