"""Gathering the table of a benchmark from what runs of the workflow left in their results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.benchmark.table import TabularBenchmark
from kdnas.errors import UserError
from kdnas.files.artifacts import read_json
from kdnas.latency.protocol import TORCH, hardware_text
from kdnas.search.space import DIMENSIONS, Architecture

QUALITY = "quality_"  # the start of what an evaluation calls a quality


@dataclass
class Gathered:
    """Columns of each architecture, their names in order, and the hardware of each runtime."""

    columns: dict[Architecture, dict[str, Any]] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)
    hardware: dict[str, set[str]] = field(default_factory=dict)

    def add(self, architecture: Architecture, found: Mapping[str, Any], file: Path) -> None:
        """Add columns of an architecture; UserError where an earlier file has it with another value."""
        own = self.columns.setdefault(architecture, {})
        for name, value in found.items():
            self.names.setdefault(name)
            if own.setdefault(name, value) != value:
                raise UserError(
                    f"{file} has {name} {value} of {architecture.short_name}, an earlier file {own[name]}; "
                    "allowed: one value, so results of one configuration and one code"
                )

    @property
    def table(self) -> pd.DataFrame:
        """The table, sorted by architecture."""
        rows = [asdict(shape) | self.columns[shape] for shape in sorted(self.columns)]
        return pd.DataFrame(rows, columns=[*DIMENSIONS, *self.names])


def gather(
    proxies: Mapping[str, Path],
    *,
    full: Mapping[int, Path],
    latencies: Sequence[Path],
    onto: Path | None = None,
) -> Gathered:
    """Gather the results of experiments, each a folder such as ``results/whole``.

    ``proxies`` are the evaluations by the name of their proxy: the folder of a search of the space, or the
    file of one setting of a fidelity study. ``full`` are the fidelity studies that distilled some of the
    space in full, by seed; ``latencies`` are searches that timed it, each in the runtime that its files name;
    ``onto`` is an earlier table, whose columns stay. Raises UserError for a folder without such results, for
    a damaged file, and where two files contradict each other.
    """
    gathered = Gathered()
    if onto is not None:
        _add_table(gathered, onto)
    for proxy, source in proxies.items():
        for file in [source] if source.is_file() else _files(source, "search/*/episode_*/cohort_*.json"):
            for entry in read_json(file)["evaluations"]:
                gathered.add(Architecture.from_dict(entry["architecture"]), _evaluated(proxy, entry), file)
    for seed, folder in full.items():
        for file in _files(folder, "fidelity/full_*.json"):
            for entry in read_json(file)["evaluations"]:
                found = {f"full_{name}_seed_{seed}": value for name, value in _qualities(entry).items()}
                gathered.add(Architecture.from_dict(entry["architecture"]), found, file)
    for folder in latencies:
        for file in _files(folder, "search/latency.json", "search/*/episode_*/latency.json"):
            _add_latencies(gathered, file)
    return gathered


def _files(folder: Path, *patterns: str) -> Iterable[Path]:
    found = sorted(file for pattern in patterns for file in folder.glob(pattern))
    if not found:
        raise UserError(f"{folder} has no {' or '.join(patterns)}; allowed: the results of such a run")
    return found


def _add_table(gathered: Gathered, file: Path) -> None:
    table = TabularBenchmark.read(file)
    columns = [name for name in table.rows.columns if name not in DIMENSIONS]
    for architecture, row in zip(table.architectures, table.rows[columns].to_dict("records"), strict=True):
        gathered.add(architecture, {name: value for name, value in row.items() if pd.notna(value)}, file)
    gathered.names |= dict.fromkeys(columns)


def _evaluated(proxy: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of an evaluation by a proxy."""
    qualities = {f"{proxy}_{name}": value for name, value in _qualities(entry).items()}
    columns = {f"{proxy}_status": entry["status"], f"{proxy}_seconds": entry["train_seconds"]} | qualities
    # a proxy that failed does not know it
    return columns | ({"parameters": entry["parameters"]} if entry["parameters"] else {})


def _qualities(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(QUALITY): value for name, value in entry.items() if name.startswith(QUALITY)}


def _add_latencies(gathered: Gathered, file: Path) -> None:
    latency = read_json(file)
    if latency["reason"] is not None:
        raise UserError(f"{file} has no latencies ({latency['reason']}); allowed: a search that was timed")
    runtime = latency["protocol"].get("runtime", TORCH)
    if latency["hardware"]:
        gathered.hardware.setdefault(runtime, set()).add(hardware_text(latency["hardware"]))
    for entry in latency["models"]:
        architecture = Architecture.from_dict(entry["architecture"])
        if architecture in gathered.columns:  # matched students are timed along and may be outside the space
            numbers = {"latency_ratio": "ratio", "ratio_low": "ratio_low", "ratio_high": "ratio_high"}
            columns = {f"{name}_{runtime}": entry[key] for name, key in numbers.items()}
            gathered.add(architecture, columns, file)
