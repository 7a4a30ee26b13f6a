"""The proxy set: the share of the search task's training rows that candidates are distilled on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kdnas.errors import UserError
from kdnas.stratify import allocate, draw, strata
from kdnas.tasks import Task, get_task


def build_proxy(
    frame: pd.DataFrame, task_name: str, share: float, heldout: float, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows to train candidates on and the held-out rows that measure their quality.

    Both are shares of the training rows ``frame``, drawn with ``seed``, stratified by label (by quantile
    range of the score for STS-B), in their old order. The held-out slice is disjoint by row and by first
    text: rows with the same first text (MNLI's premises come in threes) go to it together or not at all, so
    no text pair and no premise is in both. That can leave it a few rows short of its share.
    The paper reports the share (30 %); the held-out slice is our choice.
    Raises UserError for shares that don't fit or that leave a class without rows.
    """
    task = get_task(task_name)
    if not 0 < share < 1:
        raise UserError(f"search.proxy.share is {share}; allowed are numbers between 0 and 1")
    if not 0 < heldout < 1 or share + heldout > 1:
        raise UserError(
            f"search.proxy.heldout is {heldout}; allowed are numbers above 0 that "
            f"together with search.proxy.share ({share}) are no more than 1"
        )
    rng = np.random.default_rng(seed)
    stratum = strata(frame["label"].to_numpy(), task.regression)
    sizes = np.bincount(stratum)
    groups = pd.factorize(frame[task.text_columns[0]])[0]
    in_heldout = _draw_groups(groups, stratum, allocate(sizes, round(heldout * len(frame))), rng)
    _check_classes(task, "search.proxy.heldout", heldout, sizes, stratum[in_heldout])

    rest = np.flatnonzero(~in_heldout)
    train = rest[draw(stratum[rest], allocate(sizes, round(share * len(frame))), rng)]
    _check_classes(task, "search.proxy.share", share, sizes, stratum[train])
    return frame.iloc[train].reset_index(drop=True), frame[in_heldout].reset_index(drop=True)


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


def _check_classes(task: Task, key: str, share: float, sizes: np.ndarray, drawn: np.ndarray) -> None:
    missing = np.flatnonzero(np.bincount(drawn, minlength=len(sizes)) == 0)
    if len(missing):
        kind = "score range" if task.regression else "class"
        raise UserError(
            f"{key} is {share}, too small: it leaves no row of {kind} {missing[0]} of {task.name}, "
            f"which has {sizes[missing[0]]} of the {sizes.sum()} training rows"
        )
