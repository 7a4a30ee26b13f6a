"""Source ``hub``: GLUE and custom tasks from the Hugging Face hub, each at a pinned commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from kdnas.data.local_folders import split_names
from kdnas.data.settings import DataSettings, HubPlace
from kdnas.data.sources.checks import check_columns, name_codes
from kdnas.data.tasks import HELDOUT, TEST, TRAIN, VALIDATION, Task
from kdnas.data.unlabelled import UNLABELLED
from kdnas.errors import UserError
from kdnas.sentences import listed, reason

DATASET = "nyu-mll/glue"


def load(task: Task, data: DataSettings) -> dict[str, tuple[pd.DataFrame, str]]:
    """Return ``{split: (rows, name for messages)}`` of the data set at its commit.

    A custom task is in the place of its layout, and needs a training split alone. The hub's client repeats a
    failed request by itself, with growing pauses. Raises UserError.
    """
    layout = data.layout(task.name)
    place, labels = layout.hub, layout.labels
    if place is None:
        dataset = _Dataset(_glue(task.name, data))
        return {split: dataset.rows(task, split, labels) for split in task.splits}
    dataset = _Dataset(place)
    wanted = [TRAIN, VALIDATION, TEST, HELDOUT, *[UNLABELLED] * data.wants_unlabelled(task.name)]
    found = {split: dataset.name_of(split, needed=split == TRAIN) for split in wanted}
    return {
        split: dataset.rows(
            task, name, labels, with_labels=split not in (TEST, UNLABELLED), answers=layout.answers(split)
        )
        for split, name in found.items()
        if name is not None
    }


def load_test(
    task: Task, data: DataSettings, *, subset: str, split: str, rows: int
) -> tuple[pd.DataFrame, str]:
    """Return the rows of a test split of ``subset``, and their name for messages; raises UserError."""
    return _Dataset(_glue(subset, data)).rows(task, split, ("label",), with_labels=False)


def _glue(subset: str, data: DataSettings) -> HubPlace:
    return HubPlace(DATASET, str(data.revision), subset)


class _Dataset:
    """A data set of the hub, downloaded."""

    def __init__(self, place: HubPlace) -> None:
        from datasets import load_dataset

        self.place = place
        self.where = f"{place.repository}/{place.configuration}" if place.configuration else place.repository
        try:
            self.splits: Any = load_dataset(place.repository, place.configuration, revision=place.revision)
        except Exception as error:  # the clients below raise dozens of unrelated classes
            what = f"{place.configuration} of {place.repository}" if place.configuration else place.repository
            raise UserError(
                f"cannot load {what} at revision {place.revision} from the hub ({reason(error)}); without a "
                "network, set data.source to local and data.path to a folder that holds the tasks"
            ) from error

    def name_of(self, split: str, *, needed: bool) -> str | None:
        """Return what the hub calls one of our splits, by the config or by its name; None for none.

        Raises UserError where several names fit, or none does and the split is ``needed``.
        """
        given = self.place.splits.get(split)
        if given is not None:
            return given
        found = [name for name in split_names(split) if name in self.splits]
        if len(found) > 1:
            raise UserError(
                f"{self.where} has the splits {listed(found)}, which all fit {split}; allowed: one of them "
                f"in hub.splits.{split} of the task in data.custom_tasks"
            )
        if not found and needed:
            raise UserError(
                f"{self.where} has no split {' or '.join(split_names(split))}; it has {listed(self.splits)} "
                f"(hub.splits.{split} of the task in data.custom_tasks may name one)"
            )
        return found[0] if found else None

    def rows(
        self,
        task: Task,
        split: str,
        labels: Sequence[str],
        *,
        with_labels: bool = True,
        answers: tuple[Sequence[str], Sequence[str]] = ((), ()),
    ) -> tuple[pd.DataFrame, str]:
        """Return the columns of a split that count, and its name for messages.

        ``labels``: the columns with labels. ``with_labels``: whether it has to have them. ``answers``: the
        columns with answers that it has to have, and those that it may have.
        """
        from datasets import ClassLabel

        where = f"{self.where}/{split}"
        if split not in self.splits:
            raise UserError(
                f"{where} does not exist at revision {self.place.revision}; its splits: {listed(self.splits)}"
            )
        rows = self.splits[split]
        needed = (*task.text_columns, *(labels if with_labels else ()), *answers[0])
        check_columns(needed, rows.column_names, where)
        columns = dict.fromkeys((*needed, *labels, *answers[1], "idx"))
        frame = rows.select_columns([name for name in columns if name in rows.column_names]).to_pandas()
        declared = rows.features.get(labels[0])
        declared = getattr(declared, "feature", declared)  # of each item of a list
        if isinstance(declared, ClassLabel):
            frame = name_codes(task, frame, declared.names, label=labels[0], where=where)
        return frame, where
