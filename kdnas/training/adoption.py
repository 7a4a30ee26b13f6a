"""Taking a classifier that is already fine-tuned as the teacher of its task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from kdnas.data.frames import read_meta, read_split
from kdnas.data.tasks import TRAIN, Definition, Task, get_task
from kdnas.errors import UserError
from kdnas.files.artifacts import atomic_folder, write_json
from kdnas.models.finetuned import finetuned_classifier
from kdnas.models.loading import load_tokenizer, save_classifier
from kdnas.sentences import shown
from kdnas.training.batches import Encoded, encode
from kdnas.training.device import claim
from kdnas.training.prediction import predict
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
    measure candidates. Raises UserError if it is not a classifier of the task, or if its scores are on
    another scale than the task's.
    """
    meta, task = read_meta(data_folder), get_task(definition)
    model, tokenizer = finetuned_classifier(given, task), load_tokenizer(given)
    splits = {
        split: encode(read_split(data_folder, split), task, tokenizer, max_length)
        for split in task.evaluation_splits
    }
    with claim(training["device"], training["threads"]) as device:
        model.to(device)
        if task.regression:
            _check_scale(model, splits[task.evaluation_splits[0]], task, device)
        scores = score_splits(model, splits, task, device)
    with atomic_folder(model_folder) as folder:
        save_classifier(model.cpu(), given, folder, {"data": None, "seed": None, "task": task.name})
    if meta["heldout_from"] == TRAIN:
        warn(
            f"candidates are measured on rows of the training split of {task.name}: if the teacher was "
            "trained on them, a candidate scores by how much of its memory it keeps (docs/data.md: rows of "
            "your own to measure on)"
        )
    write_json(metrics_file, describe("teacher", task, seed, meta, scores, model, model_folder, None))


def _check_scale(model: nn.Module, data: Encoded, task: Task, device: torch.device) -> None:
    """Refuse outputs that one constant comes closer to the labels than: no correlation tells scales apart."""
    outputs = predict(model, data, device).squeeze(-1)
    if np.square(outputs - data.labels).mean() > data.labels.var() > 0:
        raise UserError(
            f"teacher.finetuned_on is {shown(task.name)}, but there the teacher's outputs go from "
            f"{outputs.min():.2f} to {outputs.max():.2f} where the labels go from {data.labels.min():g} to "
            f"{data.labels.max():g}; allowed: a teacher that gives scores on the scale of the labels"
        )
