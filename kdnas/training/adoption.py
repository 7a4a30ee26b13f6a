"""Taking a classifier that is already fine-tuned as the teacher of its task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kdnas.data.frames import read_meta, read_split
from kdnas.data.tasks import TRAIN, Definition, get_task
from kdnas.files.artifacts import atomic_folder, write_json
from kdnas.models.finetuned import finetuned_classifier
from kdnas.models.loading import load_tokenizer, save_classifier
from kdnas.training.batches import encode
from kdnas.training.device import claim
from kdnas.training.scoring import describe, score_splits


def adopt_teacher(
    given: Path,
    data_folder: Path,
    definition: Definition,
    max_length: int,
    seed: int,
    training: Mapping[str, Any],
    warn: Callable[[str], None],
    model_folder: Path,
    metrics_file: Path,
) -> None:
    """Score the classifier in ``given`` on its task and save it, as the fine-tuned teacher of ``seed``.

    It is the same one for every seed, and its ``train_rows`` are unknown. ``training`` is the config's
    ``device`` and ``threads``; ``warn`` is told where the teacher may have been trained on the rows that
    measure candidates. Raises UserError if it is not a classifier of the task.
    """
    meta, task = read_meta(data_folder), get_task(definition)
    model, tokenizer = finetuned_classifier(given, task), load_tokenizer(given)
    splits = {
        split: encode(read_split(data_folder, split), task, tokenizer, max_length)
        for split in task.evaluation_splits
    }
    with claim(training["device"], training["threads"]) as device:
        scores = score_splits(model.to(device), splits, task, device)
    with atomic_folder(model_folder) as folder:
        save_classifier(model.cpu(), given, folder, {"data": None, "seed": None, "task": task.name})
    if meta["heldout_from"] == TRAIN:
        warn(
            f"candidates are measured on rows of the training split of {task.name}: if the teacher was "
            "trained on them, a candidate scores by how much of its memory it keeps (docs/data.md: rows of "
            "your own to measure on)"
        )
    write_json(metrics_file, describe("teacher", task, seed, meta, scores, model, model_folder, None))
