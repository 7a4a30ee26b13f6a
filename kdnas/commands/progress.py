"""Print the scores of a run so far, while it runs or after a stop."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.analysis.claims import Estimate, score_over_baseline, teacher_share_without_cola
from kdnas.analysis.scores import scored_tasks, seed_averages, seed_scores
from kdnas.commands.check import add_arguments
from kdnas.config.check import check_run_config
from kdnas.config.reading import read_configs
from kdnas.data.tasks import Task, task_definitions
from kdnas.files.artifacts import read_json
from kdnas.files.checksums import check
from kdnas.plan import student_names
from kdnas.search.space import Architecture
from kdnas.tables.glue import without_label
from kdnas.tables.table import number

__all__ = ["add_arguments", "run"]


def progress(config: dict[str, Any], results: Path) -> str:
    """Return the scores so far of a run in the folder ``results``, for a checked configuration.

    A cell is the mean in points over the seeds that are there, followed by their number if some are missing.
    Averages are over the seeds that have every task, comparisons over the seeds that both models have, with
    Student's t interval. Raises UserError if a score is damaged.
    """
    definitions = task_definitions(config["data"])
    models, seeds = ["teacher", *student_names(config)], config["seeds"]
    files = [
        results
        / ("teacher" if model == "teacher" else f"students/{model}")
        / task
        / f"seed_{seed}/metrics.json"
        for model in models
        for task in definitions
        for seed in seeds
    ]
    found = [file for file in files if file.is_file()]
    head = f"{results}: {len(found)} of {len(files)} scores are there (one per model, task and seed)."
    if not found:
        return head
    check(results, found)
    records = [read_json(file) for file in found]
    tasks = scored_tasks(definitions.values(), records)
    scores = seed_scores(records, tasks)
    baseline = config["claims"]["baseline"]
    rows = [
        _row(scores, model, _architecture(results, model), tasks, len(seeds), baseline) for model in models
    ]
    synthetic = any(record["synthetic"] for record in records)
    lines = [head, pd.DataFrame(rows).fillna("").to_string(index=False)]
    lines += ["Synthetic data: these are not GLUE scores."] if synthetic else []
    return "\n".join(lines)


def _row(
    scores: pd.DataFrame,
    model: str,
    architecture: str,
    tasks: Mapping[str, Task],
    seeds: int,
    baseline: str | None,
) -> dict[str, str]:
    row = {"model": model, "architecture": architecture}
    for name, task in tasks.items():
        for split in task.evaluation_splits:
            is_cell = (scores["model"] == model) & (scores["task"] == name) & (scores["split"] == split)
            row[task.display_names[split]] = _mean(scores.loc[is_cell, "score"], seeds)
    names = list(tasks)
    row["average"] = _mean(seed_averages(scores, model, names), seeds)
    if model == "teacher":
        return row
    share = f"% of teacher{without_label(names, 'cola', 'wnli')}"
    row[share] = _with_interval(teacher_share_without_cola(scores, names, model))
    if baseline is not None and model != baseline:
        over = f"over {baseline}{without_label(names, 'wnli')}"
        row[over] = _with_interval(score_over_baseline(scores, names, student=model, baseline=baseline))
    return row


def _architecture(results: Path, model: str) -> str:
    """Return the short name of a student's architecture; empty for the teacher and while none is chosen."""
    file = results / "students" / model / "architecture.json"
    check(results, [file])
    return Architecture.from_dict(read_json(file)["architecture"]).short_name if file.is_file() else ""


def _mean(values: pd.Series, seeds: int) -> str:
    few = f" ({len(values)})" if 0 < len(values) < seeds else ""
    return number(values.mean(), 1) + few


def _with_interval(estimate: Estimate) -> str:
    if estimate.low is None:
        return number(estimate.value, 1)
    return f"{estimate.value:.1f} [{estimate.low:.1f}, {estimate.high:.1f}]"


def run(options: argparse.Namespace) -> str:
    """Return the scores so far of the run that the files configure."""
    config = check_run_config(read_configs(options.config))
    return progress(config, Path("results") / config["experiment"])
