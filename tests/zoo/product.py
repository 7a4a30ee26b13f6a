"""The product's way with a teacher: what the scripts of its rules call, in one process."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from kdnas.config.check import check_config
from kdnas.data.frames import fingerprint, write_task
from kdnas.data.tasks import task_definitions
from kdnas.deployment.vocabulary import PiecesInUse
from kdnas.errors import UserError
from kdnas.files.store import Store
from kdnas.search.space import Architecture
from kdnas.teachers.adoption import adopt_teacher
from kdnas.teachers.config_check import check_against_fetched, check_against_teacher
from kdnas.teachers.fetch import TeacherSource, fetch_teacher
from kdnas.teachers.finetune import finetune_teacher
from kdnas.teachers.texts import remark_texts
from kdnas.training.checkpoint import Checkpoints
from kdnas.training.recipe import Recipe, Stage
from kdnas.training.rows import Rows
from kdnas.training.run import Run
from kdnas.training.students import Distillation, distill
from zoo.build import FFN, HEADS, HIDDEN, LABELS, LAYERS, frames
from zoo.spec import Spec

TASK = "zoo"
STAGE = {"epochs": 4, "min_steps": 0, "batch_size": 8, "learning_rate": 1e-2, "dropout": 0.0}
STUDENTS = {
    "narrowed": {"layers": 1, "hidden_size": 12, "attention_heads": 3, "ffn_size": 24},
    "same": {"layers": LAYERS, "hidden_size": HIDDEN, "attention_heads": HEADS, "ffn_size": FFN},
    "factorised": {
        "layers": 1,
        "hidden_size": 24,
        "attention_heads": 6,
        "ffn_size": 24,
        "embedding_size": 12,
    },
}


@dataclass
class Outcome:
    """What became of a teacher: where it was refused and why, or its folders."""

    refused: str | None = None
    refused_by: str | None = None
    models: dict[str, Path] = field(
        default_factory=dict
    )  # the folders of teacher and student, as far as made
    copies: dict[str, Path] = field(default_factory=dict)  # of these, with the word pieces in use
    not_cut: str | None = None  # why there are none
    left: list[Path] = field(default_factory=list)  # what the step that refused it has written all the same


def configuration(spec: Spec, teacher: Path) -> dict[str, Any]:
    """Return the configuration of a user who has this teacher."""
    student = {"name": "small", "activation": "gelu", **STUDENTS[spec.student]}
    sizes = {key: [student[key]] for key in ("layers", "hidden_size", "attention_heads", "ffn_size")}
    number = spec.task == "number"
    return {
        "experiment": "zoo",
        "seeds": [1],
        "data": {
            "source": "local",
            "path": "mine",
            "tasks": [TASK],
            "custom_tasks": {
                TASK: {
                    "text_columns": [f"text{place}" for place in range(1, spec.texts + 1)],
                    "labels": None if number else list(LABELS),
                    "metrics": ["pearson" if number else "accuracy"],
                }
            },
        },
        "teacher": {
            "source": "local",
            "name": str(teacher),
            "sha256": None,
            "max_length": spec.lengths[0],
            "finetuned_on": TASK if spec.adopted else None,
            "training": STAGE,
        },
        "search": {
            "task": TASK,
            "strategies": [],
            "space": sizes | {"activation": ["gelu"]},
            "episodes": 1,
            "candidates": 1,
        },
        "latency": {"sequence_length": spec.lengths[1]},
        "distillation": {
            "relation_heads": 3,
            "proxy": STAGE,
            "student": STAGE,
            "glue": STAGE,
            "start_from_search_task": [],
        },
        "reward": {"quality": "loss" if number else "accuracy"},
        "students": {"hand_crafted": [student]},
        "training": {"threads": 1, "precision": "float32", "device": "cpu"},
    }


def use(spec: Spec, teacher: Path, folder: Path) -> Outcome:
    """Take the teacher in the folder ``teacher`` as a run would, to the student; stop where it is refused."""
    outcome = Outcome()
    steps = _steps(spec, teacher, folder, outcome)
    step = ("check_config",)
    try:
        while step is not None:
            step = next(steps, None)
    except UserError as error:
        outcome.refused, outcome.refused_by = str(error), step[0]
        outcome.left = [path for path in step[1:] if path.exists()]
    return outcome


def _steps(spec: Spec, teacher: Path, folder: Path, outcome: Outcome):
    """Take each step, after its name and what it makes."""
    config = check_config(configuration(spec, teacher))
    definition = task_definitions(config["data"])[TASK]
    data, base = folder / "data", folder / "base"
    _write_data(spec, data)
    torch.set_num_threads(1)
    run = Run(
        claim=lambda: torch.device("cpu"),
        device_type="cpu",
        autocast=False,
        threads=1,
        checkpoints=Checkpoints(folder / "checkpoints"),
        checkpoint_minutes=60.0,
        report=_ignore,
    )
    store, length = Store(folder / "store"), config["teacher"]["max_length"]
    norm = config["training"]["max_gradient_norm"]

    yield "fetch_teacher", base
    fetch_teacher(
        TeacherSource.from_config(config["teacher"]),
        base,
        lambda model, facts: check_against_teacher(config, model, facts),
    )
    yield ("plan of a later run",)
    check_against_fetched(config, base)

    taught, metrics = folder / "teacher" / "model", folder / "teacher" / "metrics.json"
    yield ("remark_texts",)
    remark_texts(base, data, definition, max_length=length, warn=_ignore)
    if spec.adopted:
        yield "adopt_teacher", taught, metrics
        adopt_teacher(
            base,
            data,
            definition,
            max_length=length,
            seed=1,
            device=config["training"]["device"],
            threads=config["training"]["threads"],
            warn=_ignore,
            model_folder=taught,
            metrics_file=metrics,
        )
    else:
        yield "finetune_teacher", taught, metrics
        finetune_teacher(
            base,
            Rows.of_task(definition, data, max_length=length, unlabelled=False),
            Stage.from_config(config["teacher"]["training"], norm),
            data_folder=data,
            seed=1,
            run=run,
            store=store,
            model_folder=taught,
            metrics_file=metrics,
        )
    outcome.models["teacher"] = taught

    small, metrics = folder / "student" / "model", folder / "student" / "metrics.json"
    yield "distill_student", small, metrics
    architecture = Architecture.from_dict(config["students"]["hand_crafted"][0])
    job = Distillation(
        student="small",
        architecture=architecture,
        seed=1,
        recipe=Recipe.from_config(config["distillation"], "student", norm),
        rows=Rows.of_task(definition, data, max_length=length),
        data_folder=data,
        teacher_folder=taught,
    )
    distill(job, run=run, store=store, model_folder=small, metrics_file=metrics)
    outcome.models["student"] = small

    yield ("export_models",)
    try:
        pieces = PiecesInUse.of_task(definition, data, model=taught, max_length=length)
    except UserError as error:
        outcome.not_cut = str(error)
        return
    for name, model in outcome.models.items():
        copy = folder / "copies" / name
        pieces.copy(model, copy)
        found = pieces.compare(model, copy, {"train": frames(spec)["train"]}, name=name)
        outcome.copies[name] = copy
        assert not found["retokenised_rows"], f"{name}: {found} of its copy"


def _ignore(line: str) -> None:
    """Take a line of the log or a remark."""


def _write_data(spec: Spec, folder: Path) -> None:
    parts = {split: frame for split, frame in frames(spec).items() if split != "elsewhere"}
    splits = {split: {"rows": len(frame), "official_rows": None} for split, frame in parts.items()}
    meta = {"task": TASK, "source": "local", "synthetic": False, "splits": splits, "heldout_from": None}
    write_task(folder, parts, meta | {"fingerprint": fingerprint(parts), "unlabelled_fingerprint": None})
