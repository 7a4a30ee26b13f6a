"""The weighted sum of losses that a model is trained on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from kdnas.losses import LABELS, LOSSES, loss_class
from kdnas.losses.base import Batch, Loss, Outputs, Pair

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from kdnas.training.recipe import Recipe


def chosen(weights: Mapping[str, float]) -> dict[str, type[Loss]]:
    """Return the classes of the losses whose weight is not 0, in the order of the registry."""
    return {name: loss_class(name) for name in LOSSES if weights.get(name)}


def reads_of_teacher(weights: Mapping[str, float]) -> frozenset[str] | None:
    """Return the parts of a teacher's Outputs that are read beside its logits; None if no loss asks it."""
    asking = [loss for loss in chosen(weights).values() if loss.needs_teacher]
    return frozenset().union(*(loss.reads for loss in asking)) if asking else None


class Objective(nn.Module):
    """Computes every loss of nonzero weight for one student; ``weights`` are ``distillation.losses``."""

    def __init__(self, weights: Mapping[str, float], pair: Pair) -> None:
        super().__init__()
        self.weights = dict(weights)
        self.losses = nn.ModuleDict({name: loss(pair) for name, loss in chosen(weights).items()})

    @classmethod
    def of_recipe(
        cls,
        recipe: Recipe,
        student: PreTrainedModel,
        teacher: PreTrainedModel | None,
        *,
        class_weights: tuple[Any, ...] | None = None,
    ) -> Objective:
        """Build the objective of ``student``, whose losses are yet to be fitted.

        Without a ``teacher`` the losses may read nothing of it but its logits.
        """
        pair = Pair(
            student.config,
            None if teacher is None else teacher.config,
            temperature=recipe.temperature,
            relation_heads=recipe.relation_heads,
            class_weights=class_weights,
        )
        return cls(recipe.losses, pair)

    def _terms(self) -> dict[str, Loss]:
        return cast("dict[str, Loss]", dict(self.losses.items()))

    @property
    def reads(self) -> frozenset[str]:
        """The parts of the student's Outputs that are read beside its logits."""
        return frozenset().union(*(loss.reads for loss in self._terms().values()))

    @property
    def starts_fitted(self) -> bool:
        """Whether :meth:`fit` has anything to do."""
        return any(loss.starts_fitted for loss in self._terms().values())

    def fit(self, batches: Iterable[tuple[Outputs, Outputs, Batch]]) -> None:
        """Initialise the losses' own weights from the student's and the teacher's outputs on a sample."""
        batches = list(batches) if sum(loss.starts_fitted for loss in self._terms().values()) > 1 else batches
        for loss in self._terms().values():
            if loss.starts_fitted:
                loss.fit(batches)

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch) -> dict[str, torch.Tensor]:
        """Return each loss as a scalar, unweighted, by the name of its config key."""
        return {name: loss(student, teacher, batch) for name, loss in self.losses.items()}

    def total(self, terms: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the weighted sum of ``terms``."""
        weighted: Any = sum(self.weights[name] * value for name, value in terms.items())
        return weighted

    def distillation(self, terms: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the weighted sum of the terms that ask the teacher: the loss of the paper's version 2."""
        losses = self._terms()
        return self.total({name: value for name, value in terms.items() if losses[name].needs_teacher})


def labels_only(model: PreTrainedModel, *, class_weights: tuple[Any, ...] | None = None) -> Objective:
    """Return the objective of plain fine-tuning."""
    return Objective({LABELS: 1.0}, Pair(model.config, None, class_weights=class_weights))
