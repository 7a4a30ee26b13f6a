"""Whether latencies that are compared were measured on the same hardware."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.errors import UserError
from kdnas.files.artifacts import read_json
from kdnas.latency.protocol import hardware_text
from kdnas.search.history import read_history

TABLE = "the latency table"


def measured_on(latency: Mapping[str, Any]) -> str:
    """Return in words what the latencies of a latency file (docs/artifacts.md) were measured on."""
    return hardware_text(latency["hardware"]) if latency["hardware"] else TABLE


def check_one_hardware(history: str | Path, latency: str | Path) -> None:
    """Raise UserError if the file ``latency`` comes from other hardware than the search of ``history``.

    A history without hardware, from an earlier version of the workflow, passes.
    """
    found = measured_on(read_json(latency))
    others = sorted(set(read_history(history)["hardware"].dropna()) - {found})
    if others:
        search = Path(history).parents[1] / "episode_*" / "latency.json"
        raise UserError(
            f"{latency} was measured on {found}, but {search} on {others[0]}; allowed: one kind of hardware "
            "for a search and its matched students (set constraint, docs/cluster.md, or latency.table, then "
            f"delete {latency} or all of {search} and run the same command again)"
        )


def mixed_hardware(histories: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return the note of a table whose strategies were timed on different hardware; nothing otherwise."""
    found = {strategy: history["hardware"].dropna() for strategy, history in histories.items()}
    if len({text for texts in found.values() for text in texts}) < 2:
        return []
    named = [f"{strategy} on {'; '.join(texts.unique())}" for strategy, texts in found.items() if len(texts)]
    return [f"LATENCIES OF DIFFERENT HARDWARE, which do not compare: {'; '.join(named)}."]
