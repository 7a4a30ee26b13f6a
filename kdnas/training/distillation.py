"""Putting a student and its teacher together for training."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from kdnas.losses import HiddenStateLoss
from kdnas.models.student import seed_of
from kdnas.space import Architecture
from kdnas.tasks import Task
from kdnas.training.forward import Forward
from kdnas.training.objective import Objective, Weights


def make_objective(
    weights: Weights,
    architecture: Architecture,
    teacher: nn.Module,
    task: Task,
    hidden_index: list[int] | None,
    seed: int,
) -> Objective:
    """Build a student's objective; the random maps of the hidden-state loss are drawn from ``seed``."""
    hidden = None
    if weights.hidden:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(seed, architecture))
            hidden = HiddenStateLoss(
                architecture.layers,
                architecture.hidden_size,
                teacher.config.num_hidden_layers,
                teacher.config.hidden_size,
                hidden_index,
            )
    return Objective(weights, task.regression, hidden)


def teacher_forward(teacher: nn.Module, weights: Weights, device: torch.device) -> Forward | None:
    """Return the teacher's forward pass for ``weights``; None where no loss looks at it."""
    if not weights.needs_teacher:
        return None
    return Forward(teacher.to(device).eval(), bool(weights.hidden), bool(weights.relations))


def recipe_key(distillation: dict[str, Any], stage: str) -> dict[str, Any]:
    """Return the part of the config's ``distillation`` section that decides a ``stage``'s result."""
    shared = ("initialisation", "temperature", "relation_heads", "losses")
    return {name: distillation[name] for name in shared} | {"stage": distillation[stage]}
