"""A latency table: a CSV file that replaces measuring and makes a whole search deterministic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.errors import UserError
from kdnas.latency.protocol import Protocol, latency_content
from kdnas.search.space import DIMENSIONS, Architecture
from kdnas.sentences import reason, shown

OPTIONAL = "embedding_size"  # empty or without the column it is the hidden size
COLUMNS = ("device", *(name for name in DIMENSIONS if name != OPTIONAL), "latency_ms")


class LatencyTable:
    """Milliseconds by device and architecture; raises UserError if the file is missing or wrong."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            table = pd.read_csv(path)
        except FileNotFoundError as error:
            raise UserError(f"latency.table is {shown(str(path))}, but there is no such file") from error
        except (ValueError, OSError) as error:
            raise UserError(f"latency.table {path} is not a CSV file ({reason(error)})") from error
        missing = [column for column in COLUMNS if column not in table.columns]
        if missing:
            raise UserError(f"latency.table {path} has no column {missing[0]}; needed: {', '.join(COLUMNS)}")
        if OPTIONAL in table.columns:
            table[OPTIONAL] = table[OPTIONAL].fillna(0)
        self.rows: dict[tuple[str, Architecture], float] = {}
        for number, row in enumerate(table.to_dict("records"), start=2):
            try:
                architecture = Architecture.from_dict(row)
                milliseconds = float(row["latency_ms"])
            except (ValueError, ArithmeticError, UserError) as error:
                raise UserError(f"latency.table {path}, line {number}: {reason(error)}") from error
            if not 0 < milliseconds < float("inf"):
                raise UserError(
                    f"latency.table {path}, line {number}: latency_ms is {shown(milliseconds)}; allowed: "
                    "milliseconds above 0"
                )
            self.rows[str(row["device"]), architecture] = milliseconds

    def look_up(self, device: str, architecture: Architecture) -> float:
        """Return milliseconds; raises UserError if the table lacks the architecture on ``device``."""
        try:
            return self.rows[device, architecture]
        except KeyError:
            raise UserError(
                f"latency.table {self.path} has no row for {architecture.short_name} on device {device}"
            ) from None

    def has_device(self, device: str) -> bool:
        """Tell whether the table has any row for ``device``."""
        return any(name == device for name, _ in self.rows)


def profile_by_table(
    models: dict[Any, Architecture], teacher: Architecture, *, protocol: Protocol, table: LatencyTable
) -> dict[str, Any]:
    """Return the content of ``latency.json`` (docs/artifacts.md) for ``models`` by name, by ``table``.

    Raises UserError for an architecture that the table lacks. Without any row for a GPU, ``reason`` says so.
    """
    if protocol.device == "gpu" and not table.has_device("gpu"):
        why = "not measured: the latency table has no row for a GPU"
        return latency_content(protocol, "table", reason=why)
    reference = table.look_up(protocol.device, teacher)
    rows = [
        {
            "model": name,
            "architecture": architecture.to_dict(),
            "latency_ms": table.look_up(protocol.device, architecture),
            "ratio": table.look_up(protocol.device, architecture) / reference,
            "ratio_low": None,
            "ratio_high": None,
            "rounds": 0,
            "from_store": False,
        }
        for name, architecture in models.items()
    ]
    reference_row = {"latency_ms": reference, "architecture": teacher.to_dict()}
    return latency_content(protocol, "table", teacher=reference_row, models=rows)
