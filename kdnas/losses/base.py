"""The base class of losses: what one reads, whether it asks the teacher, how it starts and what it costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from kdnas.search.space import Architecture

HIDDEN_STATES, RELATIONS = "hidden_states", "relations"
Batch = dict[str, torch.Tensor]


@dataclass
class Outputs:
    """The outputs of a forward pass that losses compare.

    ``logits`` (batch, labels); ``hidden_states`` one (batch, tokens, hidden) tensor a layer, embeddings
    left out, normalised in a pre-norm model; ``relations`` the last layer's queries, keys and values, each
    (batch, tokens, hidden), before rotary positions.
    """

    logits: torch.Tensor
    hidden_states: tuple[torch.Tensor, ...] = ()
    relations: tuple[torch.Tensor, ...] = ()


@dataclass(frozen=True)
class Pair:
    """A student and its teacher, described for a loss.

    ``student`` and ``teacher`` are transformers configurations (``teacher`` None where there is none);
    ``temperature`` and ``relation_heads`` are the keys of ``distillation``. ``class_weights`` are those of
    :meth:`kdnas.data.kinds.Kind.balanced_weights` for the loss of the labels, None for equal ones.
    """

    student: Any
    teacher: Any
    temperature: float = 1.0
    relation_heads: int = 1
    class_weights: tuple[Any, ...] | None = None

    @property
    def problem_type(self) -> str:
        """What a label is, by transformers' word in the student's configuration (:mod:`kdnas.data.kinds`)."""
        found: str = self.student.problem_type
        return found


class Loss(nn.Module):
    """One term of the sum that students are trained on, as a mean over the things it compares."""

    reads: ClassVar[frozenset[str]] = frozenset()  # of Outputs, beside the logits
    needs_teacher: ClassVar[bool] = True
    starts_fitted: ClassVar[bool] = False  # whether `fit` is to be called before training

    def __init__(self, pair: Pair) -> None:
        super().__init__()
        self.pair = pair

    def fit(self, batches: Iterable[tuple[Outputs, Outputs, Batch]]) -> None:
        """Initialise its own weights from the student's and the teacher's outputs on a sample of the rows."""

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> torch.Tensor:
        """Return the loss of one batch, a scalar; ``batch`` has ``attention_mask`` and ``labels``.

        There may be no ``teacher`` for a loss that needs none.
        """
        raise NotImplementedError

    @classmethod
    def flops(cls, student: Architecture, teacher: Architecture) -> float:
        """Return the floating-point operations per token that it adds to the student's forward pass."""
        return 0.0

    @classmethod
    def kept_states(cls, student: Architecture, teacher: Architecture) -> int:
        """Return how many tensors of the teacher's width it keeps for every token of a batch."""
        return 0
