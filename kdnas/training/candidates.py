"""Distilling candidates side by side, each at most once: on the proxy set or on the whole task."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdnas.files.code_digest import code_digest
from kdnas.files.store import Store
from kdnas.models.identity import model_digest, tensors_sha256
from kdnas.models.loading import count_parameters, load_classifier
from kdnas.search.space import Architecture
from kdnas.training.learner import Learner
from kdnas.training.lesson import Lesson, Sample
from kdnas.training.recipe import Recipe
from kdnas.training.rows import Rows
from kdnas.training.run import Run
from kdnas.training.scoring import scores

if TYPE_CHECKING:
    from transformers import PreTrainedModel

KIND = "evaluations"
Entry = dict[str, Any]  # of candidates.json and of cohort_….json (docs/artifacts.md)


def distill_candidates(
    candidates: Sequence[Entry],
    rows: Rows,
    recipe: Recipe,
    *,
    teacher: Path,
    seed: int,
    run: Run,
    store: Store,
) -> list[Entry]:
    """Evaluate candidates and return the entries of ``cohort_….json``.

    Results that the store holds are taken from there. The other candidates train in lockstep. The result of
    each is the same whatever else is in the list (on the CPU bit for bit). One that fails is returned with
    ``status`` ``failed`` and its reason, and is not stored.

    Args:
        candidates: entries of ``candidates.json``.
        rows: the rows to train on; one split is scored.
        recipe: how they are distilled.
        teacher: the folder of the classifier that they learn from.
        seed: of the training.
        run: the device, and where checkpoints go.
        store: where evaluations are kept.
    """
    shared = _shared_key(rows, recipe, teacher=teacher, seed=seed, run=run)
    keys = {entry["candidate"]: {"architecture": entry["architecture"], **shared} for entry in candidates}
    stored = {number: store.get(KIND, key) for number, key in keys.items()}
    new = {number: key for number, key in keys.items() if stored[number] is None}
    run.report(f"{len(candidates)} candidates, {len(candidates) - len(new)} of them from the store")
    values = _evaluate(new, rows, recipe, teacher=teacher, seed=seed, run=run) if new else {}
    for number, value in values.items():
        if value["status"] == "ok":
            store.put(KIND, keys[number], value)
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


def _shared_key(rows: Rows, recipe: Recipe, *, teacher: Path, seed: int, run: Run) -> dict[str, Any]:
    """Return the part of the keys that all candidates share: everything but the architecture."""
    return {
        "teacher": model_digest(teacher),
        "task": rows.task,
        **rows.key,
        "max_length": rows.max_length,
        "distillation": recipe.key,
        "seed": seed,
        "run": run.key,
        "code": code_digest(_evaluate),
    }


def _evaluate(
    keys: dict[Any, dict[str, Any]], rows: Rows, recipe: Recipe, *, teacher: Path, seed: int, run: Run
) -> dict[Any, dict[str, Any]]:
    """Train one candidate for each key, with the key's architecture, and return their records."""
    classifier = load_classifier(teacher)
    lesson = Lesson(rows, teacher, recipe.stage, seed=seed, run=run, teacher=classifier, recipe=recipe)

    def build(shape: Architecture, sample: Sample | None) -> PreTrainedModel:
        assert sample is not None  # the lesson has a teacher
        return sample.student(shape, lesson.task, recipe=recipe, seed=seed)

    for key in keys.values():
        architecture = Architecture.from_dict(key["architecture"])
        lesson.enrol(key, partial(build, architecture))
    lesson.train()
    values = {}
    (scored,) = lesson.data.scored.values()
    for number, learner, result in zip(keys, lesson.learners, lesson.judge(), strict=True):
        if result is None:
            values[number] = _failed(learner.failed)
            continue
        logits, loss = result
        lesson.finish(learner)
        values[number] = _succeeded(
            learner,
            quality_accuracy=lesson.task.primary(scores(logits, scored, lesson.task)),
            quality_loss=1.0 - loss,
            quality_agreement=lesson.agreement(logits),
        )
    return values


def _succeeded(learner: Learner, **qualities: float | None) -> dict[str, Any]:
    return {
        "status": "ok",
        "reason": None,
        **qualities,
        "parameters": count_parameters(learner.model),
        "train_seconds": round(learner.seconds, 3),
        "weights_sha256": tensors_sha256(learner.model.state_dict()),
    }


def _failed(reason: str | None) -> dict[str, Any]:
    qualities = ("quality_accuracy", "quality_loss", "quality_agreement")
    numbers = (*qualities, "parameters", "train_seconds", "weights_sha256")
    return {"status": "failed", "reason": reason, **dict.fromkeys(numbers)}
