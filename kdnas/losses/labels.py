"""Learning from the labels, without a teacher."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from kdnas.data.kinds import MULTI_LABEL, REGRESSION
from kdnas.losses.base import Batch, Loss, Outputs, Pair


class Labels(Loss):
    """The loss of the labels, (batch,) or of label sets (batch, labels), as a mean over the rows of a batch.

    Of one class it is the cross-entropy, of a number the squared error. Of a label set it is the sum of the
    labels' binary cross-entropies: as of one class, the negative log-likelihood of all that a row says. With
    class weights the mean is weighted by those of the rows' classes, or of each label's presence and absence.
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
        if self.pair.problem_type == MULTI_LABEL:
            return self._of_sets(logits, labels)
        if self.pair.problem_type != REGRESSION:
            return F.cross_entropy(logits, labels, weight=self.weights)
        predictions = logits.squeeze(-1)
        _check_shapes(predictions, labels)
        return F.mse_loss(predictions, labels)

    def _of_sets(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        _check_shapes(logits, labels)
        losses = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        if self.weights is None:
            return losses.sum() / len(losses)
        absent, present = self.weights.unbind(-1)
        weights = torch.where(labels > 0, present, absent)
        return losses.shape[1] * (weights * losses).sum() / weights.sum()


def _check_shapes(predictions: torch.Tensor, labels: torch.Tensor) -> None:
    if predictions.shape != labels.shape:
        raise ValueError(f"predictions {tuple(predictions.shape)} and labels {tuple(labels.shape)} differ")
