"""Self-attention relations of the last layer (MiniLMv2)."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from kdnas.losses.base import RELATIONS, Batch, Loss, Outputs


class Relations(Loss):
    """The KL divergence of self-attention relations (MiniLMv2, Wang et al. 2021, section 3).

    Queries, keys and values of the last layer are each cut into relation heads, and their scaled dot products
    among all tokens compared; mean over the three, the heads and the real tokens.
    """

    reads = frozenset({RELATIONS})

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> torch.Tensor:
        """Return the mean divergence."""
        mask, heads = batch["attention_mask"].float(), self.pair.relation_heads
        losses = []
        for of_student, of_teacher in zip(student.relations, teacher.relations, strict=True):
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
