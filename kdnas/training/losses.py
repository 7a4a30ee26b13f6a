"""The distillation losses, each a mean over what it compares; weighted in ``distillation.losses``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

States = tuple[torch.Tensor, ...]

RIDGE = 1e-3  # of the mean square of what a fitted map reads


@dataclass
class Outputs:
    """What a forward pass leaves for the losses.

    ``logits`` (batch, labels); ``hidden_states`` one (batch, tokens, hidden) tensor a layer, embeddings
    left out; ``relations`` the last layer's queries, keys and values, each (batch, tokens, hidden).
    """

    logits: torch.Tensor
    hidden_states: tuple[torch.Tensor, ...] = ()
    relations: tuple[torch.Tensor, ...] = ()


def uniform_last_layers(student_layers: int, teacher_layers: int) -> list[tuple[int, int]]:
    """Return for each student layer the two teacher layers (from 0) that it learns.

    "Uniform+Last": layer i learns floor(i * L_T / L_S) and L_T - L_S + i (reported of the paper, see
    docs/method.md). Raises ValueError for a student deeper than its teacher.
    """
    if student_layers > teacher_layers:
        raise ValueError(f"a student of {student_layers} layers is deeper than {teacher_layers}")
    return [
        (i * teacher_layers // student_layers, teacher_layers - student_layers + i)
        for i in range(student_layers)
    ]


class HiddenStateLoss(nn.Module):
    """Squared error between mapped student states and two concatenated teacher states a layer.

    Each student layer has a linear map from its hidden size to twice the teacher's; :meth:`fit` starts it
    near its targets.
    """

    def __init__(
        self,
        student_layers: int,
        student_hidden: int,
        teacher_layers: int,
        teacher_hidden: int,
    ) -> None:
        super().__init__()
        self.layers = uniform_last_layers(student_layers, teacher_layers)
        self.maps = nn.ModuleList(nn.Linear(student_hidden, 2 * teacher_hidden) for _ in self.layers)

    @torch.no_grad()
    def fit(self, batches: Iterable[tuple[States, States, torch.Tensor]]) -> None:
        """Set every map to the least-squares prediction of its targets on ``batches``.

        Each batch holds the student's and the teacher's states, as :meth:`forward` takes them, and the mask.
        """
        reads = [0.0] * len(self.maps)
        writes = [0.0] * len(self.maps)
        for student, teacher, mask in batches:
            real = mask.bool()
            for layer, (state, (uniform, last)) in enumerate(zip(student, self.layers, strict=True)):
                state = F.pad(state[real], (0, 1), value=1.0).double()
                target = torch.cat([teacher[uniform], teacher[last]], dim=-1)[real].double()
                reads[layer] = reads[layer] + state.T @ state
                writes[layer] = writes[layer] + state.T @ target
        for linear, read, write in zip(self.maps, reads, writes, strict=True):
            ridge = RIDGE * read.diagonal().mean() * torch.eye(len(read), device=read.device)
            solution = torch.linalg.solve(read + ridge, write).T
            linear.weight.copy_(solution[:, :-1])
            linear.bias.copy_(solution[:, -1])

    def forward(
        self,
        student: States,
        teacher: States,
        mask: torch.Tensor,
    ) -> torch.Tensor:
        """Return the mean over layers, real tokens (``mask`` (batch, tokens)) and dimensions."""
        weights = mask.unsqueeze(-1)
        total = mask.sum()
        losses = []
        for state, linear, (uniform, last) in zip(student, self.maps, self.layers, strict=True):
            target = torch.cat([teacher[uniform], teacher[last]], dim=-1)
            error = (linear(state) - target) ** 2 * weights
            losses.append(error.sum() / (total * target.shape[-1]))
        return torch.stack(losses).mean()


def logits_loss(
    student: torch.Tensor, teacher: torch.Tensor, temperature: float, regression: bool
) -> torch.Tensor:
    """Return T^2 * KL(teacher || student) at temperature T (Hinton et al. 2015, section 2), batch mean.

    For a regression task: the mean squared error of the two outputs.
    """
    if student.shape != teacher.shape:
        raise ValueError(f"logits of shapes {tuple(student.shape)} and {tuple(teacher.shape)} do not match")
    if regression:
        return F.mse_loss(student, teacher)
    return temperature**2 * F.kl_div(
        F.log_softmax(student / temperature, dim=-1),
        F.log_softmax(teacher / temperature, dim=-1),
        log_target=True,
        reduction="batchmean",
    )


def labels_loss(logits: torch.Tensor, labels: torch.Tensor, regression: bool) -> torch.Tensor:
    """Return the cross-entropy, or for regression the mean squared error, against ``labels`` (batch,)."""
    if not regression:
        return F.cross_entropy(logits, labels)
    predictions = logits.squeeze(-1)
    if predictions.shape != labels.shape:
        raise ValueError(f"predictions {tuple(predictions.shape)} and labels {tuple(labels.shape)} differ")
    return F.mse_loss(predictions, labels)


def relations_loss(
    student: tuple[torch.Tensor, ...],
    teacher: tuple[torch.Tensor, ...],
    mask: torch.Tensor,
    heads: int,
) -> torch.Tensor:
    """Return the KL divergence of self-attention relations (MiniLMv2, Wang et al. 2021, section 3).

    Queries, keys and values of the last layer are each cut into ``heads`` relation heads, and their
    scaled dot products among all tokens compared; mean over the three, the heads and the real tokens.
    """
    losses = []
    for of_student, of_teacher in zip(student, teacher, strict=True):
        log_student = _log_relations(of_student, mask, heads)
        log_teacher = _log_relations(of_teacher, mask, heads)
        divergence = (log_teacher.exp() * (log_teacher - log_student)).sum(-1)
        losses.append((divergence * mask.unsqueeze(1)).sum() / (mask.sum() * heads))
    return torch.stack(losses).mean()


def _log_relations(vectors: torch.Tensor, mask: torch.Tensor, heads: int) -> torch.Tensor:
    """Return log-softmax relations of shape (batch, heads, tokens, tokens)."""
    batch, tokens, size = vectors.shape
    split = vectors.view(batch, tokens, heads, size // heads).transpose(1, 2)
    scores = split @ split.transpose(-1, -2) / math.sqrt(size // heads)
    # a finite number, so that exp() gives 0 and 0 * (a - b) stays 0
    scores = scores.masked_fill(mask[:, None, None, :] == 0, -1e4)
    return F.log_softmax(scores, dim=-1)
