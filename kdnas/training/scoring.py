"""The scores of a trained model, as ``metrics.json`` holds them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from kdnas.data.tasks import Task
from kdnas.models.files import WEIGHTS
from kdnas.models.loading import count_parameters
from kdnas.training.batches import Encoded
from kdnas.training.prediction import predict, scores


@dataclass(frozen=True)
class Scored:
    """A model's metrics on every split, and the ``logits`` (rows, labels) that they are of."""

    metrics: dict[str, dict[str, float]]
    logits: dict[str, np.ndarray]


def score_splits(model: nn.Module, splits: dict[str, Encoded], task: Task, device: torch.device) -> Scored:
    """Score ``model`` by the task's metrics on every split, in float32."""
    logits = {name: predict(model, data, device) for name, data in splits.items()}
    metrics = {name: scores(logits[name], data, task) for name, data in splits.items()}
    return Scored(metrics, logits)


def describe(
    name: str,
    task: Task,
    seed: int,
    meta: dict[str, Any],
    split_scores: dict[str, dict[str, float]],
    model: nn.Module,
    model_folder: Path,
    train_rows: int | None,
) -> dict[str, Any]:
    """Return the content of ``metrics.json`` (docs/artifacts.md)."""
    splits = {split: meta["splits"][split] for split in split_scores}
    return {
        "model": name,
        "task": task.name,
        "seed": seed,
        "synthetic": meta["synthetic"],
        "scores": split_scores,
        "rows": {split: values["rows"] for split, values in splits.items()},
        "official_rows": {split: values["official_rows"] for split, values in splits.items()},
        "parameters": count_parameters(model),
        "size_mb": (model_folder / WEIGHTS).stat().st_size / 1e6,
        "train_rows": train_rows,
        "data": meta["fingerprint"],
    }
