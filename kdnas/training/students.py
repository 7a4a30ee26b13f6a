"""Distilling a selected student: on the whole search task, then on every other task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from kdnas.data.frames import read_meta, read_split
from kdnas.data.tasks import Definition, get_task
from kdnas.errors import UserError
from kdnas.files.artifacts import write_json
from kdnas.files.code_digest import code_digest
from kdnas.files.store import Store
from kdnas.models.identity import model_digest
from kdnas.models.loading import load_classifier, pretrained_classifier
from kdnas.models.student import build_student, seed_of
from kdnas.search.space import Architecture
from kdnas.training.answers import Answers
from kdnas.training.data import load_data
from kdnas.training.distillation import make_objective, recipe_key
from kdnas.training.learner import Learner
from kdnas.training.loop import train
from kdnas.training.objective import Weights
from kdnas.training.run import Run
from kdnas.training.sample import Sample
from kdnas.training.saving import save_scored
from kdnas.training.scoring import describe, score_splits
from kdnas.training.teaching import Teaching, logits_of
from kdnas.training.unlabelled import read_training_rows, with_pseudo_labels


@dataclass
class Distillation:
    """One student's training on one task.

    ``start`` is the student's folder after the search task, or None to start from the teacher or at random;
    ``stage`` is ``student`` or ``glue``; ``settings`` is the config's ``distillation`` section; ``answers``
    are the teacher's on the task's rows, None where none are at hand.
    """

    student: str
    architecture: Architecture
    task: Definition
    seed: int
    stage: str
    start: Path | None
    teacher_folder: Path
    data_folder: Path
    max_length: int
    settings: dict[str, Any]
    answers: Answers | None = None


def distill(job: Distillation, run: Run, store: Store, model_folder: Path, metrics_file: Path) -> None:
    """Distil, score and save a student; a student that the store holds is taken from there.

    Two names with one architecture share one training. Raises UserError if the training diverges.
    """
    meta = read_meta(job.data_folder)
    key = {
        "architecture": job.architecture.to_dict(),
        "task": job.task,
        "data": meta["fingerprint"],
        "unlabelled": meta["unlabelled_fingerprint"],
        "teacher": model_digest(job.teacher_folder),
        "answers": job.answers.key if job.answers else None,
        "start": model_digest(job.start) if job.start else None,
        "max_length": job.max_length,
        "distillation": recipe_key(job.settings, job.stage),
        "max_gradient_norm": run.max_gradient_norm,
        "seed": job.seed,
        "run": run.key,
        "code": code_digest(__file__),
    }
    metrics = store.get_model(key, model_folder)
    if metrics is None:
        metrics = _train(job, key, meta, run, model_folder)
        store.put_model(key, model_folder, metrics)
    else:
        run.report("taken from the store")
    write_json(metrics_file, metrics | {"model": job.student})
    run.checkpoints.remove(key)


def _train(
    job: Distillation, key: dict[str, Any], meta: dict[str, Any], run: Run, model_folder: Path
) -> dict[str, Any]:
    task = get_task(job.task)
    weights = Weights.from_config(job.settings)
    stage = run.stage(job.settings[job.stage])
    teacher = load_classifier(job.teacher_folder)
    rows, labelled = read_training_rows(job.data_folder, meta)
    data = load_data(
        rows,
        {split: read_split(job.data_folder, split) for split in task.evaluation_splits},
        task,
        job.teacher_folder,
        job.max_length,
        teacher.config,
    )
    sample = Sample.draw(data, teacher, job.seed)
    student = _first_weights(job, sample, stage.dropout)
    objective = make_objective(weights, student, teacher, task)
    sample.fit(objective, student)
    del sample  # the teacher's signals and states would stay in memory
    whole = data.vocabulary.shrink(student)
    data.vocabulary.shrink(teacher)
    learner = Learner(key, student, objective, stage, job.seed, run.device, run.autocast)
    teaching = None
    if weights.needs_teacher:
        given = job.answers.on_training_rows() if job.answers else None
        logits = logits_of(teacher, given, data.train, run.device)
        teaching = Teaching(teacher, logits, weights, run.device, run.autocast)
        data.train = with_pseudo_labels(data.train, labelled, logits, task.regression)
    train(
        [learner],
        teaching,
        data.train,
        job.seed,
        run.checkpoints,
        run.checkpoint_minutes,
        run.report,
    )
    if learner.failed is not None:
        raise UserError(
            f"distilling {job.student} on {task.name} failed: {learner.failed}; lower "
            f"distillation.{job.stage}.learning_rate or batch_size"
        )
    scored = score_splits(student, data.scored, task, run.device)
    data.vocabulary.restore(student.cpu(), whole)
    details = {"architecture": job.architecture.to_dict(), "task": task.name}
    places = job.teacher_folder, job.data_folder
    save_scored(student, scored, *places, task, job.max_length, model_folder, details)
    metrics = describe(job.student, task, job.seed, meta, scored.metrics, student, model_folder, labelled)
    return metrics | {"unlabelled_rows": len(rows) - labelled}


def _first_weights(job: Distillation, sample: Sample, dropout: float) -> nn.Module:
    """Return the student before training."""
    task = get_task(job.task)
    if job.start is not None:
        return pretrained_classifier(job.start, task, dropout, seed_of(job.seed, job.architecture))
    signals = sample.signals if job.settings["initialisation"] == "teacher" else None
    return build_student(job.architecture, sample.teacher, task, signals, dropout, job.seed)
