"""Where a job's rows come from and how many it takes: the part of the config's ``data`` that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kdnas.data.tasks import HELDOUT, TRAIN
from kdnas.data.unlabelled import UNLABELLED


@dataclass(frozen=True)
class Synthetic:
    """The generated tasks: the config's ``data.synthetic``."""

    seed: int
    train_rows: int
    validation_rows: int


@dataclass(frozen=True)
class HubPlace:
    """Where a custom task is on the hub: its entry's ``hub``.

    ``splits`` has the hub's name of each of our splits, None for one that is found by its name.
    """

    repository: str
    revision: str
    configuration: str | None = None
    splits: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """How a task's rows are laid out where they come from.

    ``label_columns`` have 0 or 1 for one label each, ``label_separator`` stands between the labels in a text.
    ``answer_columns`` have the answers of a teacher outside of the workflow (:mod:`kdnas.data.given`).
    Of a custom task, it is the part of its entry in ``data.custom_tasks`` that only reading depends on.
    """

    label_column: str = "label"
    label_columns: tuple[str, ...] | None = None
    label_separator: str | None = None
    answer_columns: tuple[str, ...] | None = None
    encoding: str = "utf-8"
    validation_share: float = 0.1
    hub: HubPlace | None = None

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> Layout:
        """Read it from an entry of ``data.custom_tasks``, or from :func:`layout_part` of one."""
        given = layout_part(entry)
        if given.get("hub") is not None:
            given["hub"] = HubPlace(**given["hub"])
        for name in ("label_columns", "answer_columns"):
            if given.get(name) is not None:
                given[name] = tuple(given[name])
        return cls(**given)

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns that a row's label or labels are in."""
        return self.label_columns or (self.label_column,)

    def answers(self, split: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the columns with answers that a split has to have, and those that it may have.

        Models learn from the answers of the former splits or are compared with them. Of a split that scores
        models, they only tell how good the answering teacher is.
        """
        columns = self.answer_columns or ()
        return (columns, ()) if split in (TRAIN, HELDOUT, UNLABELLED) else ((), columns)


def layout_part(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of an entry of ``data.custom_tasks`` that a :class:`Layout` is made of."""
    return {name: entry[name] for name in Layout.__dataclass_fields__ if name in entry}


def tasks_with_answers(data: Mapping[str, Any]) -> list[str]:
    """Return those of ``data.tasks`` whose rows come with answers; ``data`` is the config's section."""
    custom = data["custom_tasks"]
    return [name for name in data["tasks"] if name in custom and custom[name]["answer_columns"]]


@dataclass(frozen=True)
class DataSettings:
    """A source and its numbers of rows, with the names and meanings of the config's ``data`` section.

    ``path`` is for the source ``local``, ``revision`` for ``hub`` and ``synthetic`` for ``synthetic``.
    ``custom_tasks`` has the layouts of custom tasks by their names.
    """

    source: str
    path: str | None = None
    revision: str | None = None
    synthetic: Synthetic | None = None
    max_train_rows: int | Mapping[str, int | None] | None = None
    max_unlabelled_rows: Mapping[str, int | None] = field(default_factory=dict)
    custom_tasks: Mapping[str, Layout] = field(default_factory=dict)

    @classmethod
    def from_config(cls, data: Mapping[str, Any]) -> DataSettings:
        """Read them from the config's ``data`` section, or from the part of it that one source needs."""
        given = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        if given.get("synthetic") is not None:
            given["synthetic"] = Synthetic(**given["synthetic"])
        entries = data.get("custom_tasks", {})
        given["custom_tasks"] = {name: Layout.from_entry(entry) for name, entry in entries.items()}
        return cls(**given)

    def wants_unlabelled(self, task_name: str) -> bool:
        """Return whether rows without labels are asked for of a task."""
        return task_name in self.max_unlabelled_rows

    def layout(self, task_name: str) -> Layout:
        """Return how a task's rows are laid out."""
        return self.custom_tasks.get(task_name, Layout())
