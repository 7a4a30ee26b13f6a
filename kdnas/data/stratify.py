"""Seeded draws that keep the share of every class."""

from __future__ import annotations

import numpy as np

from kdnas.data.tasks import Task
from kdnas.errors import UserError
from kdnas.sentences import shown

BINS = 5  # score ranges that stand for classes in a regression task


def strata(labels: np.ndarray, regression: bool) -> np.ndarray:
    """Return each row's stratum, (n,) int64 from 0: its class's code, or the quantile range of its score."""
    if not regression:
        return labels.astype(np.int64)
    edges = np.quantile(labels, np.arange(1, BINS) / BINS)
    # Scores are often equal, so some ranges may be empty: number those that are not.
    return np.unique(np.searchsorted(edges, labels, side="right"), return_inverse=True)[1]


def allocate(sizes: np.ndarray, rows: int) -> np.ndarray:
    """Divide ``rows`` in proportion to ``sizes``; the largest remainders get what rounding down leaves.

    A stratum that has rows gets one at least, from the largest quota, unless there are more strata than
    ``rows``. Returns (strata,) int64 with sum ``rows``, none above its size, if ``rows`` is not above the sum
    of sizes.
    """
    quotas, remainders = np.divmod(rows * sizes.astype(np.int64), sizes.sum())
    largest_first = np.argsort(-remainders, kind="stable")
    quotas[largest_first[: rows - quotas.sum()]] += 1
    if rows >= np.count_nonzero(sizes):
        for stratum in np.flatnonzero((quotas == 0) & (sizes > 0)):
            quotas[quotas.argmax()] -= 1
            quotas[stratum] = 1
    return quotas


def draw(strata: np.ndarray, quotas: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return sorted positions, ``quotas[s]`` rows of each stratum s drawn without replacement.

    A stratum with fewer rows gives all of them.
    """
    chosen = [
        rng.permutation(np.flatnonzero(strata == stratum))[:quota] for stratum, quota in enumerate(quotas)
    ]
    return np.sort(np.concatenate(chosen))


def check_strata(
    task: Task, *, setting: str, part: str, sizes: np.ndarray, drawn: np.ndarray, allowed: str
) -> None:
    """Raise UserError if the rows that a part gets lack a stratum that has rows.

    Args:
        task: whose rows they are.
        setting: the key and value behind the draw, for the message.
        part: the name of the part that gets the rows, for the message.
        sizes: the rows of each stratum before the draw, shape (strata,).
        drawn: the stratum of each row that the part gets, shape (rows,).
        allowed: the remedies, for the message.
    """
    missing = np.flatnonzero((np.bincount(drawn, minlength=len(sizes)) == 0) & (sizes > 0))
    if len(missing):
        first = missing[0]
        one = f"score range {first}" if task.regression else f"class {shown(task.classes[first])}"
        as_others = f" (nor of {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise UserError(
            f"{setting}, which leaves {part} no row of {one} of {task.name}{as_others}; it has "
            f"{sizes[first]} of the {sizes.sum()} training rows; allowed: {allowed}"
        )
