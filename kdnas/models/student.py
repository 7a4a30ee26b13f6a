"""Building students."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from kdnas.data.tasks import Task
from kdnas.files.artifacts import digest
from kdnas.models.electra import as_electra
from kdnas.models.loading import classifier_config, new_classifier, student_config
from kdnas.models.narrowing import narrow_classifier
from kdnas.models.signals import LayerSignals
from kdnas.search.space import Architecture


def build_student(
    architecture: Architecture,
    teacher: nn.Module,
    task: Task,
    *,
    signals: Sequence[LayerSignals] | None,
    dropout: float,
    seed: int,
) -> nn.Module:
    """Return a student classifier of ``task``, which is the teacher's task too.

    With the teacher's ``signals`` it is initialised by narrowing the teacher (:mod:`kdnas.models.narrowing`),
    without them at random.
    """
    config = classifier_config(student_config(teacher.config, architecture), task, dropout)
    student = new_classifier(config, seed_of(seed, architecture))
    if signals is not None:
        shape = Architecture.from_model_config(teacher.config)
        prefix = teacher.base_model_prefix
        narrowed = narrow_classifier(teacher.state_dict(), prefix, signals, shape, architecture)
        if architecture.factorised:
            narrowed = as_electra(narrowed, prefix, teacher.config)
        student.load_state_dict(narrowed)
    return student


def seed_of(seed: int, architecture: Architecture) -> int:
    """Return a seed that differs by architecture, so that a candidate never depends on its neighbours."""
    return int(digest([seed, architecture.to_dict()])[:12], 16)
