"""The weighted sum of losses that a student is trained on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from kdnas.training.losses import HiddenStateLoss, Outputs, labels_loss, logits_loss, relations_loss


@dataclass(frozen=True)
class Weights:
    """The weights of ``distillation.losses``, with the temperature and the number of relation heads."""

    hidden: float
    logits: float
    relations: float
    labels: float
    temperature: float
    relation_heads: int

    @classmethod
    def from_config(cls, distillation: dict) -> Weights:
        """Read them from the config's ``distillation`` section."""
        return cls(
            **distillation["losses"],
            temperature=distillation["temperature"],
            relation_heads=distillation["relation_heads"],
        )

    @property
    def needs_teacher(self) -> bool:
        """Whether any term looks at the teacher."""
        return bool(self.hidden or self.logits or self.relations)


LABELS_ONLY = Weights(hidden=0, logits=0, relations=0, labels=1, temperature=1, relation_heads=1)


class Objective(nn.Module):
    """Computes every term of nonzero weight; ``hidden`` holds the maps of the hidden-state loss."""

    def __init__(self, weights: Weights, regression: bool, hidden: HiddenStateLoss | None) -> None:
        super().__init__()
        self.weights = weights
        self.regression = regression
        self.hidden = hidden

    def forward(
        self, student: Outputs, teacher: Outputs | None, batch: dict[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """Return each term as a scalar, unweighted, by the name of its config key."""
        terms = {}
        mask = batch["attention_mask"].float()
        if self.hidden is not None:
            terms["hidden"] = self.hidden(student.hidden_states, teacher.hidden_states, mask)
        if self.weights.logits:
            terms["logits"] = logits_loss(
                student.logits.float(), teacher.logits.float(), self.weights.temperature, self.regression
            )
        if self.weights.relations:
            terms["relations"] = relations_loss(
                student.relations, teacher.relations, mask, self.weights.relation_heads
            )
        if self.weights.labels:
            terms["labels"] = labels_loss(student.logits.float(), batch["labels"], self.regression)
        return terms

    def total(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the weighted sum of ``terms``."""
        return sum(getattr(self.weights, name) * value for name, value in terms.items())

    def distillation(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the weighted sum without the labels' term: what version 2 of the paper calls the loss."""
        return self.total({name: value for name, value in terms.items() if name != "labels"})
