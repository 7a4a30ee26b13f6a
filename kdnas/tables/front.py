"""The front table: the architectures that no other one beats in quality and latency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.analysis.anytime import Reference, hypervolumes
from kdnas.files.artifacts import read_json
from kdnas.search.history import architectures, read_history
from kdnas.search.one_hardware import mixed_hardware
from kdnas.search.pool import pool
from kdnas.search.selection import pareto_front
from kdnas.search.space import Architecture
from kdnas.tables.search import QUALITY
from kdnas.tables.table import Table, best_cells, number


def front_table(
    histories: Mapping[str, str | Path],
    students: Sequence[str | Path],
    *,
    quality: str,
    timed_in: str,
    synthetic: bool,
) -> Table:
    """Build the quality-latency front of all strategies together, fastest first, each architecture once.

    ``histories`` maps a strategy to its last ``history.csv``; ``students`` are ``architecture.json`` files,
    and every student stands beside its architecture. ``quality`` is the config's ``reward.quality``,
    ``timed_in`` says where latencies were measured. Latencies are milliseconds a batch and their ratio to the
    teacher's. Raises UserError for a missing or damaged file, or if every candidate failed.
    """
    of_strategies = {strategy: read_history(path) for strategy, path in histories.items()}
    evaluated = pool(of_strategies)
    front = pareto_front(evaluated)
    found = architectures(front)
    records = [read_json(path) for path in students]
    data = pd.DataFrame(
        {
            "architecture": [architecture.short_name for architecture in found],
            "strategies": front["strategies"].to_list(),
            "parameters": front["parameters"].astype("Int64").to_list(),
            "quality": front["quality"].to_list(),
            "latency_ratio": front["latency_ratio"].to_list(),
            "latency_ms": front["latency_ms"].to_list(),
            "reward": front["reward"].to_list(),
            "students": [", ".join(_students_of(architecture, records)) or None for architecture in found],
            "synthetic": synthetic,
        }
    )
    shown = pd.DataFrame(
        {
            "Architecture": data["architecture"],
            "Found by": data["strategies"],
            "Parameters (M)": [number(value / 1e6, 2) for value in data["parameters"]],
            "Quality": [number(value, 4) for value in data["quality"]],
            f"Latency ratio ({timed_in})": [number(value, 3) for value in data["latency_ratio"]],
            f"ms ({timed_in})": [number(value, 2) for value in data["latency_ms"]],
            "Reward": [number(value, 4) for value in data["reward"]],
            "Students": data["students"].fillna(""),
        }
    )
    return Table(
        name="front",
        title="The quality-latency front of the search"
        + (" (synthetic data, not GLUE)" if synthetic else ""),
        data=data,
        shown=shown,
        notes=_notes(evaluated, found, records, quality, synthetic)
        + [_hypervolumes(of_strategies)]
        + mixed_hardware(of_strategies),
        bold=best_cells({"Reward": data["reward"]}, range(len(data)), shown),
        left=("Found by", "Students"),
    )


def _students_of(architecture: Architecture, students: Sequence[dict[str, Any]]) -> list[str]:
    return [
        student["student"]
        for student in students
        if Architecture.from_dict(student["architecture"]) == architecture
    ]


def _hypervolumes(histories: Mapping[str, pd.DataFrame]) -> str:
    reference = Reference()
    volumes = [
        f"{strategy} {hypervolumes(history, reference)[-1]:.4f}" for strategy, history in histories.items()
    ]
    return (
        f"Hypervolume of what each strategy evaluated, from the reference point of quality "
        f"{reference.quality:g} and latency ratio {reference.latency_ratio:g}: {', '.join(volumes)}."
    )


def _notes(
    evaluated: pd.DataFrame,
    front: Sequence[Architecture],
    students: Sequence[dict[str, Any]],
    quality: str,
    synthetic: bool,
) -> list[str]:
    notes = []
    if synthetic:
        notes.append("SYNTHETIC DATA, NOT GLUE: the qualities and rewards are those of generated tasks.")
    failed = int((evaluated["status"] != "ok").sum())
    notes.append(
        f"Of {len(evaluated)} architectures that the strategies evaluated together, {failed} failed and are "
        "left out. No other architecture is both as good and as fast as one of these; of equals, the first "
        "is shown."
    )
    notes.append(
        f"Quality: {QUALITY[quality]} on the rows held out of the search task's training set. "
        "Latency ratio: to the teacher; milliseconds of different rows may come from different sessions. "
        "Parameters include the embeddings of the teacher's whole vocabulary."
    )
    notes.append(
        "One evaluation each: a front favours lucky ones, so its qualities are on average too high, and "
        "small differences along it may be chance."
    )
    others = [
        student["student"]
        for student in students
        if student["quality"] is not None and Architecture.from_dict(student["architecture"]) not in front
    ]
    if others:
        notes.append(f"Selected students that are not on the front: {', '.join(others)}.")
    return notes
