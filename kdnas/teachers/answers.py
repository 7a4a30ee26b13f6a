"""The teacher's answers: its logits on the rows that students learn from and candidates are judged on.

The job that makes the teacher of a task and seed writes them once, and every distillation reads them.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from kdnas.data.frames import read_meta, read_split
from kdnas.data.tasks import HELDOUT, TRAIN, Definition, completed, get_task
from kdnas.data.unlabelled import UNLABELLED
from kdnas.files.artifacts import atomic_path
from kdnas.files.code_digest import code_digest
from kdnas.files.store import Store
from kdnas.models.identity import model_digest
from kdnas.models.loading import load_classifier
from kdnas.training.data import load_data
from kdnas.training.run import Run
from kdnas.training.scoring import predict

ANSWERS = "answers.safetensors"


def kept_answers(
    teacher_folder: Path,
    data_folder: Path,
    definition: Definition,
    *,
    max_length: int,
    run: Run,
    store: Store,
    file: str | Path,
) -> None:
    """Do as :func:`query_teacher` does, but take what the store holds from there.

    Another experiment with the same teacher and rows asks nothing again: that may take as long as training.

    Args:
        teacher_folder: a classifier of the task.
        data_folder: the task's rows.
        definition: of the task.
        max_length: tokens that texts are cut to.
        run: has the device.
        store: where answers are kept.
        file: the safetensors file to write.
    """
    meta = read_meta(data_folder)
    key = {
        "what": "teacher_answers",
        "teacher": model_digest(teacher_folder),
        "task": definition,
        "data": meta["fingerprint"],
        "unlabelled": meta["unlabelled_fingerprint"],
        "max_length": max_length,
        "run": run.key,
        "code": code_digest(query_teacher),
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "answers"
        if store.get_model(key, folder) is None:
            folder.mkdir()
            query_teacher(
                teacher_folder,
                data_folder,
                definition,
                max_length=max_length,
                device=run.device,
                file=folder / ANSWERS,
            )
            store.put_model(key, folder, {})
        else:
            run.report("answers taken from the store")
        with atomic_path(file) as target:
            shutil.copyfile(folder / ANSWERS, target)


def query_teacher(
    teacher_folder: Path,
    data_folder: Path,
    definition: Definition,
    *,
    max_length: int,
    device: torch.device,
    file: str | Path,
) -> None:
    """Write a teacher's logits on a task's rows that no table scores.

    They are float32, whatever precision students train in.

    Args:
        teacher_folder: a classifier of the task.
        data_folder: the task's rows.
        definition: of the task.
        max_length: tokens that texts are cut to.
        device: the teacher runs on it.
        file: the safetensors file to write.
    """
    meta = read_meta(data_folder)
    task = get_task(completed(definition, meta))
    frames = {
        split: read_split(data_folder, split)
        for split in (TRAIN, HELDOUT, UNLABELLED)
        if split in meta["splits"]
    }
    teacher = load_classifier(teacher_folder)
    train = frames.pop(TRAIN)
    data = load_data(
        train,
        frames,
        task=task,
        tokenizer_folder=teacher_folder,
        max_length=max_length,
        config=teacher.config,
    )
    data.vocabulary.shrink(teacher)
    teacher.to(device)
    logits = {
        name: torch.from_numpy(predict(teacher, part, device))
        for name, part in {TRAIN: data.train, **data.scored}.items()
    }
    with atomic_path(file) as temporary:
        save_file(logits, temporary)
