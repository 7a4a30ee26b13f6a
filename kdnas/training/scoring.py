"""The scores of a trained model, as ``metrics.json`` holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdnas.data.tasks import Task
from kdnas.models.fetch import WEIGHTS
from kdnas.models.loading import count_parameters
from kdnas.training.batches import Encoded
from kdnas.training.prediction import predict, scores


def score_splits(
    model: nn.Module, splits: dict[str, Encoded], task: Task, device: torch.device
) -> dict[str, dict[str, float]]:
    """Return the task's metrics of ``model`` on every split."""
    return {name: scores(predict(model, data, device), data, task) for name, data in splits.items()}


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
