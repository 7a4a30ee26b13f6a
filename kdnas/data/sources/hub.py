"""Source ``hub``: GLUE from the Hugging Face hub at a pinned commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from kdnas.data.settings import DataSettings
from kdnas.data.sources.checks import check_label_order
from kdnas.data.tasks import Task
from kdnas.errors import UserError
from kdnas.sentences import listed, reason

DATASET = "nyu-mll/glue"


def load(task: Task, data: DataSettings) -> dict[str, tuple[pd.DataFrame, str]]:
    """Return ``{split: (rows, name for messages)}`` of the data set at the commit ``data.revision``.

    The hub's client repeats a failed request by itself, with growing pauses. Raises UserError.
    """
    dataset = _load_dataset(task.name, data.revision)
    return {split: _rows(task, dataset, task.name, split, data.revision) for split in task.splits}


def load_test(
    task: Task, data: DataSettings, *, subset: str, split: str, rows: int
) -> tuple[pd.DataFrame, str]:
    """Return the rows of a test split of ``subset``, and their name for messages; raises UserError."""
    dataset = _load_dataset(subset, data.revision)
    return _rows(task, dataset, subset, split, data.revision)


def _load_dataset(subset: str, revision: str | None) -> Any:
    from datasets import load_dataset

    try:
        return load_dataset(DATASET, subset, revision=revision)
    except Exception as error:  # the clients below raise dozens of unrelated classes
        raise UserError(
            f"cannot load {subset} of {DATASET} at revision {revision} from the hub ({reason(error)}); "
            "without a network, set data.source to local and data.path to a folder that holds GLUE"
        ) from error


def _rows(
    task: Task, dataset: Mapping[str, Any], subset: str, split: str, revision: str | None
) -> tuple[pd.DataFrame, str]:
    from datasets import ClassLabel

    where = f"{DATASET}/{subset}/{split}"
    if split not in dataset:
        raise UserError(f"{where} does not exist at revision {revision}; its splits: {listed(dataset)}")
    label = dataset[split].features.get("label")
    if isinstance(label, ClassLabel):
        check_label_order(task, label.names, where)
    return dataset[split].to_pandas(), where
