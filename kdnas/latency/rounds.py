"""Interleaved timing: rounds in which every model runs once, until the ratios are known well enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom


@dataclass(frozen=True)
class Ratio:
    """The median of per-round ratios to the reference, with its 95 % interval."""

    median: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """The interval's width as a share of the median."""
        return (self.high - self.low) / self.median


def median_interval(values: np.ndarray) -> Ratio:
    """Return the median of ``values`` (n,) and a distribution-free interval of at least 95 % for it.

    The interval runs between two order statistics whose ranks come from the binomial distribution with
    p = 1/2 (David and Nagaraja, Order Statistics, section 7.1). With fewer than six values it is their range.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    rank = median_rank(len(ordered))
    return Ratio(float(np.median(ordered)), float(ordered[rank - 1]), float(ordered[-rank]))


def median_rank(count: int) -> int:
    """Return which of ``count`` ordered values, from either end, bounds the median's 95 % interval.

    It is the largest r with P(B < r) <= 2.5 % for a binomial B with p = 1/2, counted from 1.
    """
    return max(1, int(binom.ppf(0.025, count, 0.5)))


def measure(
    timers: dict[str, Callable[[], float]],
    reference: str,
    *,
    warmup: int,
    min_rounds: int,
    max_rounds: int,
    interval: float,
    seed: int = 0,
    check_every: int = 5,
) -> dict[str, np.ndarray]:
    """Time every model once a round, in a new order each round; return the milliseconds, (rounds,) a model.

    Args:
        timers: by model; each runs one forward pass and returns its milliseconds.
        reference: the model that the others' ratios are to.
        warmup: passes of each model that are not counted.
        min_rounds: the fewest rounds.
        max_rounds: the most rounds.
        interval: as a share of its ratio; rounds end when every ratio's interval is narrower.
        seed: of the orders.
        check_every: after so many rounds the intervals are looked at.
    """
    generator = np.random.default_rng(seed)
    names = list(timers)
    for name in names:
        for _ in range(warmup):
            timers[name]()
    times: dict[str, list[float]] = {name: [] for name in names}
    for done in range(1, max_rounds + 1):
        for position in generator.permutation(len(names)):
            times[names[position]].append(timers[names[position]]())
        if done >= min_rounds and done % check_every == 0:
            ratios = [ratio(times[name], times[reference]) for name in names if name != reference]
            if all(value.width < interval for value in ratios):
                break
    return {name: np.array(values) for name, values in times.items()}


def ratio(times: list[float] | np.ndarray, reference: list[float] | np.ndarray) -> Ratio:
    """Return the ratio of a model to the reference, round by round, so that drift meets both alike."""
    return median_interval(np.asarray(times) / np.asarray(reference))
