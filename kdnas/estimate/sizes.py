"""Number and length of a task's inputs: from the data where it is at hand, else from a table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kdnas.data.frames import read_meta, read_split
from kdnas.data.rows import divide_rows, heldout_share, max_train_rows
from kdnas.data.settings import DataSettings
from kdnas.data.sources import load_rows, synthetic
from kdnas.data.tasks import HELDOUT, TRAIN, Definition, Task, completed, get_task, task_definitions
from kdnas.data.unlabelled import UNLABELLED
from kdnas.errors import UserError

CLASSES = 100  # of a task that does not list them
SAMPLE = 1600  # training rows that are tokenised: one bucket of 50 batches of 32

# Mean word pieces (BERT, uncased) of an input among its neighbours of like length, cut to 128: measured by
# `padded_tokens` on the training sets, of MNLI and QQP on subsets. QNLI's is our guess: we did not have it.
MEAN_TOKENS = {
    "cola": 12.1,
    "sst2": 13.6,
    "mrpc": 54.3,
    "stsb": 29.2,
    "qqp": 32.6,
    "mnli": 41.9,
    "qnli": 52.0,
    "rte": 67.5,
    "wnli": 39.6,
}


@dataclass(frozen=True)
class TaskSize:
    """Rows of a task and the mean ``tokens`` of an input in a batch; ``measured`` on the data itself.

    ``heldout_rows`` are those that measure candidates, 0 for a task that is not searched on;
    ``unlabelled_rows`` those that students learn from by pseudo-labels, besides ``train_rows``.
    """

    train_rows: int
    heldout_rows: int
    evaluation_rows: int
    tokens: float
    measured: bool
    unlabelled_rows: int = 0


def task_size(name: str, config: dict[str, Any], tokenizer: Any | None) -> TaskSize:
    """Return the size of a task of a checked configuration.

    Rows are counted in a local folder or in what ``fetch_task`` has fetched from the hub, and are the
    official ones (kdnas.data.tasks) otherwise. Lengths are those of a seeded sample under ``tokenizer``, cut
    to ``teacher.max_length``; without rows or without a tokenizer they are those of a table, or
    ``teacher.max_length`` in a custom task. Raises UserError for a local folder that lacks the task or holds
    damaged rows, and for a custom task whose rows are not on this machine.
    """
    data = DataSettings.from_config(config["data"])
    task, rows, sample = _rows(task_definitions(config["data"])[name], data, config["experiment"])
    most = max_train_rows(name, data.max_train_rows)
    share = heldout_share(name, config["search"])
    if share and HELDOUT in rows:
        train_rows, heldout_rows = divide_rows(rows[TRAIN], most, 0.0)[0], rows[HELDOUT]
    else:
        train_rows, heldout_rows = divide_rows(rows[TRAIN], most, share)
    unlabelled_rows = _unlabelled_rows(name, data, rows, used=train_rows + heldout_rows)
    evaluation_rows = sum(rows[split] for split in task.evaluation_splits)
    if sample is None or tokenizer is None:
        longest = config["teacher"]["max_length"]
        tokens = min(MEAN_TOKENS.get(name, longest), longest)
        return TaskSize(
            train_rows, heldout_rows, evaluation_rows, tokens, measured=False, unlabelled_rows=unlabelled_rows
        )
    from kdnas.training.data import encode

    sample = sample.sample(min(SAMPLE, len(sample)), random_state=0)
    lengths = encode(sample, task, tokenizer, max_length=config["teacher"]["max_length"]).lengths
    tokens = padded_tokens(lengths, config["distillation"]["student"]["batch_size"])
    return TaskSize(
        train_rows, heldout_rows, evaluation_rows, tokens, measured=True, unlabelled_rows=unlabelled_rows
    )


def padded_tokens(lengths: np.ndarray, batch_size: int) -> float:
    """Return the mean tokens of an input (padding included) when training makes batches of ``lengths``."""
    from kdnas.training.data import epoch_batches

    batches = epoch_batches(lengths, batch_size, seed=0, epoch=0)
    return float(sum(lengths[rows].max() * len(rows) for rows in batches) / len(lengths))


def _unlabelled_rows(name: str, data: DataSettings, rows: dict[str, int], *, used: int) -> int:
    """Return how many rows without labels a task has; ``used``: its training and held-out rows."""
    if not data.wants_unlabelled(name):
        return 0
    found = rows.get(UNLABELLED, max(0, rows[TRAIN] - used))
    most = data.max_unlabelled_rows[name]
    return found if most is None else min(found, most)


def _rows(
    definition: Definition, data: DataSettings, experiment: str
) -> tuple[Task, dict[str, int], pd.DataFrame | None]:
    """Return a task as its rows complete it, the rows of every split, and some to measure lengths on."""
    task = get_task(definition)
    if data.synthetic is not None and data.source == "synthetic":
        wanted = data.synthetic
        rows = dict.fromkeys(task.splits, wanted.validation_rows) | {TRAIN: wanted.train_rows}
        few = replace(wanted, train_rows=min(SAMPLE, wanted.train_rows))
        return task, rows, synthetic.load(task, replace(data, synthetic=few))[TRAIN][0]
    if data.source == "local" and (task.custom or Path(data.path or "").is_dir()):
        loaded = load_rows(definition, data)
        counts = {split: len(frame) for split, frame in loaded.frames.items()}
        return loaded.task, counts, loaded.frames[TRAIN]
    fetched = Path("results") / experiment / "data" / task.name
    if data.source == "hub" and (fetched / "meta.json").is_file():
        meta = read_meta(fetched)
        counts = {split: values["rows"] for split, values in meta["splits"].items()}
        return get_task(completed(definition, meta)), counts, read_split(fetched, TRAIN)
    if task.custom:
        raise UserError(
            f"data.source is hub and {task.name} has not been fetched, so its rows cannot be counted; "
            "allowed: an estimate after the target data (make run SNAKEMAKE_ARGS=data)"
        )
    return task, {split: rows for split, rows in task.splits.items() if rows is not None}, None


def with_some_classes(task: Task) -> Task:
    """Return a task whose classes its rows have yet to tell with a number of them: few or many cost alike."""
    return replace(task, labels=tuple(map(str, range(CLASSES)))) if task.open else task
