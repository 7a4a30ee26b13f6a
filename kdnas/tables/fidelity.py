"""The fidelity table: how well every proxy ranks what the full distillation gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.analysis.fidelity import compare
from kdnas.analysis.ranking import RESAMPLES
from kdnas.data.tasks import Definition, Task, get_task
from kdnas.files.artifacts import read_json
from kdnas.plan import Setting
from kdnas.tables.table import Table, best_cells, number


def fidelity_table(
    evaluations: Sequence[str | Path], *, search_setting: Setting | None, task: Definition, synthetic: bool
) -> Table:
    """Build the fidelity table from the files of all settings (docs/artifacts.md).

    One row a proxy and quality, and one for each predictor that trains nothing (the number of parameters, the
    number of layers times the hidden size), each against the full distillation with the same initialisation.
    ``search_setting`` is the search's own proxy or None. Scores are points (the search task's primary metric
    times 100) of the full distillation; ``regret`` is the best one less that of the architecture which the
    predictor ranks first (the mean of those that tie), ``gain`` is that one less the mean of all. An
    architecture that failed in either setting is in no pair.
    Raises UserError for a missing or damaged file.
    """
    records = [read_json(path) for path in evaluations]
    data = compare(records, search_setting)
    data["synthetic"] = synthetic
    shown = pd.DataFrame(
        {
            "Predictor": [row.predictor + "†" * row.of_search for row in data.itertuples()],
            "Initialisation": data["initialisation"],
            "Quality": data["quality"].fillna(""),
            "n": data["pairs"].astype(str),
            "Kendall τ": [_interval(row) for row in data.itertuples()],
            "First": [number(value, 1) for value in data["first_score"]],
            "Best": [number(value, 1) for value in data["best_score"]],
            "Mean": [number(value, 1) for value in data["mean_score"]],
            "Regret": [number(value, 1) for value in data["regret"]],
        }
    )
    bold = set()
    for _, group in data.groupby("initialisation", sort=False):
        bold |= best_cells({"Kendall τ": data["tau"]}, group.index, shown)
    return Table(
        name="fidelity",
        title="How the proxies rank architectures" + (" (synthetic data, not GLUE)" if synthetic else ""),
        data=data,
        shown=shown,
        notes=_notes(data, records, get_task(task), synthetic),
        bold=bold,
        left=("Initialisation", "Quality"),
    )


def _interval(row: Any) -> str:
    return "" if pd.isna(row.tau) else f"{row.tau:.2f} [{row.tau_low:.2f}, {row.tau_high:.2f}]"


def _notes(data: pd.DataFrame, records: Sequence[dict[str, Any]], task: Task, synthetic: bool) -> list[str]:
    notes = []
    if synthetic:
        notes.append("SYNTHETIC DATA, NOT GLUE: the scores are those of generated tasks.")
    split = task.evaluation_splits[0]
    unlabelled = max(record.get("unlabelled_rows", 0) for record in records)
    more = f" and {unlabelled} rows without labels" if unlabelled else ""
    notes.append(
        f"Kendall τ-b between what a predictor says and the score on {task.display_names[split]} after full "
        f"distillation on the whole training set{more} with the same initialisation, over n architectures "
        "that spread over the sizes of the search space, whatever the searches chose. One seed."
    )
    notes.append(
        f"In brackets: 95 % percentile bootstrap interval over architectures, {RESAMPLES:,} resamples. With "
        "ten architectures it is wide, with fewer also too narrow; a perfect ranking gives [1, 1], which is "
        "no certainty."
    )
    notes.append(
        "First: full score, in points, of the architecture that the predictor ranks first (the mean of those "
        "that tie). Regret: Best less First; Mean is what a blind choice gets."
    )
    notes.append(
        "parameters and layers_times_hidden_size rank by size alone, without training: a proxy that ranks no "
        "better than these is worth nothing."
    )
    if data["of_search"].any():
        notes.append("† The search's own proxy.")
    else:
        notes.append("The search's own proxy is not among them.")
    for record in records:
        failed = [entry["reason"] for entry in record["evaluations"] if entry["status"] != "ok"]
        if failed:
            reasons = "; ".join(sorted(set(failed)))
            notes.append(
                f"{record['setting']}: {len(failed)} of {len(record['evaluations'])} architectures failed "
                f"({reasons}) and are in no pair."
            )
    for row in data[data["reason"].notna()].itertuples():
        predictor = f"{row.predictor} ({row.quality or row.initialisation})"
        notes.append(f"{predictor}: no Kendall τ ({row.reason}).")
    return notes
