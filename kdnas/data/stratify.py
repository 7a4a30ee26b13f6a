"""Seeded draws that keep the share of every class."""

from __future__ import annotations

import numpy as np

from kdnas.data.tasks import Task
from kdnas.errors import UserError


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


def check_part(
    task: Task, targets: np.ndarray, chosen: np.ndarray, *, setting: str, part: str, allowed: str
) -> None:
    """Raise UserError if the rows that a part gets lack a class, label or score range that has rows.

    Args:
        task: whose rows they are.
        targets: of all rows, before the draw (:mod:`kdnas.data.kinds`).
        chosen: the rows that the part gets, as positions or a mask.
        setting: the key and value behind the draw, for the message.
        part: the name of the part that gets the rows, for the message.
        allowed: the remedies, for the message.
    """
    sizes, drawn = (task.kind.rows_of_each(targets, rows) for rows in (slice(None), chosen))
    missing = np.flatnonzero((drawn == 0) & (sizes > 0))
    if len(missing):
        first = int(missing[0])
        as_others = f" (nor of {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise UserError(
            f"{setting}, which leaves {part} no row of {task.kind.in_words(first)} of {task.name}{as_others}"
            f"; it has {sizes[first]} of the {len(targets)} training rows; allowed: {allowed}"
        )
