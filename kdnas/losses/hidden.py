"""The paper's hidden-state loss, with layers matched by "Uniform+Last"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import nn
from torch.nn import functional as F

from kdnas.estimate.shapes import hidden_states_kept, maps_flops
from kdnas.losses.base import HIDDEN_STATES, Batch, Loss, Outputs, Pair
from kdnas.search.space import Architecture

RIDGE = 1e-3  # as a share of the mean square of a fitted map's inputs


def uniform_last_layers(student_layers: int, teacher_layers: int) -> list[tuple[int, int]]:
    """Return for each student layer the two teacher layers (from 0) that it learns.

    "Uniform+Last": layer i learns floor(i * L_T / L_S) and L_T - L_S + i (reported about the paper, see
    docs/method.md). Raises ValueError for a student deeper than its teacher.
    """
    if student_layers > teacher_layers:
        raise ValueError(f"a student of {student_layers} layers is deeper than {teacher_layers}")
    return [
        (i * teacher_layers // student_layers, teacher_layers - student_layers + i)
        for i in range(student_layers)
    ]


class HiddenStates(Loss):
    """Squared error between mapped student states and two concatenated teacher states a layer.

    Each student layer has a linear map from its hidden size to twice the teacher's; :meth:`fit` starts it
    near its targets. The mean is over layers, real tokens and dimensions.
    """

    reads = frozenset({HIDDEN_STATES})
    starts_fitted = True

    def __init__(self, pair: Pair) -> None:
        super().__init__(pair)
        learns, teaches = pair.student, pair.teacher
        self.layers = uniform_last_layers(learns.num_hidden_layers, teaches.num_hidden_layers)
        self.maps = nn.ModuleList(nn.Linear(learns.hidden_size, 2 * teaches.hidden_size) for _ in self.layers)

    @torch.no_grad()
    def fit(self, batches: Iterable[tuple[Outputs, Outputs, Batch]]) -> None:
        """Set every map to the least-squares prediction of its targets on ``batches``."""
        nothing = torch.zeros((), dtype=torch.float64)
        reads, writes = [nothing] * len(self.maps), [nothing] * len(self.maps)
        for student, teacher, batch in batches:
            real = batch["attention_mask"].bool()
            states = zip(student.hidden_states, self.layers, strict=True)
            for layer, (state, (uniform, last)) in enumerate(states):
                state = F.pad(state[real], (0, 1), value=1.0).double()
                target = _targets(teacher, uniform, last)[real].double()
                reads[layer] = reads[layer] + state.T @ state
                writes[layer] = writes[layer] + state.T @ target
        maps = cast("Iterable[nn.Linear]", self.maps)
        for linear, read, write in zip(maps, reads, writes, strict=True):
            ridge = RIDGE * read.diagonal().mean() * torch.eye(len(read), device=read.device)
            solution = torch.linalg.solve(read + ridge, write).T
            linear.weight.copy_(solution[:, :-1])
            linear.bias.copy_(solution[:, -1])

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> torch.Tensor:
        """Return the mean squared error."""
        mask = batch["attention_mask"].float()
        weights = mask.unsqueeze(-1)
        total = mask.sum()
        losses = []
        for state, linear, pair in zip(student.hidden_states, self.maps, self.layers, strict=True):
            target = _targets(teacher, *pair)
            error = (linear(state) - target) ** 2 * weights
            losses.append(error.sum() / (total * target.shape[-1]))
        return torch.stack(losses).mean()

    @classmethod
    def flops(cls, student: Architecture, teacher: Architecture) -> float:
        """Return the operations of a map from H_S to 2 H_T in every layer."""
        return maps_flops(student, teacher)

    @classmethod
    def kept_states(cls, student: Architecture, teacher: Architecture) -> int:
        """Count the teacher's states, and the mapped ones, targets and errors."""
        return hidden_states_kept(student, teacher)


def _targets(teacher: Outputs, uniform: int, last: int) -> torch.Tensor:
    return torch.cat([teacher.hidden_states[uniform], teacher.hidden_states[last]], dim=-1)
