"""Rank correlation and its bootstrap interval."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

MIN_PAIRS = 5  # a rank correlation of fewer says nothing
RESAMPLES = 10_000
LEVEL = 0.95
SEED = 1  # of the resampling: the interval is a function of the pairs alone


def kendall_tau(x: Sequence[float], y: Sequence[float], groups: Sequence[int] | None = None) -> float:
    """Return Kendall's tau-b (Kendall 1945) of ``x`` and ``y`` (pairs,); NaN if all of either are equal.

    With ``groups`` (pairs,) only pairs of one group are compared with each other.
    """
    return float(_taus(x, y, _one_group(x, groups), np.ones((1, len(x))))[0])


def tau_interval(
    x: Sequence[float], y: Sequence[float], groups: Sequence[int] | None = None
) -> tuple[float, float, int]:
    """Return the 95 % percentile bootstrap interval of tau-b, and how many resamples had no tau-b.

    Pairs are drawn with replacement within their group, ``RESAMPLES`` times (Efron and Tibshirani 1993,
    chapter 13). A resample in which all of x or all of y are equal has no tau-b and is left out; both ends
    are NaN if all are.
    """
    generator, groups = np.random.default_rng(SEED), _one_group(x, groups)
    drawn = np.zeros((RESAMPLES, len(x)), dtype=np.int64)
    for group in np.unique(groups):
        members = groups == group
        size = int(members.sum())
        drawn[:, members] = generator.multinomial(size, np.full(size, 1 / size), size=RESAMPLES)
    taus = _taus(x, y, groups, drawn)
    known = taus[~np.isnan(taus)]
    if not len(known):
        return math.nan, math.nan, RESAMPLES
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high), RESAMPLES - len(known)


def _one_group(x: Sequence[float], groups: Sequence[int] | None) -> np.ndarray:
    return np.zeros(len(x), dtype=np.int64) if groups is None else np.asarray(groups)


def _taus(x: Sequence[float], y: Sequence[float], groups: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Return tau-b (resamples,) where ``drawn`` (resamples, pairs) says how often a pair is in a resample.

    With w a row of ``drawn`` and S the signs of all differences it is w'(Sx * Sy)w / sqrt(w'|Sx|w w'|Sy|w).
    A pair drawn twice ties with itself in both, so that it adds nothing to any of the three; nor do pairs
    of different groups.
    """
    together = np.equal.outer(groups, groups)
    signs_x, signs_y = (
        together * np.sign(np.subtract.outer(values, values)) for values in map(np.asarray, (x, y))
    )
    agreement, untied_x, untied_y = (
        ((drawn @ matrix) * drawn).sum(axis=1)
        for matrix in (signs_x * signs_y, np.abs(signs_x), np.abs(signs_y))
    )
    untied = np.sqrt(untied_x * untied_y)
    return np.divide(agreement, untied, out=np.full(len(drawn), math.nan), where=untied > 0)
