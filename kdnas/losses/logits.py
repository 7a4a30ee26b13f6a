"""Knowledge distillation from the teacher's logits."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from kdnas.data.kinds import MULTI_LABEL, REGRESSION
from kdnas.losses.base import Batch, Loss, Outputs


class Logits(Loss):
    """T^2 * KL(teacher || student) at temperature T (Hinton et al. 2015, section 2), batch mean.

    For label sets, whose labels have a probability each: the sum of their binary divergences, which is the
    divergence of the sets if labels are independent (as in Yang et al. 2023, arXiv 2308.06453, section 3).
    For a regression task: the mean squared error of the two outputs.
    """

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> torch.Tensor:
        """Return the divergence; raises ValueError if the two have other numbers of labels."""
        learns, teaches = student.logits.float(), teacher.logits.float()
        if learns.shape != teaches.shape:
            raise ValueError(
                f"logits of shapes {tuple(learns.shape)} and {tuple(teaches.shape)} do not match"
            )
        if self.pair.problem_type == REGRESSION:
            return F.mse_loss(learns, teaches)
        probabilities = _of_sets if self.pair.problem_type == MULTI_LABEL else _of_classes
        temperature = self.pair.temperature
        return temperature**2 * F.kl_div(
            probabilities(learns / temperature),
            probabilities(teaches / temperature),
            log_target=True,
            reduction="batchmean",
        )


def _of_classes(logits: torch.Tensor) -> torch.Tensor:
    """Return the log-probabilities of the classes, (batch, classes)."""
    return F.log_softmax(logits, dim=-1)


def _of_sets(logits: torch.Tensor) -> torch.Tensor:
    """Return the log-probabilities that a row has each label and that it has not, (batch, labels, 2)."""
    return torch.stack([F.logsigmoid(logits), F.logsigmoid(-logits)], dim=-1)
