"""Where a job's rows come from and how many it takes: the part of the config's ``data`` that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Synthetic:
    """The generated tasks: the config's ``data.synthetic``."""

    seed: int
    train_rows: int
    validation_rows: int


@dataclass(frozen=True)
class DataSettings:
    """A source and its numbers of rows, with the names and meanings of the config's ``data`` section.

    ``path`` is for the source ``local``, ``revision`` for ``hub`` and ``synthetic`` for ``synthetic``.
    """

    source: str
    path: str | None = None
    revision: str | None = None
    synthetic: Synthetic | None = None
    max_train_rows: int | Mapping[str, int | None] | None = None
    max_unlabelled_rows: Mapping[str, int | None] = field(default_factory=dict)

    @classmethod
    def from_config(cls, data: Mapping[str, Any]) -> DataSettings:
        """Read them from the config's ``data`` section, or from the part of it that one source needs."""
        given = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        if given.get("synthetic") is not None:
            given["synthetic"] = Synthetic(**given["synthetic"])
        return cls(**given)

    def wants_unlabelled(self, task_name: str) -> bool:
        """Return whether rows without labels are asked for of a task."""
        return task_name in self.max_unlabelled_rows
