"""Training rows without labels: the teacher's answers stand in for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from kdnas.data.frames import read_split
from kdnas.data.tasks import TRAIN
from kdnas.data.unlabelled import UNLABELLED
from kdnas.training.batches import Encoded


def read_training_rows(data_folder: Path, meta: dict[str, Any]) -> tuple[pd.DataFrame, int]:
    """Return a task's labelled training rows with the unlabelled ones after them, and the former's number."""
    labelled = read_split(data_folder, TRAIN)
    if UNLABELLED not in meta["splits"]:
        return labelled, len(labelled)
    return pd.concat([labelled, read_split(data_folder, UNLABELLED)], ignore_index=True), len(labelled)


def with_pseudo_labels(data: Encoded, labelled: int, logits: torch.Tensor, regression: bool) -> Encoded:
    """Return ``data`` with the teacher's answers as the labels of all rows but the first ``labelled``.

    ``logits`` (rows, labels) are the teacher's on all rows. An answer is its likeliest class (pseudo-labels:
    Lee 2013), or its output in a regression task.
    """
    answers = (logits.squeeze(-1) if regression else logits.argmax(-1)).numpy()
    labels = data.labels.copy()
    labels[labelled:] = answers[labelled:]
    return replace(data, labels=labels)
