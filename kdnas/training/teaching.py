"""What the teacher says of a batch, for learners to compare with."""

from __future__ import annotations

from dataclasses import replace

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
    """The teacher's side of the losses on some rows.

    Its logits are known beforehand. The ``teacher`` itself runs beside the students only where the losses
    compare more: hidden states and relations of all rows would not fit into memory.
    """

    def __init__(
        self,
        teacher: nn.Module,
        logits: torch.Tensor,
        weights: Weights,
        device: torch.device,
        autocast: bool,
    ) -> None:
        self.logits = logits  # (rows, labels)
        self.forward: Forward | None = None
        if weights.hidden or weights.relations:
            self.forward = Forward(teacher.to(device).eval(), bool(weights.hidden), bool(weights.relations))
        self.device = device
        self.autocast = autocast

    @torch.no_grad()
    def __call__(self, rows: np.ndarray, batch: dict[str, torch.Tensor]) -> Outputs:
        """Return what the losses compare for the rows numbered ``rows`` (batch,), which ``batch`` holds."""
        logits = to_device(self.logits[torch.from_numpy(rows)], self.device)
        if self.forward is None:
            return Outputs(logits)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            return replace(self.forward(batch), logits=logits)


def logits_of(
    teacher: nn.Module, given: torch.Tensor | None, data: Encoded, device: torch.device
) -> torch.Tensor:
    """Return the logits of ``teacher`` on ``data``, (rows, labels): those ``given``, or computed here."""
    return torch.from_numpy(predict(teacher.to(device), data, device)) if given is None else given
