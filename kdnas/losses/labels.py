"""Learning from the labels, without a teacher."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from kdnas.losses.base import Batch, Loss, Outputs, Pair


class Labels(Loss):
    """The cross-entropy, or for a regression task the mean squared error, against the labels (batch,).

    With class weights the mean is weighted by those of the rows' labels.
    """

    needs_teacher = False
    weights: torch.Tensor | None

    def __init__(self, pair: Pair) -> None:
        super().__init__(pair)
        weights = None if pair.class_weights is None else torch.tensor(pair.class_weights)
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> torch.Tensor:
        """Return the loss; raises ValueError where outputs and labels have other shapes."""
        logits, labels = student.logits.float(), batch["labels"]
        if not self.pair.regression:
            return F.cross_entropy(logits, labels, weight=self.weights)
        predictions = logits.squeeze(-1)
        if predictions.shape != labels.shape:
            raise ValueError(
                f"predictions {tuple(predictions.shape)} and labels {tuple(labels.shape)} differ"
            )
        return F.mse_loss(predictions, labels)
