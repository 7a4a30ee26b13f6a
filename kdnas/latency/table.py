"""A latency table: a CSV file that replaces measuring, and makes a whole search deterministic."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from kdnas.errors import UserError
from kdnas.sentences import reason, shown
from kdnas.space import DIMENSIONS, Architecture

COLUMNS = ("device", *DIMENSIONS, "latency_ms")


class LatencyTable:
    """Milliseconds by device and architecture; raises UserError if the file is missing or wrong."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            table = pd.read_csv(path)
        except FileNotFoundError as error:
            raise UserError(f"latency.table is {str(path)!r}, but there is no such file") from error
        except (ValueError, OSError) as error:
            raise UserError(f"latency.table {path} is not a CSV file ({reason(error)})") from error
        missing = [column for column in COLUMNS if column not in table.columns]
        if missing:
            raise UserError(f"latency.table {path} has no column {missing[0]}; needed: {', '.join(COLUMNS)}")
        self.rows: dict[tuple[str, Architecture], float] = {}
        for number, row in enumerate(table.to_dict("records"), start=2):
            try:
                architecture = Architecture.from_dict(row)
                milliseconds = float(row["latency_ms"])
            except (ValueError, ArithmeticError, UserError) as error:
                raise UserError(f"latency.table {path}, line {number}: {reason(error)}") from error
            if not 0 < milliseconds < float("inf"):
                raise UserError(
                    f"latency.table {path}, line {number}: latency_ms is {shown(milliseconds)}; allowed are "
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
