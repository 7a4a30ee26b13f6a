"""Slices of the training rows that no model trains on.

The held-out set of the search task measures candidates; a validation split is cut where a task has none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from kdnas.data.frames import text_sets
from kdnas.data.grouping import text_groups
from kdnas.data.kinds import Classes
from kdnas.data.rows import divide_rows
from kdnas.data.stratify import allocate, check_part
from kdnas.data.tasks import TRAIN, VALIDATION, Task
from kdnas.errors import UserError
from kdnas.sentences import counted

OWN_HELDOUT = "with data.source local a file heldout.* with rows of your own (docs/data.md)"
FEWEST_GROUPS = 10  # rows with a common text stay together if they are at most a tenth of the set
SIDES = 3  # training, validation and the held-out set
SMALL_GROUP = 5  # so many stay together in a small set too: MNLI's premises come in threes and fours


def hold_out(
    frame: pd.DataFrame, task: Task, *, share: float, rows: int | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training rows that remain and the held-out set, both in their old order.

    The set is as large as ``share`` of the ``rows`` that training will have at most (None: all rows),
    stratified by label (kdnas.data.kinds). Rows that share a text, in whichever column, go to it together or
    not at all; only texts that tie more rows together than a tenth of the set are on both sides
    (kdnas.data.grouping). No row is on both sides, nor its swapped copy. That can leave the set a few rows
    short or over. It depends on the data alone. Raises UserError for a share that leaves a class or label
    without rows on either side.
    """
    wanted = divide_rows(len(frame), rows, share)[1]
    targets = task.kind.targets(frame["label"])
    classes = len(np.unique(targets)) if isinstance(task.kind, Classes) else 0
    if wanted < classes:
        enough = math.ceil(1000 * classes / min(len(frame), rows or len(frame))) / 1000
        raise UserError(
            f"search.proxy.heldout is {share}, which is {wanted} rows for the {classes} classes of "
            f"{task.name}; allowed: a row for each class, as from {enough} on, or {OWN_HELDOUT}"
        )
    stratum = task.kind.strata(targets)
    chosen = _slice(frame, task, stratum=stratum, quotas=allocate(np.bincount(stratum), wanted))
    for side, name in ((chosen, "the held-out set"), (~chosen, "training")):
        check_part(
            task,
            targets,
            side,
            setting=f"search.proxy.heldout is {share}",
            part=name,
            allowed=f"at least two rows of each {task.kind.noun}, another share, or {OWN_HELDOUT}",
        )
    return frame[~chosen].reset_index(drop=True), frame[chosen].reset_index(drop=True)


def check_room(task: Task, frames: Mapping[str, pd.DataFrame]) -> None:
    """Raise UserError for a class or label with fewer rows than splits that are made of the training rows.

    These are the training split, the validation split that was cut for a custom task, and the held-out set to
    come; the first two are in ``frames``.
    """
    if task.regression:
        return
    labels = pd.concat([frames[split]["label"] for split in (TRAIN, VALIDATION)], ignore_index=True)
    sizes = task.kind.rows_of_each(task.kind.targets(labels))
    few = np.flatnonzero((sizes > 0) & (sizes < SIDES))
    if len(few):
        others = f" (and {len(few) - 1} more have fewer than {SIDES})" if len(few) > 1 else ""
        raise UserError(
            f"{task.kind.in_words(int(few[0]))} of {task.name} has {counted(int(sizes[few[0]]), 'row')} of "
            f"the {len(labels)} training rows{others}, of which a validation split and a held-out set are "
            f"cut; allowed: at least {SIDES} rows of each {task.kind.noun}, a validation split of your own "
            f"and 2 rows, or {OWN_HELDOUT}"
        )


def cut_validation(frame: pd.DataFrame, task: Task, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training rows that remain and a ``share`` of them as a validation split, in their old order.

    They are drawn as the held-out set is (:func:`hold_out`), but a class of a single row stays in training.
    Raises UserError where that leaves less than two different labels to validate on.
    """
    stratum = task.kind.strata(task.kind.targets(frame["label"]))
    sizes = np.bincount(stratum)
    quotas = np.minimum(allocate(sizes, round(share * len(frame))), np.maximum(sizes - 1, 0))
    chosen = _slice(frame, task, stratum=stratum, quotas=quotas)
    if frame.loc[chosen, "label"].nunique() < 2:
        texts = len(set(text_sets(frame, task.text_columns)))
        alike = f" with {texts} different texts" if texts < len(frame) / 2 else ""
        raise UserError(
            f"data.custom_tasks.{task.name}.validation_share is {share} of {len(frame)} training "
            f"rows{alike}, which is too few for two different labels; allowed: more rows, a larger share, or "
            "a validation split of its own"
        )
    return frame[~chosen].reset_index(drop=True), frame[chosen].reset_index(drop=True)


def _slice(frame: pd.DataFrame, task: Task, *, stratum: np.ndarray, quotas: np.ndarray) -> np.ndarray:
    """Return a mask (n,) of rows by the quotas of their strata, those that share texts together."""
    wanted = int(quotas.sum())
    most = min(wanted, max(wanted // FEWEST_GROUPS, SMALL_GROUP))
    groups = text_groups(frame, task.text_columns, most)
    return _draw_groups(groups, stratum, quotas, np.random.default_rng(0))


def check_apart(task: Task, own: pd.DataFrame, others: Mapping[str, pd.DataFrame], *, where: str) -> None:
    """Raise UserError if a split of the user's ``own``, read from ``where``, shares a row with ``others``.

    The order of the texts in a pair does not count.
    """
    for split, frame in others.items():
        rows = {texts: number for number, texts in enumerate(text_sets(frame, task.text_columns), start=1)}
        shared = [
            (number, rows[texts])
            for number, texts in enumerate(text_sets(own, task.text_columns), start=1)
            if texts in rows
        ]
        if shared:
            raise UserError(
                f"{where}, row {shared[0][0]} has the texts of row {shared[0][1]} of {split} (copied rows: "
                f"{len(shared)} of {len(own)}); allowed: rows that no other split has"
            )


def _draw_groups(
    groups: np.ndarray, stratum: np.ndarray, quotas: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return a mask (n,) of whole groups, in random order each one that its strata's quotas have room for.

    Where that leaves rows to draw, each other one too that brings them nearer to the quotas, or is the first
    one of its stratum. No group of the latter two takes the last rows of a stratum.
    """
    counts = np.zeros((groups.max() + 1, len(quotas)), dtype=np.int64)
    np.add.at(counts, (groups, stratum), 1)
    left, sizes = quotas.copy(), counts.sum(axis=0)
    chosen = np.zeros(len(counts), dtype=bool)
    order = rng.permutation(len(counts))

    def take(group: int) -> None:
        chosen[group] = True
        left[:] -= counts[group]

    for group in order:
        if (counts[group] <= left).all():
            take(group)
    for group in order[~chosen[order]] if left.any() else ():
        untouched = (left == quotas) & (quotas > 0)
        nearer = abs(left - counts[group]).sum() < abs(left).sum()
        rest = sizes - (quotas - left) - counts[group]
        if (nearer or (counts[group][untouched] > 0).any()) and (rest[counts[group] > 0] > 0).all():
            take(group)
    return chosen[groups]
