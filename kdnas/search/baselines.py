"""Hand-crafted students in the search's own protocol: proxy quality and latency."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdnas.errors import UserError
from kdnas.files.artifacts import read_json
from kdnas.search.reward import latencies_by_architecture
from kdnas.search.space import Architecture


@dataclass(frozen=True)
class Baseline:
    """A hand-crafted student's quality on the held-out set and latency ratio to the teacher."""

    quality: float
    latency_ratio: float


def check_evaluations(evaluations: list[dict[str, Any]]) -> None:
    """Raise UserError for the first hand-crafted student whose distillation on the proxy set failed."""
    for entry in evaluations:
        if entry["status"] != "ok":
            raise UserError(
                f"students.matched has {entry['candidate']}, which failed on the proxy set "
                f"({entry['reason']}); allowed: hand-crafted students that can be trained there"
            )


def read_baselines(
    evaluations: str | Path, latency: str | Path, *, quality: str, device: str
) -> dict[str, Baseline]:
    """Return :func:`measured_baselines` of these two files; none where their paths are empty."""
    if not evaluations:
        return {}
    return measured_baselines(
        read_json(evaluations)["evaluations"], read_json(latency), quality=quality, device=device
    )


def measured_baselines(
    evaluations: list[dict[str, Any]], latency: dict[str, Any], *, quality: str, device: str
) -> dict[str, Baseline]:
    """Return the baselines by name from what ``distill_hand_crafted`` and ``profile_hand_crafted`` wrote.

    ``quality`` and ``device`` are the config's ``reward.quality`` and ``reward.device``.
    Raises UserError if a baseline has no quality or latency.
    """
    check_evaluations(evaluations)
    latencies = latencies_by_architecture(latency, device)
    return {
        entry["candidate"]: Baseline(
            entry[f"quality_{quality}"],
            latencies[Architecture.from_dict(entry["architecture"])]["ratio"],
        )
        for entry in evaluations
    }
