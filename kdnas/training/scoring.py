"""Outputs of trained models on a split, and their scores: of one model, or of candidates side by side."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from kdnas.data.tasks import Task
from kdnas.training.data import Encoded, collate
from kdnas.training.forward import Forward, Teaching
from kdnas.training.learner import Learner, only_this_one_fails

if TYPE_CHECKING:
    from transformers import PreTrainedModel


REPORT_SECONDS = 10.0
BATCH_SIZE = 64


def scoring_batches(data: Encoded) -> list[np.ndarray]:
    """Return the row numbers of each batch: rows of like length together."""
    order = np.argsort(data.lengths, kind="stable")
    return [order[start : start + BATCH_SIZE] for start in range(0, len(order), BATCH_SIZE)]


@torch.inference_mode()
def predict(model: PreTrainedModel, data: Encoded, device: torch.device) -> np.ndarray:
    """Return the logits in float32, shape (rows, labels), in the order of the rows."""
    model.eval()
    forward = Forward(model)
    logits = None
    for rows in scoring_batches(data):
        output = forward(collate(data, rows, device)).logits.float().cpu().numpy()
        if logits is None:
            logits = np.empty((len(data), output.shape[1]), dtype=np.float32)
        logits[rows] = output
    assert logits is not None  # every split has rows
    return logits


def scores(logits: np.ndarray, data: Encoded, task: Task) -> dict[str, float]:
    """Return the task's metrics of ``logits`` (rows, labels) against the labels of ``data``."""
    from kdnas.data.metrics import of_logits

    return of_logits(task, logits, data.labels)


@dataclass(frozen=True)
class Scored:
    """A model's metrics on every split, and the ``logits`` (rows, labels) behind them."""

    metrics: dict[str, dict[str, float]]
    logits: dict[str, np.ndarray]


def score_splits(
    model: PreTrainedModel, splits: dict[str, Encoded], *, task: Task, device: torch.device
) -> Scored:
    """Score ``model`` by the task's metrics on every split, in float32."""
    logits = {name: predict(model, data, device) for name, data in splits.items()}
    metrics = {name: scores(logits[name], data, task) for name, data in splits.items()}
    return Scored(metrics, logits)


@torch.inference_mode()
def judge(
    learners: list[Learner],
    teaching: Teaching | None,
    data: Encoded,
    *,
    device: torch.device,
    report: Callable[[str], None] = print,
) -> list[tuple[np.ndarray, float] | None]:
    """Return the logits (rows, labels) and the distillation loss of each learner on ``data``, in float32.

    The loss sums the terms that ask the teacher, each batch's mean weighted by its rows; it is 0 where there
    is no ``teaching`` on these rows. Each result is the same whatever the others are. A learner that runs out
    of memory is marked ``failed``; the result of a failed one is None.
    """
    healthy = [learner for learner in learners if learner.failed is None]
    if not healthy:
        return [None for _ in learners]
    for learner in healthy:
        learner.model.eval()
    labels = healthy[0].model.config.num_labels
    logits = [np.empty((len(data), labels), np.float32) for _ in learners]
    losses = [0.0 for _ in learners]
    batches = scoring_batches(data)
    reported = time.monotonic()
    for number, rows in enumerate(batches, start=1):
        batch = collate(data, rows, device)
        targets = teaching(rows, batch) if teaching else None
        for position, learner in enumerate(learners):
            if learner.failed is not None:
                continue
            with only_this_one_fails(learner, "while it was judged"):
                outputs = learner.forward(batch)
                logits[position][rows] = outputs.logits.float().cpu().numpy()
                if targets is not None:
                    terms = learner.objective(outputs, targets, batch)
                    losses[position] += float(learner.objective.distillation(terms)) * len(rows)
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            report(f"scoring, batch {number}/{len(batches)}")
    return [
        None if learner.failed is not None else (output, loss / len(data))
        for learner, output, loss in zip(learners, logits, losses, strict=True)
    ]
