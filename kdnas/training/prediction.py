"""A trained model's outputs on a data split."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from kdnas.data.tasks import Task
from kdnas.training.batches import Encoded, collate
from kdnas.training.forward import Forward

BATCH_SIZE = 64


def scoring_batches(data: Encoded) -> list[np.ndarray]:
    """Return the row numbers of each batch: rows of like length together."""
    order = np.argsort(data.lengths, kind="stable")
    return [order[start : start + BATCH_SIZE] for start in range(0, len(order), BATCH_SIZE)]


@torch.inference_mode()
def predict(model: nn.Module, data: Encoded, device: torch.device) -> np.ndarray:
    """Return the logits in float32, shape (rows, labels), in the order of the rows."""
    model.eval()
    forward = Forward(model, hidden_states=False, relations=False)
    logits = None
    for rows in scoring_batches(data):
        output = forward(collate(data, rows, device)).logits.float().cpu().numpy()
        if logits is None:
            logits = np.empty((len(data), output.shape[1]), dtype=np.float32)
        logits[rows] = output
    return logits


def scores(logits: np.ndarray, data: Encoded, task: Task) -> dict[str, float]:
    """Return the task's metrics of ``logits`` (rows, labels) against the labels of ``data``."""
    from kdnas.data.metrics import compute

    predictions = logits.squeeze(-1) if task.regression else logits.argmax(axis=-1)
    return compute(task.definition, predictions, data.labels)
