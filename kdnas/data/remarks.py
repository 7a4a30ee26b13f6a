"""Warnings about the rows of a task, given before models are trained and judged on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from kdnas.data.doubts import doubts
from kdnas.data.frames import text_sets
from kdnas.data.tasks import HELDOUT, TRAIN, VALIDATION, WITHOUT_LABELS, Task
from kdnas.sentences import listed, shown

COPIED = 0.05  # from this share of evaluation rows that are training rows too, a warning is given


def remarks(task: Task, frames: Mapping[str, pd.DataFrame], meta: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each finding in a task's checked ``frames`` and their ``meta``; mostly none.

    Findings are texts that the held-out set shares with training rows, classes without a row in a split
    that scores models, and evaluation rows that are training rows. In a custom task they are also a
    validation split that was cut here, a test split without labels, rows that are empty or there more than
    once, how well given answers agree with the labels, and what is doubtful (kdnas.data.doubts).
    """
    own = _own(task, frames, meta) if task.custom else []
    return [*own, *_shared(task, frames, meta), *_missing_classes(task, frames), *_copied(task, frames)]


def _own(task: Task, frames: Mapping[str, pd.DataFrame], meta: Mapping[str, Any]) -> list[str]:
    told = []
    if meta["validation_from"] == TRAIN:
        rows = len(frames[VALIDATION])
        told.append(
            f"{task.name} has no validation split: {rows} of its training rows, drawn with the shares of the "
            "labels, are one now, and no model is trained on them"
        )
    if meta["test"] == WITHOUT_LABELS:
        told.append(f"the test split of {task.name} has no labels, so no model is scored on it")
    told += doubts(task, frames, meta)
    columns = list(task.text_columns)
    for split, frame in frames.items():
        empty = int((frame[columns].apply(lambda texts: texts.str.strip()) == "").any(axis="columns").sum())
        if empty:
            told.append(f"{empty} of the {len(frame)} rows of {split} of {task.name} have an empty text")
    return told + _repeated(task, frames) + _given(task, meta)


def _given(task: Task, meta: Mapping[str, Any]) -> list[str]:
    """Return how well the answers that the user gave agree with the labels of each split that has both."""
    told = []
    for split, scores in meta.get("given_answers", {}).items():
        shares = listed(f"{metric} {score:.3f}" for metric, score in scores.items())
        rows = meta["splits"][split]["rows"]
        told.append(
            f"the given answers of {task.name} agree with the labels of the {rows} rows of {split} by "
            f"{shares}"
        )
    return told


def _repeated(task: Task, frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return a sentence for each split with rows whose texts another row of it has, in whichever order.

    Rows without any text are told of elsewhere.
    """
    told = []
    for split, frame in frames.items():
        labels = pd.DataFrame({"texts": list(text_sets(frame, task.text_columns)), "label": frame["label"]})
        labels = labels[["".join(texts).strip() != "" for texts in labels["texts"]]]
        again = int(labels["texts"].duplicated().sum())
        if again:
            several = labels.groupby("texts")["label"].nunique()
            contrary = int((several > 1).sum())
            of_labels = "sets of labels" if task.multi_label else "labels"
            have, repeat = ("has" if contrary == 1 else "have", "repeats" if again == 1 else "repeat")
            also = f", and {contrary} of their texts {have} several {of_labels}" if contrary else ""
            told.append(
                f"{again} of the {len(frame)} rows of {split} of {task.name} {repeat} the texts of another "
                f"row{also}"
            )
    return told


def shared_texts(task: Task, frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a table (held-out rows, text columns) of bool: whether a text is in a training row too."""
    columns = list(task.text_columns)
    trained = set(frames[TRAIN][columns].to_numpy(dtype=object).reshape(-1))
    return frames[HELDOUT][columns].isin(trained)


def _shared(task: Task, frames: Mapping[str, pd.DataFrame], meta: Mapping[str, Any]) -> list[str]:
    if not meta["heldout_shared_rows"]:
        return []
    shared, held_out = shared_texts(task, frames), frames[HELDOUT]
    counts = pd.concat([held_out.loc[shared[column], column] for column in task.text_columns]).value_counts()
    grouped = "it is in too many rows to keep all of them on one side; "
    return [
        f"{meta['heldout_shared_rows']} of the {len(held_out)} rows that measure candidates share a text "
        f"with training rows of {task.name}, most often {shown(counts.index[0])} ({counts.iloc[0]} rows): "
        f"{grouped if meta['heldout_from'] == TRAIN else ''}no row shares all its texts with a training row"
    ]


def _missing_classes(task: Task, frames: Mapping[str, pd.DataFrame]) -> list[str]:
    told = []
    for split in (HELDOUT, *task.evaluation_splits):
        if split in frames and task.classes:
            there = task.kind.rows_of_each(task.kind.targets(frames[split]["label"]))
            missing = [name for name, rows in zip(task.classes, there, strict=True) if not rows]
            if missing:
                told.append(
                    f"the split {split} of {task.name} has no row of {len(missing)} of its "
                    f"{task.num_labels} {task.kind.nouns}, so its scores say nothing about them: "
                    f"{listed(missing)}"
                )
    return told


def _copied(task: Task, frames: Mapping[str, pd.DataFrame]) -> list[str]:
    train = [frames[split] for split in (TRAIN, HELDOUT) if split in frames]
    trained = {texts for frame in train for texts in text_sets(frame, task.text_columns)}
    told = []
    for split in task.evaluation_splits:
        copied = sum(texts in trained for texts in text_sets(frames[split], task.text_columns))
        if copied >= COPIED * len(frames[split]):
            told.append(
                f"{copied} of the {len(frames[split])} rows of {split} of {task.name} are training rows "
                "too: scores on them show what a model has memorised"
            )
    return told
