"""Knowledge distillation from the teacher's logits."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from kdnas.losses.base import Batch, Loss, Outputs


class Logits(Loss):
    """T^2 * KL(teacher || student) at temperature T (Hinton et al. 2015, section 2), batch mean.

    For a regression task: the mean squared error of the two outputs.
    """

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> torch.Tensor:
        """Return the divergence; raises ValueError if the two have other numbers of labels."""
        learns, teaches = student.logits.float(), teacher.logits.float()
        if learns.shape != teaches.shape:
            raise ValueError(
                f"logits of shapes {tuple(learns.shape)} and {tuple(teaches.shape)} do not match"
            )
        if self.pair.regression:
            return F.mse_loss(learns, teaches)
        temperature = self.pair.temperature
        return temperature**2 * F.kl_div(
            F.log_softmax(learns / temperature, dim=-1),
            F.log_softmax(teaches / temperature, dim=-1),
            log_target=True,
            reduction="batchmean",
        )
