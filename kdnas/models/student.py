"""Building students."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kdnas.data.tasks import Task
from kdnas.files.artifacts import digest
from kdnas.models.electra import as_electra
from kdnas.models.families import family_of, shape_of
from kdnas.models.loading import classifier_config, new_classifier, student_config
from kdnas.models.narrowing import choose_kept, narrow_classifier
from kdnas.models.refit import Targets, refit
from kdnas.models.signals import LayerSignals
from kdnas.search.space import Architecture

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def build_student(
    architecture: Architecture,
    teacher: PreTrainedModel,
    task: Task,
    *,
    signals: Sequence[LayerSignals] | None,
    dropout: float,
    seed: int,
    targets: Targets | None = None,
) -> PreTrainedModel:
    """Return a student classifier of its teacher's task.

    Args:
        architecture: the student's shape.
        teacher: a classifier of the task.
        task: whose labels both have.
        signals: of the teacher's layers, to initialise the student by narrowing the teacher
            (:mod:`kdnas.models.narrowing`); None for random weights.
        dropout: of all layers.
        seed: of the random weights.
        targets: what the teacher's layers give, to refit the narrowed student to (:mod:`kdnas.models.refit`);
            None to leave it as it is.
    """
    config = classifier_config(student_config(teacher.config, architecture), task, dropout)
    student = new_classifier(config, seed_of(seed, architecture))
    if signals is not None:
        shape, family = shape_of(teacher.config), family_of(teacher.config.model_type)
        tensors = family.by_parts(teacher.state_dict())
        kept = choose_kept(tensors, family=family, signals=signals, shape=shape, student=architecture)
        narrowed = narrow_classifier(tensors, kept, family=family, signals=signals, student=architecture)
        if architecture.factorised:
            student.load_state_dict(as_electra(narrowed, teacher.config))
        else:
            student.load_state_dict(family.from_parts(narrowed))
        if targets is not None and architecture != shape:  # a student of that shape is its teacher
            refit(student, teacher, kept=kept, targets=targets)
    return student


def seed_of(seed: int, architecture: Architecture) -> int:
    """Return a seed that differs by architecture, so that a candidate never depends on its neighbours."""
    return int(digest([seed, architecture.to_dict()])[:12], 16)
