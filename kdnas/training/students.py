"""Distilling a selected student: on the whole search task, then on every other task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdnas.data.tasks import Task
from kdnas.errors import UserError
from kdnas.files.code_digest import code_digest
from kdnas.files.store import Store
from kdnas.models.identity import model_digest
from kdnas.models.loading import load_classifier, pretrained_classifier
from kdnas.models.student import seed_of
from kdnas.search.space import Architecture
from kdnas.training.lesson import Lesson, Sample
from kdnas.training.recipe import Recipe
from kdnas.training.rows import Rows
from kdnas.training.run import Run
from kdnas.training.saving import make_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass
class Distillation:
    """One student's training on one task, whose rows are those of ``data_folder``.

    ``start`` is the student's folder after the search task, or None to initialise it from the teacher or at
    random.
    """

    student: str
    architecture: Architecture
    seed: int
    recipe: Recipe
    rows: Rows
    data_folder: Path
    teacher_folder: Path
    start: Path | None = None


def distill(job: Distillation, *, run: Run, store: Store, model_folder: Path, metrics_file: Path) -> None:
    """Distil, score and save a student; a student that the store holds is taken from there.

    Two names with one architecture share one training. Raises UserError if the training diverges or runs out
    of memory.
    """
    key = {
        "architecture": job.architecture.to_dict(),
        "task": job.rows.task,
        **job.rows.key,
        "teacher": model_digest(job.teacher_folder),
        "start": model_digest(job.start) if job.start else None,
        "max_length": job.rows.max_length,
        "distillation": job.recipe.key,
        "seed": job.seed,
        "run": run.key,
        "code": code_digest(_train),
    }
    make_model(
        key,
        lambda: _train(job, key, run, model_folder),
        run=run,
        store=store,
        model_folder=model_folder,
        metrics_file=metrics_file,
        name=job.student,
    )


def _train(job: Distillation, key: dict[str, Any], run: Run, model_folder: Path) -> dict[str, Any]:
    recipe, rows = job.recipe, job.rows
    teacher = load_classifier(job.teacher_folder)
    lesson = Lesson(
        rows, job.teacher_folder, recipe.stage, seed=job.seed, run=run, teacher=teacher, recipe=recipe
    )
    learner = lesson.enrol(key, lambda sample: _initialised(job, sample, lesson.task))
    lesson.train()
    if learner.failed is not None:
        raise UserError(
            f"distilling {job.student} on {lesson.task.name} failed: {learner.failed}; lower "
            f"distillation.{recipe.name}.learning_rate or batch_size"
        )
    metrics = lesson.save(
        learner,
        model_folder,
        data_folder=job.data_folder,
        details={"architecture": job.architecture.to_dict()},
    )
    return metrics | {"unlabelled_rows": len(rows.train) - rows.labelled}


def _initialised(job: Distillation, sample: Sample | None, task: Task) -> PreTrainedModel:
    """Return the student before training."""
    recipe, seed = job.recipe, job.seed
    if job.start is not None:
        weights_seed = seed_of(seed, job.architecture)
        return pretrained_classifier(job.start, task, dropout=recipe.stage.dropout, seed=weights_seed)
    assert sample is not None  # the lesson has a teacher
    return sample.student(job.architecture, task, recipe=recipe, seed=seed)
