"""Where a task's rows come from: a local folder, the Hugging Face hub, or the generator.

Every source gives the same thing: checked rows with the registry's columns and label codes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from kdnas.data.frames import (
    GIVEN_ANSWERS,
    fingerprint,
    read_meta,
    read_split,
    write_split,
    write_task,
)
from kdnas.data.given import scores_of_given
from kdnas.data.heldout import check_apart, check_room, hold_out
from kdnas.data.remarks import shared_texts
from kdnas.data.rows import max_train_rows
from kdnas.data.settings import DataSettings
from kdnas.data.sources import hub, local, synthetic
from kdnas.data.sources.checks import check_split
from kdnas.data.sources.custom import check_custom, scale_of
from kdnas.data.stratify import allocate, check_part, draw
from kdnas.data.tasks import (
    HELDOUT,
    SCORED,
    TEST,
    TRAIN,
    VALIDATION,
    WITHOUT_LABELS,
    Definition,
    Task,
    get_task,
)
from kdnas.data.unlabelled import UNLABELLED, choose_unlabelled
from kdnas.errors import UserError
from kdnas.sentences import shown

__all__ = ["fingerprint", "load_task", "read_meta", "read_split", "write_split", "write_task"]

# each has load, and load_test for a test split
SOURCES = {"hub": hub, "local": local, "synthetic": synthetic}


@dataclass(frozen=True)
class Loaded:
    """A task with what its rows told, its checked rows by split, and the files that these came from."""

    task: Task
    frames: dict[str, pd.DataFrame]
    files: dict[str, str]


def load_rows(definition: Definition, data: DataSettings) -> Loaded:
    """Return the checked rows of every split as the source has them.

    A custom task without a validation split gets one, cut from its training rows. Raises UserError for data
    that is missing, damaged or not what the registry or the config says.
    """
    task = get_task(definition)
    if data.source not in SOURCES:
        raise UserError(f"data.source is {shown(data.source)}; allowed: {', '.join(SOURCES)}")
    loaded = SOURCES[data.source].load(task, data)
    files = {split: where for split, (_, where) in loaded.items()}
    if task.custom:
        return Loaded(*check_custom(task, loaded, data.layout(task.name)), files)
    frames = {split: check_split(task, split, rows, where=where) for split, (rows, where) in loaded.items()}
    return Loaded(task, frames, files)


def load_task(
    definition: Definition, data: DataSettings, heldout: float = 0.0
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Return the checked rows of every split of a task, and their ``meta.json`` (docs/artifacts.md).

    A frame has the columns ``task.columns``; with answers that the user gave, also ``given_answers`` where
    models learn from these or are compared with them. ``max_train_rows`` cuts the training split alone. With
    a share ``heldout`` there is one more split: the source's own, or one taken out of the training split
    before that is cut (kdnas.data.heldout). Rows without labels, where the config asks for them, are one
    more: the source's own, or training rows beyond that cut.
    Raises UserError as :func:`load_rows` does, and for given answers on rows of a file that judges models.
    """
    loaded = load_rows(definition, data)
    task, frames = loaded.task, loaded.frames
    maximum = max_train_rows(task.name, data.max_train_rows)
    unlabelled = frames.pop(UNLABELLED, None)
    own = frames.pop(HELDOUT, None)
    if heldout and own is not None:
        check_apart(task, own, frames, where=loaded.files[HELDOUT])
        frames[HELDOUT] = own
    elif heldout:
        if task.custom and VALIDATION not in loaded.files:
            check_room(task, frames)
        frames[TRAIN], frames[HELDOUT] = hold_out(frames[TRAIN], task, share=heldout, rows=maximum)
    frames[TRAIN], rest = _cut(task, frames[TRAIN], maximum)
    of_given = scores_of_given(task, frames)
    for split in task.evaluation_splits:  # what judges models has labels alone
        frames[split] = frames[split].drop(columns=GIVEN_ANSWERS, errors="ignore")
    fingerprints = {"fingerprint": fingerprint(frames), "unlabelled_fingerprint": None}
    if data.wants_unlabelled(task.name):
        judging = {split: frame for split, frame in frames.items() if split != TRAIN}
        if of_given and unlabelled is not None:  # the rows of a split that was cut here are left out below
            of_files = {split: frame for split, frame in judging.items() if split in loaded.files}
            check_apart(task, unlabelled, of_files, where=loaded.files[UNLABELLED])
        found = rest if unlabelled is None else unlabelled
        most = data.max_unlabelled_rows[task.name]
        frames[UNLABELLED] = choose_unlabelled(task, found, judging=judging.values(), most=most)
        fingerprints["unlabelled_fingerprint"] = fingerprint({UNLABELLED: frames[UNLABELLED]})
    shared = shared_texts(task, frames).any(axis="columns").sum() if heldout else None
    is_synthetic = data.source == "synthetic"
    meta: dict[str, Any] = {
        "task": task.name,
        "source": data.source,
        "synthetic": is_synthetic,
        **fingerprints,
        "heldout_from": (HELDOUT if own is not None else TRAIN) if heldout else None,
        "heldout_shared_rows": None if shared is None else int(shared),
        "splits": {
            split: {"rows": len(frame), "official_rows": None if is_synthetic else task.splits.get(split)}
            for split, frame in frames.items()
        },
    }
    meta |= {"given_answers": of_given} if of_given else {}
    if task.custom:
        meta |= _custom_meta(definition, loaded)
        others = local.unread(task, data, loaded.files.values()) if data.source == "local" else []
        meta |= {"unread_files": others} if others else {}
    return frames, meta


def _custom_meta(definition: Definition, loaded: Loaded) -> dict[str, Any]:
    """Return what the ``meta.json`` of a custom task has in addition."""
    task = loaded.task
    if task.regression:
        task = replace(task, scale=scale_of(loaded.frames[TRAIN]["label"]))
    given: Any = get_task(definition).definition
    complete: Any = task.definition
    scored = SCORED if TEST in task.splits else WITHOUT_LABELS
    return {
        "found": {key: value for key, value in complete.items() if given.get(key) != value},
        "validation_from": VALIDATION if VALIDATION in loaded.files else TRAIN,
        "test": scored if TEST in loaded.files else None,
    }


def _cut(task: Task, frame: pd.DataFrame, rows: int | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a stratified share of ``rows`` rows and the other rows, each in their old order.

    The share depends on the data alone.
    """
    if rows is None or rows >= len(frame):
        return frame, frame[:0]
    targets = task.kind.targets(frame["label"])
    stratum = task.kind.strata(targets)
    drawn = draw(stratum, allocate(np.bincount(stratum), rows), np.random.default_rng(0))
    check_part(
        task,
        targets,
        drawn,
        setting=f"data.max_train_rows is {rows}",
        part="training",
        allowed=f"a number of rows that has room for each {task.kind.noun}",
    )
    return frame.iloc[drawn].reset_index(drop=True), frame.drop(index=frame.index[drawn])
