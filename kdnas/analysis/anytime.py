"""What a search had found after each of its evaluations: simple regret and hypervolume."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kdnas.latency.rounds import median_rank


@dataclass(frozen=True)
class Reference:
    """A point that fronts are measured from: no quality below it and no latency ratio above it counts."""

    quality: float = 0.0
    latency_ratio: float = 1.0  # the teacher's own latency


def simple_regret(history: pd.DataFrame, best: float) -> np.ndarray:
    """Return by how much the best reward so far falls short of ``best``, after each row (rows,).

    NaN before the first row that did not fail.
    """
    rewards = history["reward"].astype(float).where(history["status"] == "ok")
    return (best - rewards.cummax().ffill()).to_numpy()


def hypervolume(quality: np.ndarray, latency_ratio: np.ndarray, reference: Reference) -> float:
    """Return the area that points dominate: high ``quality`` and low ``latency_ratio`` (points,) each.

    The hypervolume indicator (Zitzler and Thiele 1998) in two dimensions. Points with NaN count nothing.
    """
    points = np.column_stack([latency_ratio, quality]).astype(float)
    inside = (points[:, 0] < reference.latency_ratio) & (points[:, 1] > reference.quality)
    points = points[inside]  # NaN compares as false
    points = points[np.lexsort((-points[:, 1], points[:, 0]))]
    heights = np.maximum.accumulate(points[:, 1] - reference.quality)
    widths = np.diff(points[:, 0], append=reference.latency_ratio)
    return float(heights @ widths)


def hypervolumes(history: pd.DataFrame, reference: Reference) -> np.ndarray:
    """Return the hypervolume of what did not fail after each row of a history (rows,)."""
    succeeded = (history["status"] == "ok").to_numpy()
    quality = np.where(succeeded, history["quality"].to_numpy(float), np.nan)
    ratio = history["latency_ratio"].to_numpy(float)
    ends = range(1, len(history) + 1)
    return np.array([hypervolume(quality[:end], ratio[:end], reference) for end in ends])


def best_within(history: pd.DataFrame, budgets: Sequence[float]) -> np.ndarray:
    """Return the best quality so far within each budget of the latency ratio, shape (budgets, rows).

    NaN before the first row within a budget that did not fail.
    """
    quality = history["quality"].astype(float).where(history["status"] == "ok")
    ratio = history["latency_ratio"].astype(float)
    return np.array([quality.where(ratio <= budget).cummax().ffill() for budget in budgets])


def median_interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the median over the first axis of ``values`` (searches, ...), and its 95 % interval.

    The interval goes from one order statistic to another, by the binomial distribution, and supposes nothing
    of how values are distributed (Conover 1999, section 3.2). Of fewer than six values it is the whole range,
    which holds the median less often.
    """
    ordered, rank = np.sort(values, axis=0), median_rank(len(values))
    return np.median(values, axis=0), ordered[rank - 1], ordered[-rank]


def first_at_most(values: np.ndarray, bound: float) -> float:
    """Return after how many evaluations ``values`` (evaluations,) are at most ``bound``, or infinity."""
    reached = np.flatnonzero(values <= bound)
    return float(reached[0] + 1) if len(reached) else math.inf
