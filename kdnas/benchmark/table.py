"""Looking up what was measured of an architecture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.errors import UserError
from kdnas.files.csv_file import read_csv
from kdnas.search.space import DIMENSIONS, Architecture

PARAMETERS = "parameters"


class TabularBenchmark:
    """Architectures and their measurements, one row each; docs/benchmark.md tells what the columns mean.

    A history of a search is such a table too. Raises UserError for a table without the dimensions, or with an
    architecture twice.
    """

    def __init__(self, rows: pd.DataFrame, name: str = "the table") -> None:
        self.name = name
        absent = [dimension for dimension in DIMENSIONS if dimension not in rows.columns]
        if absent:
            raise UserError(
                f"{name} has no column {absent[0]}; allowed: a table with {', '.join(DIMENSIONS)}"
            )
        shapes = [Architecture.from_dict(row) for row in rows[list(DIMENSIONS)].to_dict("records")]
        self.rows = rows.set_index(pd.Index(shapes, tupleize_cols=False))
        if twice := self.rows.index[self.rows.index.duplicated()].tolist():
            raise UserError(f"{name} has {twice[0].short_name} twice; allowed: each architecture once")

    @classmethod
    def read(cls, path: str | Path) -> TabularBenchmark:
        """Read one from a CSV file."""
        return cls(read_csv(path), str(path))

    @property
    def architectures(self) -> list[Architecture]:
        """All architectures, in the order of the rows."""
        return self.rows.index.tolist()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, architecture: Architecture) -> dict[str, Any]:
        """Return everything that was measured of an architecture; KeyError if the table lacks it."""
        return self.rows.loc[architecture].to_dict()

    def of(
        self, column: str, architectures: Iterable[Architecture] | None = None
    ) -> dict[Architecture, float]:
        """Return a column's number for each of ``architectures``, or for all; NaN where it is not known.

        Raises UserError for a column that the table lacks, or an architecture that it lacks.
        """
        if column not in self.rows.columns:
            known = ", ".join(name for name in self.rows.columns if name not in DIMENSIONS)
            raise UserError(f"{self.name} has no column {column}; allowed: {known}")
        wanted = self.architectures if architectures is None else list(architectures)
        if absent := [item for item in wanted if item not in self.rows.index]:
            raise UserError(
                f"{self.name} lacks {len(absent)} of {len(wanted)} architectures, {absent[0].short_name} "
                "first; allowed: architectures of the space that it is a table of"
            )
        return dict(zip(wanted, self.rows.loc[wanted, column].astype(float).tolist(), strict=True))
