"""Building students."""

from __future__ import annotations

import torch
from torch import nn

from kdnas.artifacts import digest
from kdnas.models.loading import base_model, classifier_config, new_classifier, student_config
from kdnas.models.slicing import slice_encoder
from kdnas.space import Architecture
from kdnas.tasks import Task


def build_student(
    architecture: Architecture,
    teacher: nn.Module,
    task: Task,
    initialisation: str,
    dropout: float,
    seed: int,
) -> tuple[nn.Module, list[int] | None]:
    """Return a student classifier and the teacher's hidden dimensions that it was cut from (or None).

    ``initialisation`` is ``random`` or ``teacher`` (see :mod:`kdnas.models.slicing`). With ``teacher`` the
    pooler and, where the task has the same labels, the classification head are cut from the teacher too.
    """
    config = classifier_config(student_config(teacher.config, architecture), task, dropout)
    student = new_classifier(config, seed_of(seed, architecture))
    if initialisation == "random":
        return student, None
    shape = Architecture.from_model_config(teacher.config)
    sliced, hidden = slice_encoder(base_model(teacher).state_dict(), shape, architecture)
    base_model(student).load_state_dict(sliced)
    _slice_head(teacher, student, torch.tensor(hidden), shape.hidden_size)
    return student, hidden


def _slice_head(teacher: nn.Module, student: nn.Module, hidden: torch.Tensor, size: int) -> None:
    given = teacher.state_dict()
    head = {}
    for name, value in student.state_dict().items():
        if name.startswith("classifier."):
            cut = given[name].detach().float().cpu()
            # the labels' axis is the first of the last matrix, and its bias: never cut
            axes = range(cut.dim()) if value.shape != cut.shape else ()
            for axis in axes:
                if cut.shape[axis] == size and value.shape[axis] == len(hidden):
                    cut = cut.index_select(axis, hidden)
            if cut.shape == value.shape:
                head[name] = cut
    student.load_state_dict(head, strict=False)


def seed_of(seed: int, architecture: Architecture) -> int:
    """Return a seed that differs by architecture, so that a candidate never depends on its neighbours."""
    return int(digest([seed, architecture.to_dict()])[:12], 16)
