"""Models that are kept: trained once, scored, and saved only if the saved folder gives the same outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from kdnas.data.frames import read_meta, read_split
from kdnas.data.tasks import Task
from kdnas.errors import UserError
from kdnas.files.artifacts import atomic_folder, write_json
from kdnas.files.store import Store
from kdnas.models.families import family_of
from kdnas.models.files import WEIGHTS
from kdnas.models.loading import count_parameters, save_classifier
from kdnas.sentences import reason
from kdnas.training.run import Run
from kdnas.training.scoring import Scored

if TYPE_CHECKING:
    from transformers import PreTrainedModel


LONG, OTHERS = 4, 20  # rows of the split that are read again
# between devices and batches: float32 is far closer than this, a model that reads texts differently far off
ABSOLUTE, RELATIVE = 1e-4, 1e-3


def make_model(
    key: dict[str, Any],
    train: Callable[[], dict[str, Any]],
    *,
    run: Run,
    store: Store,
    model_folder: Path,
    metrics_file: Path,
    name: str,
) -> None:
    """Make a model's folder and its ``metrics.json``, from the store or by training.

    Args:
        key: everything that the model depends on; two names with one key share one training.
        train: makes the folder and returns the metrics.
        run: has the checkpoints that are removed afterwards.
        store: where trained models are kept.
        model_folder: the folder to write.
        metrics_file: its ``metrics.json``, written too.
        name: of the model in the metrics.
    """
    metrics = store.get_model(key, model_folder)
    if metrics is None:
        metrics = train()
        store.put_model(key, model_folder, metrics)
    else:
        run.report("taken from the store")
    write_json(metrics_file, metrics | {"model": name})
    run.checkpoints.remove(key)


def save_scored(
    model: PreTrainedModel,
    scored: Scored,
    task: Task,
    *,
    tokenizer_folder: Path,
    data_folder: Path,
    max_length: int,
    model_folder: Path,
    details: dict[str, Any],
    seed: int,
    train_rows: int | None,
) -> dict[str, Any]:
    """Save a scored model and return its ``metrics.json`` (docs/artifacts.md) but the name.

    Before the folder appears, the model is opened as a user does, without this project's code, and run on
    some rows of the task's first evaluation split. Raises UserError, and leaves nothing, unless these rows
    get the outputs that were scored.

    Args:
        model: is on the CPU.
        scored: its metrics and logits.
        task: the task that it classifies.
        tokenizer_folder: holds its tokenizer.
        data_folder: the task's rows.
        max_length: tokens that texts were cut to.
        model_folder: the folder to write.
        details: go into the folder.
        seed: of the training.
        train_rows: the labelled rows that it was trained on, None if not known.
    """
    split = task.evaluation_splits[0]
    frame = read_split(data_folder, split)[list(task.text_columns)]
    with atomic_folder(model_folder) as folder:
        save_classifier(
            model, tokenizer_folder=tokenizer_folder, folder=folder, details=details, max_length=max_length
        )
        batches = _batches(frame)
        try:
            found = _opened(folder, [frame.iloc[rows] for rows in batches])
        except Exception as error:  # of transformers, tokenizers and torch: many classes
            raise UserError(
                f"the model of {task.name} was trained and scored, but transformers cannot open its folder "
                f"({type(error).__name__}: {reason(error)}); allowed: a teacher whose tokenizer and "
                "config.json say all that the model needs"
            ) from error
        rows = np.concatenate(batches)
        _compare(found, scored.logits[split][rows], rows, task, split)
    meta = read_meta(data_folder)
    splits = {split: meta["splits"][split] for split in scored.metrics}
    gated = family_of(model.config.model_type).gated
    return {
        "task": task.name,
        "seed": seed,
        "synthetic": meta["synthetic"],
        "scores": scored.metrics,
        "rows": {split: values["rows"] for split, values in splits.items()},
        "official_rows": {split: values["official_rows"] for split, values in splits.items()},
        "parameters": count_parameters(model),
        **({"gated": True} if gated else {}),
        "size_mb": (model_folder / WEIGHTS).stat().st_size / 1e6,
        "train_rows": train_rows,
        "data": meta["fingerprint"],
    }


def _batches(frame: pd.DataFrame) -> list[np.ndarray]:
    """Return the numbers of a few rows in two batches: the longest beside the shortest, and some others."""
    lengths = sum(frame[column].str.len() for column in frame).to_numpy()
    order = np.argsort(lengths, kind="stable")
    longest, rest = order[-LONG:], order[:-LONG]
    others = rest[np.unique(np.linspace(0, max(0, len(rest) - 1), min(OTHERS, len(rest))).astype(int))]
    return [rows for rows in (np.r_[longest, others[:LONG]], others[LONG:]) if len(rows)]


@torch.inference_mode()
def _opened(folder: Path, frames: list[pd.DataFrame]) -> np.ndarray:
    """Return the logits of the texts in all ``frames``, each a padded batch, from ``folder`` alone."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder, use_safetensors=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    logits = []
    for frame in frames:
        texts = [frame[column].tolist() for column in frame]
        batch = tokenizer(*texts, padding=True, truncation=True, return_tensors="pt")
        logits.append(model(**batch).logits.float().numpy())
    return np.concatenate(logits)


def _compare(found: np.ndarray, wanted: np.ndarray, rows: np.ndarray, task: Task, split: str) -> None:
    apart = np.abs(found - wanted).max(axis=1)
    worst = int(apart.argmax())
    if not apart[worst] <= ABSOLUTE * task.scale[1] + RELATIVE * np.abs(wanted).max():
        raise UserError(
            f"the model of {task.name} gave row {rows[worst]} of {split} the outputs "
            f"{_numbers(wanted[worst])} when it was scored, and {_numbers(found[worst])} when its folder was "
            "opened by transformers alone; allowed: a teacher whose tokenizer and config.json say all that "
            "the model needs"
        )


def _numbers(values: np.ndarray) -> str:
    return ", ".join(f"{value:.4f}" for value in values[:5]) + (", ..." if len(values) > 5 else "")
