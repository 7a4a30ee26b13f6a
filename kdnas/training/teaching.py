"""What the teacher says of a batch, for learners to compare with."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import nn

from kdnas.training.batches import Encoded
from kdnas.training.device import to_device
from kdnas.training.forward import Forward
from kdnas.training.losses import Outputs
from kdnas.training.objective import Weights
from kdnas.training.prediction import predict


class Teaching:
    """The teacher's side of the losses on the training rows ``data``.

    It says the same of a row in every epoch. Its logits are remembered from one pass over all rows where
    the losses compare nothing else; hidden states and relations would not fit into memory.
    """

    def __init__(
        self, teacher: nn.Module, weights: Weights, data: Encoded, device: torch.device, autocast: bool
    ) -> None:
        self.forward = Forward(teacher.to(device).eval(), bool(weights.hidden), bool(weights.relations))
        self.logits_suffice = not (weights.hidden or weights.relations)
        self.data = data
        self.device = device
        self.autocast = autocast

    @torch.no_grad()
    def __call__(self, rows: np.ndarray, batch: dict[str, torch.Tensor]) -> Outputs:
        """Return what the losses compare for the rows numbered ``rows`` (batch,), which ``batch`` holds."""
        if self.logits_suffice:
            return Outputs(to_device(self._logits[torch.from_numpy(rows)], self.device))
        with self._precision():
            return self.forward(batch)

    @cached_property
    def _logits(self) -> torch.Tensor:
        with self._precision():
            return torch.from_numpy(predict(self.forward.model, self.data, self.device))

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast)


def make_teaching(
    teacher: nn.Module, weights: Weights, data: Encoded, device: torch.device, autocast: bool
) -> Teaching | None:
    """Return the teaching for ``weights``; None where no loss looks at the teacher."""
    return Teaching(teacher, weights, data, device, autocast) if weights.needs_teacher else None
