"""The held-out slice of the search task: rows that no model ever trains on, which measure candidates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from kdnas.data.frames import text_tuples
from kdnas.data.rows import divide_rows
from kdnas.data.stratify import allocate, check_strata, strata
from kdnas.data.tasks import Task
from kdnas.errors import UserError


def hold_out(
    frame: pd.DataFrame, task: Task, share: float, rows: int | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training rows that remain and the held-out slice, both in their old order.

    The slice is as large as ``share`` of the ``rows`` that training will have at most (None: all rows),
    stratified by label, by quantile range of the score for STS-B. Rows with the same first text (MNLI's
    premises come in threes) go to it together or not at all, so no text pair and no premise is on both
    sides; that can leave it a few rows short, or with few such texts half a group short or over. It depends
    on the data alone. Raises UserError for a share that leaves a class without rows on either side.
    """
    stratum = strata(frame["label"].to_numpy(), task.regression)
    sizes = np.bincount(stratum)
    groups = pd.factorize(frame[task.text_columns[0]])[0]
    quotas = allocate(sizes, divide_rows(len(frame), rows, share)[1])
    chosen = _draw_groups(groups, stratum, quotas, np.random.default_rng(0))
    setting = f"search.proxy.heldout is {share}"
    largest = np.bincount(groups).max()
    if 0 < quotas.sum() < largest:
        setting += f", or {quotas.sum()} rows where up to {largest} share their {task.text_columns[0]}"
    for side in (chosen, ~chosen):
        check_strata(task, setting, sizes, stratum[side])
    return frame[~chosen].reset_index(drop=True), frame[chosen].reset_index(drop=True)


def check_apart(task: Task, own: pd.DataFrame, others: Mapping[str, pd.DataFrame], where: str) -> None:
    """Raise UserError if the user's ``own`` slice, read from ``where``, has texts of a row of ``others``."""
    for split, frame in others.items():
        rows = {texts: number for number, texts in enumerate(text_tuples(frame, task.text_columns), start=1)}
        shared = [
            (number, rows[texts])
            for number, texts in enumerate(text_tuples(own, task.text_columns), start=1)
            if texts in rows
        ]
        if shared:
            raise UserError(
                f"{where}, row {shared[0][0]}: the texts are those of row {shared[0][1]} of {split}, as in "
                f"{len(shared)} of its {len(own)} rows; allowed: rows that no other split has"
            )


def _draw_groups(
    groups: np.ndarray, stratum: np.ndarray, quotas: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return a mask (n,) of whole groups, in random order each one that its strata's quotas have room for.

    Where that leaves a tenth of the rows or more to draw, each other one too that brings them nearer to the
    quotas.
    """
    counts = np.zeros((groups.max() + 1, len(quotas)), dtype=np.int64)
    np.add.at(counts, (groups, stratum), 1)
    left = quotas.copy()
    chosen = np.zeros(len(counts), dtype=bool)
    order = rng.permutation(len(counts))
    for group in order:
        if (counts[group] <= left).all():
            chosen[group] = True
            left -= counts[group]
    if 10 * left.sum() >= quotas.sum():
        for group in order[~chosen[order]]:
            if abs(left - counts[group]).sum() < abs(left).sum():
                chosen[group] = True
                left -= counts[group]
    return chosen[groups]
