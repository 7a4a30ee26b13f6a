"""Whether answers fit the labels far better in another order of the classes, or on another scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import binom

from kdnas.data.tasks import Task

CHANCE = 1e-6  # the probability of a refusal by chance alone
TIMES = 1.5  # the other order needs so many times the right answers, where the two orders differ


@dataclass(frozen=True)
class BetterOrder:
    """The class that each class stands for, shape (classes,), and the share of answers that is then right.

    ``right`` is that share in the given order.
    """

    order: np.ndarray
    share: float
    right: float


def find_better_order(task: Task, logits: np.ndarray, labels: np.ndarray) -> BetterOrder | None:
    """Return what :func:`better_order` finds for ``logits`` (rows, classes) and the targets ``labels``."""
    answers, wanted = (task.kind.indicators(targets) for targets in (task.kind.answers(logits), labels))
    order = better_order(answers, wanted)
    if order is None:
        return None
    right, share = ((answers * wanted[:, at]).sum() / answers.sum() for at in (slice(None), order))
    return BetterOrder(order, share, right)


def better_order(answers: np.ndarray, labels: np.ndarray) -> np.ndarray | None:
    """Return the class that each class stands for, shape (classes,), if another order is far better.

    ``answers`` and ``labels`` are 1 for the classes of a row and 0 for the others, both (rows, classes); a
    row may have several. None if the given order may be the right one. An order that is chosen on one half
    of the rows is judged on the other, and the other way round, because the best of many orders fits its own
    rows by chance. On the answers that it changes, it has to be right more often than chance allows for
    these class shares, and ``TIMES`` as often as the given order.
    """
    classes = answers.shape[1]
    halves = np.array_split(np.random.default_rng(0).permutation(len(labels)), 2)
    better = worse = changed = 0
    expected = 0.0
    for chosen_on, judged_on in (halves, halves[::-1]):
        order = _best_order(answers[chosen_on], labels[chosen_on])
        given, wanted = answers[judged_on], labels[judged_on]
        moved = np.flatnonzero(order != np.arange(classes))
        better += (given[:, moved] * wanted[:, order[moved]]).sum()
        worse += (given[:, moved] * wanted[:, moved]).sum()
        changed += given[:, moved].sum()
        expected += (given.sum(0)[moved] * wanted.sum(0)[order[moved]]).sum() / max(1, len(judged_on))
    if not changed or better < TIMES * worse or binom.sf(better - 1, changed, expected / changed) > CHANCE:
        return None
    return _best_order(answers, labels)


def _best_order(answers: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the order with the most right answers beyond those expected from the class shares alone."""
    expected = np.outer(answers.sum(0), labels.sum(0)) / max(1, len(answers))
    stays = 1e-6 * np.eye(len(expected))  # where nothing tells
    return linear_sum_assignment(answers.T @ labels - expected + stays, maximize=True)[1]


def on_another_scale(outputs: np.ndarray, labels: np.ndarray) -> bool:
    """Return whether numbers (rows,) are further from the labels than a constant is.

    Correlations, which score them, ignore the scale.
    """
    return bool(np.square(outputs - labels).mean() > labels.var() > 0)
