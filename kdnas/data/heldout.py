"""Slices of the training rows that no model trains on.

The held-out set of the search task measures candidates; a validation split is cut where a task has none.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from kdnas.data.frames import text_sets
from kdnas.data.grouping import text_groups
from kdnas.data.rows import divide_rows
from kdnas.data.stratify import allocate, check_part
from kdnas.data.tasks import Task
from kdnas.errors import UserError

FEWEST_GROUPS = 10  # rows with a common text stay together if they are at most a tenth of the set
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
    stratum = task.kind.strata(targets)
    chosen = _slice(frame, task, stratum=stratum, quotas=allocate(np.bincount(stratum), wanted))
    for side, name in ((chosen, "the held-out set"), (~chosen, "training")):
        check_part(
            task,
            targets,
            side,
            setting=f"search.proxy.heldout is {share}",
            part=name,
            allowed=f"at least two rows of each {task.kind.noun}, another share, or with data.source "
            "local a file heldout.* with rows of your own (docs/data.md)",
        )
    return frame[~chosen].reset_index(drop=True), frame[chosen].reset_index(drop=True)


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
        raise UserError(
            f"data.custom_tasks.{task.name}.validation_share is {share} of {len(frame)} training rows, which "
            "is too few for two different labels; allowed: more rows, a larger share, or a validation split "
            "of its own"
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
