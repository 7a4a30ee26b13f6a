"""How a model is trained: the settings of one training, and of one stage of the distillation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Stage:
    """The settings of one training: the config's ``teacher.training`` or ``distillation.<stage>``."""

    epochs: int
    min_steps: int
    batch_size: int
    learning_rate: float
    warmup: float
    weight_decay: float
    dropout: float
    max_gradient_norm: float

    def steps(self, rows: int) -> int:
        """Return the number of steps on ``rows`` rows: whole epochs, until there are ``min_steps``."""
        batches = math.ceil(rows / self.batch_size)
        return batches * max(self.epochs, math.ceil(self.min_steps / batches))

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate at ``step`` (from 0): a linear rise, then a linear fall to zero."""
        rising = max(1, round(self.warmup * steps))
        if step < rising:
            return self.learning_rate * (step + 1) / rising
        return self.learning_rate * (steps - step) / max(1, steps - rising)

    @property
    def key(self) -> dict[str, Any]:
        """What the store's keys have of it."""
        return asdict(self)

    @classmethod
    def from_config(cls, section: Mapping[str, Any], max_gradient_norm: float) -> Stage:
        """Read ``teacher.training`` or a stage of ``distillation``."""
        return cls(**section, max_gradient_norm=max_gradient_norm)


@dataclass(frozen=True)
class Recipe:
    """How students are distilled in one stage: ``proxy``, ``student`` or ``glue``.

    ``losses`` are the weights by name; ``refit_rows`` counts where ``initialisation`` is ``refit``.
    """

    name: str
    initialisation: str
    refit_rows: int
    losses: Mapping[str, float]
    temperature: float
    relation_heads: int
    stage: Stage

    @property
    def key(self) -> dict[str, Any]:
        """What the store's keys have of it."""
        unused = {"name"} if self.initialisation == "refit" else {"name", "refit_rows"}
        return {name: value for name, value in asdict(self).items() if name not in unused}

    @classmethod
    def of_given_answers(cls, losses: Mapping[str, float], temperature: float, stage: Stage) -> Recipe:
        """Return how a model learns answers whose teacher is not at hand: it has no states to compare.

        ``losses`` are the weights of ``logits`` and ``labels``.
        """
        return cls("teacher", "random", 0, losses, temperature, relation_heads=1, stage=stage)

    @classmethod
    def from_config(cls, distillation: Mapping[str, Any], name: str, max_gradient_norm: float) -> Recipe:
        """Read the stage ``name`` of the config's ``distillation`` section."""
        return cls(
            name=name,
            initialisation=distillation["initialisation"],
            refit_rows=distillation["refit_rows"],
            losses=dict(distillation["losses"]),
            temperature=distillation["temperature"],
            relation_heads=distillation["relation_heads"],
            stage=Stage.from_config(distillation[name], max_gradient_norm),
        )
