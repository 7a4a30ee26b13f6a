"""The held-out slice of the search task: rows that no model ever trains on, which measure candidates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kdnas.data.rows import divide_rows
from kdnas.data.stratify import allocate, check_strata, strata
from kdnas.data.tasks import Task


def hold_out(
    frame: pd.DataFrame, task: Task, share: float, rows: int | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training rows that remain and the held-out slice, both in their old order.

    The slice is as large as ``share`` of the ``rows`` that training will have at most (None: all rows),
    stratified by label, by quantile range of the score for STS-B. Rows with the same first text (MNLI's
    premises come in threes) go to it together or not at all, so no text pair and no premise is on both
    sides; that can leave it a few rows short. It depends on the data alone. Raises UserError for a share
    that leaves a class without rows on either side.
    """
    stratum = strata(frame["label"].to_numpy(), task.regression)
    sizes = np.bincount(stratum)
    groups = pd.factorize(frame[task.text_columns[0]])[0]
    quotas = allocate(sizes, divide_rows(len(frame), rows, share)[1])
    chosen = _draw_groups(groups, stratum, quotas, np.random.default_rng(0))
    for side in (chosen, ~chosen):
        check_strata(task, f"search.proxy.heldout is {share}", sizes, stratum[side])
    return frame[~chosen].reset_index(drop=True), frame[chosen].reset_index(drop=True)


def _draw_groups(
    groups: np.ndarray, stratum: np.ndarray, quotas: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return a mask (n,) of whole groups, in random order each one that its strata's quotas have room for."""
    counts = np.zeros((groups.max() + 1, len(quotas)), dtype=np.int64)
    np.add.at(counts, (groups, stratum), 1)
    left = quotas.copy()
    chosen = np.zeros(len(counts), dtype=bool)
    for group in rng.permutation(len(counts)):
        if (counts[group] <= left).all():
            chosen[group] = True
            left -= counts[group]
    return chosen[groups]
