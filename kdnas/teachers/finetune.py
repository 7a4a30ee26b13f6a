"""Fine-tuning the teacher on one task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnas.errors import UserError
from kdnas.files.code_digest import code_digest
from kdnas.files.store import Store
from kdnas.models.identity import model_digest
from kdnas.models.loading import pretrained_classifier
from kdnas.training.lesson import Lesson
from kdnas.training.recipe import Recipe, Stage
from kdnas.training.rows import Rows
from kdnas.training.run import Run
from kdnas.training.saving import make_model


def finetune_teacher(
    base: Path,
    rows: Rows,
    stage: Stage,
    *,
    data_folder: Path,
    seed: int,
    run: Run,
    store: Store,
    model_folder: Path,
    metrics_file: Path,
    recipe: Recipe | None = None,
) -> None:
    """Fine-tune an encoder on the rows of a task, score and save it.

    With a ``recipe`` it also learns the answers of another teacher, and stands between this one and the
    students: a teacher assistant (Mirzadeh et al. 2020, arXiv 1902.03393). A teacher that the store holds is
    taken from there. Raises UserError if the training diverges or runs out of memory.

    Args:
        base: the folder of the pretrained encoder, or of the teacher of another task (intermediate-task
            training), whose output layer is not used.
        rows: the rows to train and score on; with a recipe they have the other teacher's answers.
        stage: how it is trained.
        data_folder: the folder that the rows are of.
        seed: of the training.
        run: the device, and where checkpoints go.
        store: where trained models are kept.
        model_folder: the folder to write.
        metrics_file: its ``metrics.json``, written too.
        recipe: how it learns the answers (:meth:`Recipe.of_given_answers`); without it from the labels alone.
    """
    key = {
        "what": "finetune_teacher",
        "task": rows.task,
        **rows.key,
        "base": model_digest(base),
        "training": stage.key,
        "max_length": rows.max_length,
        "seed": seed,
        "run": run.key,
        "code": code_digest(_train),
    }
    if recipe is not None:
        key["distillation"] = recipe.key

    def train() -> dict[str, Any]:
        return _train(
            base,
            rows,
            stage,
            key=key,
            data_folder=data_folder,
            run=run,
            model_folder=model_folder,
            recipe=recipe,
        )

    make_model(
        key,
        train,
        run=run,
        store=store,
        model_folder=model_folder,
        metrics_file=metrics_file,
        name="teacher",
    )


def _train(
    base: Path,
    rows: Rows,
    stage: Stage,
    *,
    key: dict[str, Any],
    data_folder: Path,
    run: Run,
    model_folder: Path,
    recipe: Recipe | None,
) -> dict[str, Any]:
    seed = key["seed"]
    lesson = Lesson(rows, base, stage, seed=seed, run=run, recipe=recipe)
    learner = lesson.enrol(
        key, lambda _: pretrained_classifier(base, lesson.task, dropout=stage.dropout, seed=seed)
    )
    lesson.train()
    if learner.failed is not None:
        raise UserError(
            f"fine-tuning the teacher on {lesson.task.name} failed: {learner.failed}; lower "
            "teacher.training.learning_rate or batch_size"
        )
    details = {"data": rows.key["data"], "seed": seed}
    return lesson.save(learner, model_folder, data_folder=data_folder, details=details)
