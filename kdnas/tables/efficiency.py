"""The efficiency table: size, latency and speed-up of the teacher and every student."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.files.artifacts import read_json
from kdnas.latency.protocol import TORCH, hardware_text, place
from kdnas.search.space import Architecture, encoder_parameters
from kdnas.tables.table import Table, best_cells, number

_LATENCY = ("latency_ms", "speedup", "speedup_low", "speedup_high", "rounds")


def efficiency_table(
    teacher_metrics: str | Path,
    student_metrics: Sequence[str | Path],
    *,
    architectures: Sequence[str | Path],
    latencies: Mapping[str, str | Path],
) -> Table:
    """Build the efficiency table; rows: the teacher, then the students in the order of their files.

    ``student_metrics`` holds one ``metrics.json`` and
    ``architectures`` one ``architecture.json`` a student, ``latencies`` maps a device (``cpu``, ``gpu``) to
    its latency file. Sizes are MB of 10^6 bytes, latencies milliseconds a batch. The speed-up is one over the
    ratio of the latencies, so its 95 % interval is one over that of the ratio, swapped. What was not measured
    is an empty cell with its reason. Raises UserError for a missing or damaged file.
    """
    profiles = {device: read_json(path) for device, path in latencies.items()}
    sizes = {record["model"]: record for record in map(read_json, [teacher_metrics, *student_metrics])}
    gated = sizes["teacher"].get("gated", False)
    models = [_model("teacher", _teacher(profiles), origin=None, rule=None, gated=gated)]
    for student in map(read_json, architectures):
        shape = Architecture.from_dict(student["architecture"])
        models.append(_model(student["student"], shape, student["origin"], student["rule"], gated=gated))

    rows = []
    for model in models:
        size = sizes[model["model"]]
        row = model | {
            "parameters": size["parameters"],
            "parameters_share": size["parameters"] / sizes["teacher"]["parameters"],
            "size_mb": size["size_mb"],
        }
        for device, profile in profiles.items():
            row |= {f"{device}_{key}": value for key, value in _latency(profile, model["model"]).items()}
        rows.append(row)
    data = pd.DataFrame(rows)
    data = data.astype({"encoder_parameters": "Int64"} | {f"{device}_rounds": "Int64" for device in profiles})
    data = data.astype({f"{device}_{key}": float for device in profiles for key in _LATENCY[:-1]})

    shown, numbers = _shown(data, profiles)
    return Table(
        name="efficiency",
        title="Size and latency of the teacher and the students",
        data=data,
        shown=shown,
        notes=_notes(data, profiles, sizes["teacher"]["task"]),
        bold=best_cells(numbers, range(1, len(models)), shown),
        left=("Architecture",),
    )


def _model(
    name: str, architecture: Architecture | None, origin: str | None, rule: str | None, *, gated: bool
) -> dict[str, Any]:
    return {
        "model": name,
        "architecture": architecture and architecture.short_name,
        "origin": origin,
        "rule": rule,
        "encoder_parameters": architecture and encoder_parameters(architecture, gated=gated),
    }


def _teacher(profiles: Mapping[str, dict[str, Any]]) -> Architecture | None:
    """Return the teacher's architecture, where any device was profiled."""
    teachers = [profile["teacher"] for profile in profiles.values() if profile["teacher"]]
    return Architecture.from_dict(teachers[0]["architecture"]) if teachers else None


def _latency(profile: dict[str, Any], model: str) -> dict[str, Any]:
    cells = dict.fromkeys([*_LATENCY, "reason"])
    if profile["teacher"] is None:
        return cells | {"reason": profile["reason"]}
    if model == "teacher":
        return cells | {"latency_ms": profile["teacher"]["latency_ms"], "speedup": 1.0}
    found = [entry for entry in profile["models"] if entry["model"] == model]
    if not found:
        return cells | {"reason": profile["reason"] or "not profiled"}
    (entry,) = found
    inverse = {"speedup": "ratio", "speedup_low": "ratio_high", "speedup_high": "ratio_low"}
    return cells | {
        "latency_ms": entry["latency_ms"],
        "rounds": entry["rounds"],
        **{name: None if entry[source] is None else 1 / entry[source] for name, source in inverse.items()},
    }


def _profiled(data: pd.DataFrame, device: str) -> bool:
    return bool(data[f"{device}_latency_ms"].notna().any())


def _shown(
    data: pd.DataFrame, profiles: Mapping[str, dict[str, Any]]
) -> tuple[pd.DataFrame, dict[str, list[float]]]:
    """Return the cells as text and, for the columns that have a best, the numbers behind them."""
    columns = {
        "Model": data["model"],
        "Architecture": data["architecture"].fillna(""),
        "Parameters (M)": [number(value / 1e6, 2) for value in data["parameters"]],
        "% of teacher": [number(100 * value, 1) for value in data["parameters_share"]],
        "In layers (M)": [number(value / 1e6, 2) for value in data["encoder_parameters"]],
        "Size (MB)": [number(value, 1) for value in data["size_mb"]],
    }
    numbers = {
        "Parameters (M)": [-value for value in data["parameters"]],
        "Size (MB)": [-value for value in data["size_mb"]],
    }
    for device, profile in profiles.items():
        if not _profiled(data, device):
            continue
        name = place(device, profile["protocol"].get("runtime", TORCH))
        columns[f"{name} (ms)"] = [number(value, 2) for value in data[f"{device}_latency_ms"]]
        columns[f"{name} speed-up"] = [
            _interval(*values)
            for values in data[
                [f"{device}_speedup", f"{device}_speedup_low", f"{device}_speedup_high"]
            ].to_numpy()
        ]
        numbers[f"{name} (ms)"] = [-value for value in data[f"{device}_latency_ms"]]
        numbers[f"{name} speed-up"] = list(data[f"{device}_speedup"])
    return pd.DataFrame(columns), numbers


def _interval(speedup: float, low: float, high: float) -> str:
    if pd.isna(speedup):
        return ""
    return f"{speedup:.2f}×" + ("" if pd.isna(low) else f" [{low:.2f}, {high:.2f}]")


def _notes(data: pd.DataFrame, profiles: Mapping[str, dict[str, Any]], task: str) -> list[str]:
    notes = [
        "Parameters and size include the embeddings of the teacher's whole vocabulary and the head of task "
        f"{task}; 1 MB is 10^6 bytes. In layers: without embeddings, pooler and head."
    ]
    for device, profile in profiles.items():
        name = device.upper()
        if not _profiled(data, device):
            notes.append(f"{name}: {profile['reason']}.")
            continue
        protocol = profile["protocol"]
        setting = f"batch size {protocol['batch_size']}, sequence length {protocol['sequence_length']} tokens"
        if device == "cpu":
            setting += f", threads: {protocol['threads']}, runtime: {protocol['runtime']}"
        if profile["source"] == "table":
            notes.append(f"{name}: from the latency table, not measured here; {setting}.")
        else:
            notes.append(
                f"{name}: {hardware_text(profile['hardware'])}; {setting}; speed-up with the 95 % interval "
                "of the median over rounds in which all models are timed, together and anew after the search."
            )
        for row in data[data[f"{device}_reason"].notna()].itertuples():
            notes.append(f"{row.model}, {name}: {getattr(row, f'{device}_reason')}.")
    return notes
