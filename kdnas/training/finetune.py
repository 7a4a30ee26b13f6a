"""Fine-tuning the teacher on one task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnas.data.frames import read_meta, read_split
from kdnas.data.tasks import TRAIN, Definition, Task, get_task
from kdnas.errors import UserError
from kdnas.files.artifacts import write_json
from kdnas.files.code_digest import code_digest
from kdnas.files.store import Store
from kdnas.models.identity import model_digest
from kdnas.models.loading import pretrained_classifier
from kdnas.training.data import load_data
from kdnas.training.learner import Learner
from kdnas.training.loop import train
from kdnas.training.objective import LABELS_ONLY, Objective
from kdnas.training.run import Run
from kdnas.training.saving import save_scored
from kdnas.training.scoring import describe, score_splits


def finetune_teacher(
    base: Path,
    data_folder: Path,
    task: Definition,
    teacher: dict[str, Any],
    seed: int,
    run: Run,
    store: Store,
    model_folder: Path,
    metrics_file: Path,
) -> None:
    """Fine-tune the encoder in ``base`` on the task's training split, score and save it.

    ``base`` is a pretrained one or the teacher of another task, whose output layer is not used.
    ``teacher`` is the config's section. A teacher that the store holds is taken from there. Raises
    UserError if the training diverges.
    """
    meta = read_meta(data_folder)
    key = {
        "what": "finetune_teacher",
        "task": task,
        "data": meta["fingerprint"],
        "base": model_digest(base),
        "training": teacher["training"],
        "max_gradient_norm": run.max_gradient_norm,
        "max_length": teacher["max_length"],
        "seed": seed,
        "run": run.key,
        "code": code_digest(__file__),
    }
    metrics = store.get_model(key, model_folder)
    if metrics is None:
        metrics = _train(base, data_folder, meta, get_task(task), teacher, seed, key, run, model_folder)
        store.put_model(key, model_folder, metrics)
    else:
        run.report("taken from the store")
    write_json(metrics_file, metrics)
    run.checkpoints.remove(key)


def _train(
    base: Path,
    data_folder: Path,
    meta: dict[str, Any],
    task: Task,
    teacher: dict[str, Any],
    seed: int,
    key: dict[str, Any],
    run: Run,
    model_folder: Path,
) -> dict[str, Any]:
    stage = run.stage(teacher["training"])
    model = pretrained_classifier(base, task, stage.dropout, seed)
    data = load_data(
        read_split(data_folder, TRAIN),
        {split: read_split(data_folder, split) for split in task.evaluation_splits},
        task,
        base,
        teacher["max_length"],
        model.config,
    )
    whole = data.vocabulary.shrink(model)
    objective = Objective(LABELS_ONLY, task.regression, None)
    learner = Learner(key, model, objective, stage, seed, run.device, run.autocast)
    train([learner], None, data.train, seed, run.checkpoints, run.checkpoint_minutes, run.report)
    if learner.failed is not None:
        raise UserError(
            f"fine-tuning the teacher on {task.name} failed: {learner.failed}; lower "
            "teacher.training.learning_rate or batch_size"
        )
    scored = score_splits(model, data.scored, task, run.device)
    data.vocabulary.restore(model.cpu(), whole)
    details = {"data": meta["fingerprint"], "seed": seed, "task": task.name}
    save_scored(model, scored, base, data_folder, task, teacher["max_length"], model_folder, details)
    return describe("teacher", task, seed, meta, scored.metrics, model, model_folder, len(data.train))
