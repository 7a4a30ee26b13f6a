"""Distilling candidates side by side, each at most once: on the proxy set or on the whole task."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from kdnas.data.frames import TRAIN_ROW, fingerprint, read_meta, read_parquet, read_split
from kdnas.data.tasks import HELDOUT, TRAIN, Definition, Task, get_task
from kdnas.files.code_digest import code_digest
from kdnas.files.store import Store
from kdnas.models.identity import model_digest
from kdnas.models.loading import count_parameters, load_classifier
from kdnas.models.student import build_student
from kdnas.search.space import Architecture
from kdnas.training.answers import Answers
from kdnas.training.data import load_data
from kdnas.training.distillation import make_objective, recipe_key
from kdnas.training.failure import out_of_memory
from kdnas.training.judging import judge
from kdnas.training.learner import Learner, Stage
from kdnas.training.loop import train
from kdnas.training.objective import Objective, Weights
from kdnas.training.prediction import scores
from kdnas.training.run import Run
from kdnas.training.sample import Sample
from kdnas.training.teaching import Teaching, logits_of
from kdnas.training.unlabelled import read_training_rows, with_pseudo_labels

KIND = "evaluations"


@dataclass
class Trial:
    """What candidates are put to; ``fingerprint`` is of both frames.

    ``stage`` names the section of the config's ``distillation`` that they train with (``proxy`` or
    ``student``), ``scored`` holds the rows that measure their quality; the last ``unlabelled`` rows of
    ``train`` have the teacher's answers for labels. ``answers`` is the
    key of the teacher's answers; its logits on both frames are None where no answers are at hand.
    """

    task: Definition
    stage: str
    train: pd.DataFrame
    scored: pd.DataFrame
    fingerprint: str
    max_length: int
    unlabelled: int = 0
    answers: str | None = None
    train_logits: torch.Tensor | None = None
    scored_logits: torch.Tensor | None = None

    @classmethod
    def on_proxy(
        cls, task: Definition, proxy: str, data: str, max_length: int, answers: Answers | None = None
    ) -> Trial:
        """Read the search's trial from the proxy set's file and the task's folder, whose slice scores it."""
        frames = {TRAIN: read_parquet(Path(proxy)).to_pandas(), HELDOUT: read_split(data, HELDOUT)}
        trial = cls(task, "proxy", *frames.values(), fingerprint(frames), max_length)
        if answers is not None:
            trial.answers = answers.key
            trial.train_logits = answers.logits[TRAIN][frames[TRAIN][TRAIN_ROW].tolist()]
            trial.scored_logits = answers.logits[HELDOUT]
        return trial

    @classmethod
    def on_whole_task(
        cls, task: Definition, data: str, max_length: int, answers: Answers | None = None
    ) -> Trial:
        """Read a final student's trial from the task's folder; its first evaluation split scores it."""
        split = get_task(task).evaluation_splits[0]
        rows, labelled = read_training_rows(Path(data), read_meta(data))
        frames = {TRAIN: rows, split: read_split(data, split)}
        unlabelled = len(rows) - labelled
        trial = cls(task, "student", *frames.values(), fingerprint(frames), max_length, unlabelled)
        if answers is not None:
            trial.answers, trial.train_logits = answers.key, answers.on_training_rows()
        return trial


_Built = tuple[nn.Module, Objective, torch.Tensor]  # a student before training and its whole embedding


@dataclass
class _Trained:
    learner: Learner
    whole_embedding: torch.Tensor


def distill_candidates(
    candidates: list[dict[str, Any]],
    teacher_folder: Path,
    trial: Trial,
    distillation: dict[str, Any],
    seed: int,
    run: Run,
    store: Store,
) -> list[dict[str, Any]]:
    """Evaluate ``candidates`` (entries of ``candidates.json``) and return the entries of ``cohort_….json``.

    ``distillation`` is the config's section; of its stages it needs that of the trial alone.

    What the store holds is taken from there. The others train in lockstep, with one teacher forward a
    batch; the result of each is the same whatever else is in the list (on the CPU bit for bit). One that
    fails is returned with ``status`` ``failed`` and its reason, and is not stored.
    """
    shared = _shared_key(teacher_folder, trial, distillation, seed, run)
    keys = {entry["candidate"]: {"architecture": entry["architecture"], **shared} for entry in candidates}
    stored = {number: store.get(KIND, key) for number, key in keys.items()}
    new = [entry for entry in candidates if stored[entry["candidate"]] is None]
    run.report(f"{len(candidates)} candidates, {len(candidates) - len(new)} of them from the store")
    values = _train_new(new, keys, teacher_folder, trial, distillation, seed, run, store) if new else {}
    for key in keys.values():
        run.checkpoints.remove(key)
    return [
        {
            "candidate": entry["candidate"],
            "architecture": entry["architecture"],
            "from_store": stored[entry["candidate"]] is not None,
            **(stored[entry["candidate"]] or values[entry["candidate"]]),
        }
        for entry in candidates
    ]


def _shared_key(
    teacher_folder: Path, trial: Trial, distillation: dict[str, Any], seed: int, run: Run
) -> dict[str, Any]:
    """Return what the keys of all candidates have in common: all but the architecture."""
    return {
        "teacher": model_digest(teacher_folder),
        "task": trial.task,
        "data": trial.fingerprint,
        "answers": trial.answers,
        "max_length": trial.max_length,
        "distillation": recipe_key(distillation, trial.stage),
        "max_gradient_norm": run.max_gradient_norm,
        "seed": seed,
        "run": run.key,
        "code": code_digest(__file__),
    }


def _train_new(
    candidates: list[dict[str, Any]],
    keys: dict[int, dict[str, Any]],
    teacher_folder: Path,
    trial: Trial,
    distillation: dict[str, Any],
    seed: int,
    run: Run,
    store: Store,
) -> dict[int, dict[str, Any]]:
    """Train candidates that the store lacks, store what succeeds, and return every value."""
    task = get_task(trial.task)
    weights = Weights.from_config(distillation)
    stage = run.stage(distillation[trial.stage])
    teacher = load_classifier(teacher_folder)
    data = load_data(
        trial.train,
        {"scored": trial.scored},
        task,
        teacher_folder,
        trial.max_length,
        teacher.config,
    )
    sample = Sample.draw(data, teacher, seed)
    values: dict[int, dict[str, Any]] = {}
    built: dict[int, _Built] = {}
    trained: dict[int, _Trained] = {}
    for entry in candidates:
        number, architecture = entry["candidate"], Architecture.from_dict(entry["architecture"])
        with _unless_out_of_memory(values, number):
            built[number] = _build(architecture, sample, task, weights, distillation, stage, seed)
    del sample  # the teacher's signals and states would stay in memory
    for number, (student, objective, whole) in built.items():
        with _unless_out_of_memory(values, number):
            learner = Learner(keys[number], student, objective, stage, seed, run.device, run.autocast)
            trained[number] = _Trained(learner, whole)
    data.vocabulary.shrink(teacher)
    scored = data.scored["scored"]
    teaching = judging = None
    if weights.needs_teacher:
        train_logits = logits_of(teacher, trial.train_logits, data.train, run.device)
        scored_logits = logits_of(teacher, trial.scored_logits, scored, run.device)
        teaching = Teaching(teacher, train_logits, weights, run.device, run.autocast)
        judging = Teaching(teacher, scored_logits, weights, run.device, autocast=False)
        labelled = len(data.train) - trial.unlabelled
        data.train = with_pseudo_labels(data.train, labelled, train_logits, task.regression)
    learners = [item.learner for item in trained.values()]
    if learners:
        train(
            learners,
            teaching,
            data.train,
            seed,
            run.checkpoints,
            run.checkpoint_minutes,
            run.report,
        )
    for learner in learners:
        learner.end_training()
    judged = judge(learners, judging, scored, run.device, run.report)
    for (number, item), result in zip(trained.items(), judged, strict=True):
        if result is None:
            values[number] = _failed(item.learner.failed)
            continue
        logits, loss = result
        data.vocabulary.restore(item.learner.model.cpu(), item.whole_embedding)
        values[number] = _succeeded(item.learner, task.primary(scores(logits, scored, task)), loss)
        store.put(KIND, keys[number], values[number])
    return values


@contextlib.contextmanager
def _unless_out_of_memory(values: dict[int, dict[str, Any]], number: int) -> Iterator[None]:
    """Record that a candidate failed if building it runs out of memory."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        values[number] = _failed("out of memory while it was built")


def _build(
    architecture: Architecture,
    sample: Sample,
    task: Task,
    weights: Weights,
    distillation: dict[str, Any],
    stage: Stage,
    seed: int,
) -> _Built:
    signals = sample.signals if distillation["initialisation"] == "teacher" else None
    student = build_student(architecture, sample.teacher, task, signals, stage.dropout, seed)
    objective = make_objective(weights, student, sample.teacher, task)
    sample.fit(objective, student)
    return student, objective, sample.data.vocabulary.shrink(student)


def _succeeded(learner: Learner, score: float, loss: float) -> dict[str, Any]:
    return {
        "status": "ok",
        "reason": None,
        "quality_accuracy": score,
        "quality_loss": 1.0 - loss,
        "parameters": count_parameters(learner.model),
        "train_seconds": round(learner.seconds, 3),
        "weights_sha256": weights_sha256(learner.model),
    }


def _failed(reason: str) -> dict[str, Any]:
    numbers = ("quality_accuracy", "quality_loss", "parameters", "train_seconds", "weights_sha256")
    return {"status": "failed", "reason": reason, **dict.fromkeys(numbers)}


def weights_sha256(model: nn.Module) -> str:
    """Return the SHA-256 of a model's tensors in the order of their names."""
    total = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        total.update(name.encode())
        total.update(value.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()
