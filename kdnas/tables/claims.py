"""The claims table: each claim of the paper's abstract, the paper's number, this run's and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.analysis.claims import (
    CANNOT_BE_TOLD,
    CLAIMS,
    EQUAL_LATENCY,
    EQUAL_SCORE,
    OVERALL,
    OVERALL_WITHOUT_GPU,
    Evidence,
    judge_claims,
)
from kdnas.analysis.scores import complete_tasks, scored_tasks, seed_scores, unlabelled_rows
from kdnas.data.tasks import TASKS, TRAIN, Definition, Task
from kdnas.files.artifacts import read_json
from kdnas.search.space import Architecture
from kdnas.tables.glue import task_label, without_label
from kdnas.tables.letters import lettered
from kdnas.tables.table import Table

_BERT_BASE = Architecture(layers=12, hidden_size=768, attention_heads=12, ffn_size=3072, activation="gelu")
# how a quantity is named and its numbers are written
_QUANTITIES = {
    "gpu_latency_to_baseline": ("GPU latency / baseline's", "{:.2f}"),
    "cpu_latency_to_baseline": ("CPU latency / baseline's", "{:.2f}"),
    "gpu_speedup": ("GPU speed-up over the teacher", "{:.2f}×"),
    "cpu_speedup": ("CPU speed-up over the teacher", "{:.2f}×"),
    "parameters_to_baseline": ("parameters / baseline's", "{:.2f}"),
    "score_over_baseline": ("average − baseline's (points)", "{:+.1f}"),
    "teacher_share_without_cola": ("% of teacher", "{:.1f}"),
    OVERALL: ("overall", ""),
    OVERALL_WITHOUT_GPU: ("overall, but for the GPU", ""),
}
_COLUMNS = (
    "claim",
    "strategy",
    "student",
    "baseline",
    "quantity",
    "paper",
    "bound",
    "value",
    "low",
    "high",
    "seeds",
    "verdict",
    "reason",
    "synthetic",
)


def claims_table(
    metrics: Sequence[str | Path],
    architectures: Sequence[str | Path],
    latencies: Mapping[str, str | Path],
    *,
    definitions: Sequence[Definition],
    strategies: Sequence[str],
    baseline: str,
    teacher: str,
    searched_on: str,
) -> Table:
    """Build the claims table: one row a claim, strategy and quantity.

    What each means and when a claim holds: :mod:`kdnas.analysis.claims`. Raises UserError for a missing or
    damaged file.

    Args:
        metrics: ``metrics.json`` files of the teacher and every student on every task with every seed.
        architectures: the students' ``architecture.json`` files.
        latencies: the latency files of ``cpu`` and ``gpu``.
        definitions: the tasks.
        strategies: the names of the searches.
        baseline: the hand-crafted student of ``claims.baseline``.
        teacher: the teacher's name.
        searched_on: the config's ``reward.device``.
    """
    records = [read_json(path) for path in metrics]
    tasks = scored_tasks(definitions, records)
    scores = seed_scores(records, tasks)
    models = list(dict.fromkeys(record["model"] for record in records))
    evidence = Evidence(
        scores=scores,
        tasks=complete_tasks(scores, models, tasks),
        parameters={
            record["model"]: record["parameters"] for record in records if record["task"] == next(iter(tasks))
        },
        students={student["student"]: student for student in map(read_json, architectures)},
        profiles={device: read_json(path) for device, path in latencies.items()},
        searched_on=searched_on,
    )
    synthetic = any(record["synthetic"] for record in records)
    data = pd.DataFrame(judge_claims(evidence, strategies, baseline)).reindex(columns=list(_COLUMNS))
    data["seeds"] = scores["seed"].nunique()
    data["synthetic"] = synthetic
    data = data.astype(dict.fromkeys(("paper", "bound", "value", "low", "high"), float))

    letters = lettered(dict.fromkeys(data.loc[_with_reason(data), "reason"]))
    shown = _shown(data, letters, without_label(evidence.tasks, "cola"))
    overall = data["quantity"].isin((OVERALL, OVERALL_WITHOUT_GPU))
    notes = _notes(data, evidence, tasks, records, baseline, teacher, synthetic)
    return Table(
        name="claims",
        title="The paper's claims, judged on this run" + (" (synthetic data, not GLUE)" if synthetic else ""),
        data=data,
        shown=shown,
        notes=notes + [f"({letter}) {reason}." for reason, letter in letters.items()],
        bold={(row, "Verdict") for row in range(len(data)) if overall[row]},
        left=("Strategy", "Quantity", "Verdict"),
    )


def _with_reason(data: pd.DataFrame) -> pd.Series:
    """Tell which rows show a reason: that of an overall verdict is in the rows above it."""
    return data["reason"].notna() & data["bound"].notna()


def _shown(data: pd.DataFrame, letters: Mapping[str, str], without_cola: str) -> pd.DataFrame:
    rows = []
    for row, with_reason in zip(data.itertuples(), _with_reason(data), strict=True):
        label, text = _QUANTITIES[row.quantity]
        label += without_cola if row.quantity == "teacher_share_without_cola" else ""
        value = "" if pd.isna(row.value) else text.format(row.value)
        if not pd.isna(row.low):
            value += f" [{text.format(row.low)}, {text.format(row.high)}]".replace("×", "")
        rows.append(
            {
                "Claim": row.claim,
                "Strategy": row.strategy,
                "Quantity": label,
                "Paper": "" if pd.isna(row.paper) else text.format(row.paper),
                "Here": value,
                "Verdict": row.verdict + (f" ({letters[row.reason]})" if with_reason else ""),
            }
        )
    return pd.DataFrame(rows)


def _notes(
    data: pd.DataFrame,
    evidence: Evidence,
    tasks: Mapping[str, Task],
    records: Sequence[dict[str, Any]],
    baseline: str,
    teacher: str,
    synthetic: bool,
) -> list[str]:
    notes = []
    if synthetic:
        notes.append(
            "SYNTHETIC DATA, NOT GLUE: the verdicts are on generated tasks and say nothing about GLUE."
        )
    differences = _differences(evidence, tasks, records, teacher, synthetic)
    if differences:
        notes.append(f"An analogue of the paper's claims, not a test of them: {'; '.join(differences)}.")
    hand_crafted = Architecture.from_dict(evidence.students[baseline]["architecture"]).short_name
    notes.append(
        f"Baseline: {baseline}, {hand_crafted}. It is not known which hand-crafted student the paper used."
    )
    for claim in CLAIMS:
        students = data.loc[data["claim"] == claim, "student"].unique()
        described = [_described(evidence.students[student]) for student in students]
        notes.append(f"{_HOW_CHOSEN[claim]}: {'; '.join(described)}.")
    notes.append(
        "A number holds if its whole 95 % interval keeps the bound, does not hold if no part of it does, and "
        f"otherwise {CANNOT_BE_TOLD}. The bound is the paper's number; where the paper says equal, it is a "
        f"latency {100 * EQUAL_LATENCY:g} % higher or an average {EQUAL_SCORE} points lower (our choice)."
    )
    labels = [task_label(tasks[name]) for name in evidence.tasks if name != "wnli"]
    averages = [f"Averages over {', '.join(labels)}"]
    averages += ["never WNLI, which papers leave out"] if "wnli" in tasks else []
    averages += ["for claim B without CoLA"] if "cola" in evidence.tasks else []
    notes.append(
        f"{'; '.join(averages)}. Paired by seed, seeds: {data['seeds'].iloc[0]}. Intervals are Student's t. "
        "They cover the seeds of the training, not the one search of each strategy nor the choice of the "
        "development sets."
    )
    notes.append(
        f"Students were chosen by their {evidence.searched_on.upper()} latency in the search and are judged "
        "by another measurement, in which all of them are timed in the same rounds; latency / baseline's is "
        "the median over those rounds. CPU latencies, the teacher's too, are in "
        f"{evidence.profiles['cpu']['protocol']['runtime']}."
    )
    if (data["paper"].isna() & data["bound"].notna()).any():
        notes.append(
            "Claim A says nothing about the CPU: its CPU row stands in where there is no GPU, and does not "
            "count in the overall verdict."
        )
    return notes


_HOW_CHOSEN = {
    "A": "Claim A, the best found student that is no slower than the baseline",
    "B": "Claim B, the selected student with the best proxy quality among those that reached the speed-up "
    "in the search, else the fastest",
    "C": "Claim C, the fastest found student that is no worse than the baseline",
}


def _described(student: Mapping[str, Any]) -> str:
    name = Architecture.from_dict(student["architecture"]).short_name
    return f"{student['student']}, {name}, chosen as {student['rule']}"


def _differences(
    evidence: Evidence,
    tasks: Mapping[str, Task],
    records: Sequence[dict[str, Any]],
    teacher: str,
    synthetic: bool,
) -> list[str]:
    """Return what differs from the paper's setting: BERT-Base on the whole of GLUE."""
    differences = []
    shapes = {
        Architecture.from_dict(profile["teacher"]["architecture"])
        for profile in evidence.profiles.values()
        if profile["teacher"]
    }
    if shapes != {_BERT_BASE} or not teacher.rpartition("/")[2].lower().startswith("bert-base"):
        name = " ".join([teacher, *sorted(shape.short_name for shape in shapes)])
        differences.append(f"the teacher is {name}, not BERT-Base")
    if synthetic:
        differences.append("the data are generated")
        return differences
    absent = [task for task in TASKS if task not in evidence.tasks and task != "wnli"]
    if absent:
        differences.append(f"without the tasks {', '.join(absent)}")
    own = [name for name, task in tasks.items() if task.custom]
    if own:
        differences.append(f"with tasks that are not GLUE's, {', '.join(own)}")
    other = {
        record["task"]
        for record in records
        if record["task"] not in own
        and (
            record["rows"] != record["official_rows"]
            or record["train_rows"] not in (None, tasks[record["task"]].splits[TRAIN])
        )
    }
    if other:
        named = ", ".join(name for name in TASKS if name in other)
        differences.append(f"with another number of rows than GLUE for {named}")
    taught = unlabelled_rows(records)
    if taught:
        named = ", ".join(name for name in tasks if name in taught)
        differences.append(f"students also learned from pseudo-labelled rows of {named}")
    return differences
