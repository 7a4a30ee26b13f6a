"""Source ``hub``: GLUE from the Hugging Face hub at a pinned commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from kdnas.errors import UserError
from kdnas.sources.checks import check_label_order
from kdnas.tasks import Task

DATASET = "nyu-mll/glue"


def load(task: Task, data_config: Mapping[str, Any]) -> dict[str, tuple[pd.DataFrame, str]]:
    """Return ``{split: (rows, name for messages)}`` of the data set at the commit ``data.revision``.

    The hub's client repeats a failed request by itself, with growing pauses. Raises UserError.
    """
    from datasets import ClassLabel, load_dataset

    revision = data_config["revision"]
    try:
        dataset = load_dataset(DATASET, task.name, revision=revision)
    except Exception as error:  # the clients below raise dozens of unrelated classes
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise UserError(
            f"cannot load {task.name} of {DATASET} at revision {revision} from the hub ({reason}); "
            "without a network, set data.source to local and data.path to a folder that holds GLUE"
        ) from error
    splits = {}
    for split in task.splits:
        where = f"{DATASET}/{task.name}/{split}"
        if split not in dataset:
            raise UserError(f"{where} does not exist at revision {revision}; there are {', '.join(dataset)}")
        label = dataset[split].features.get("label")
        if isinstance(label, ClassLabel):
            check_label_order(task, label.names, where)
        splits[split] = (dataset[split].to_pandas(), where)
    return splits
