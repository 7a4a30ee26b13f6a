"""Learning from the labels, without a teacher."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from kdnas.losses.base import Batch, Loss, Outputs


class Labels(Loss):
    """The cross-entropy, or for a regression task the mean squared error, against the labels (batch,)."""

    needs_teacher = False

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> torch.Tensor:
        """Return the loss; raises ValueError where outputs and labels have other shapes."""
        logits, labels = student.logits.float(), batch["labels"]
        if not self.pair.regression:
            return F.cross_entropy(logits, labels)
        predictions = logits.squeeze(-1)
        if predictions.shape != labels.shape:
            raise ValueError(
                f"predictions {tuple(predictions.shape)} and labels {tuple(labels.shape)} differ"
            )
        return F.mse_loss(predictions, labels)
