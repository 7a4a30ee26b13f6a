"""Putting a student and its teacher together for training."""

from __future__ import annotations

from typing import Any

from torch import nn

from kdnas.data.tasks import Task
from kdnas.stages import shared_settings
from kdnas.training.losses import HiddenStateLoss
from kdnas.training.objective import Objective, Weights


def make_objective(weights: Weights, student: nn.Module, teacher: nn.Module, task: Task) -> Objective:
    """Build the objective of ``student``; the maps of its hidden-state loss are yet to be fitted."""
    hidden = None
    if weights.hidden:
        learns, teaches = student.config, teacher.config
        hidden = HiddenStateLoss(
            learns.num_hidden_layers, learns.hidden_size, teaches.num_hidden_layers, teaches.hidden_size
        )
    return Objective(weights, task.regression, hidden)


def recipe_key(distillation: dict[str, Any], stage: str) -> dict[str, Any]:
    """Return the part of the config's ``distillation`` section that decides a ``stage``'s result."""
    return shared_settings(distillation) | {"stage": distillation[stage]}
