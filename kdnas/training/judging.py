"""Judging candidates: their outputs and distillation losses on a split, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from kdnas.training.batches import Encoded, collate
from kdnas.training.failure import only_this_one_fails
from kdnas.training.learner import Learner
from kdnas.training.loop import REPORT_SECONDS
from kdnas.training.prediction import scoring_batches
from kdnas.training.teaching import Teaching


@torch.inference_mode()
def judge(
    learners: list[Learner],
    teaching: Teaching | None,
    data: Encoded,
    device: torch.device,
    report: Callable[[str], None] = print,
) -> list[tuple[np.ndarray, float] | None]:
    """Return the logits (rows, labels) and the distillation loss of each learner on ``data``, in float32.

    The loss is that of the teacher's terms, each batch's mean weighted by its rows, 0 where there is no
    ``teaching`` on these rows. Each result is the same whatever the others are. A
    learner that runs out of memory is marked ``failed``; the result of a failed one is None.
    """
    if all(learner.failed is not None for learner in learners):
        return [None for _ in learners]
    for learner in learners:
        learner.model.eval()
    logits = [np.empty((len(data), learner.model.config.num_labels), np.float32) for learner in learners]
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
