"""Regret, hypervolume and the interval of a median, against values worked out by hand and by brute force."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdnas.analysis.anytime import (
    Reference,
    best_within,
    first_at_most,
    hypervolume,
    hypervolumes,
    median_interval,
    simple_regret,
)


def history(*rows):
    return pd.DataFrame(rows, columns=["status", "reward", "quality", "latency_ratio"])


ROWS = history(
    ("failed", 0.0, None, 0.1),
    ("ok", 0.5, 0.5, 0.4),
    ("ok", 0.4, 0.8, 0.7),
    ("failed", 0.9, None, 0.1),
    ("ok", 0.7, 0.6, 0.2),
    ("ok", 0.6, 0.9, 1.2),
)


def test_regret_is_what_the_best_that_worked_lacks():
    assert simple_regret(ROWS, 0.8) == pytest.approx([math.nan, 0.3, 0.3, 0.3, 0.1, 0.1], nan_ok=True)


def test_hypervolume_by_hand():
    """At last as high as 0.6 from 0.2 to 0.7, and as 0.8 from there to 1; the rest adds nothing."""
    found = hypervolumes(ROWS, Reference())
    assert found[0] == 0
    assert found[1] == pytest.approx(0.6 * 0.5)
    assert found[2] == found[3] == pytest.approx(0.3 * 0.5 + 0.3 * 0.8)
    assert found[4] == found[5] == pytest.approx(0.5 * 0.6 + 0.3 * 0.8)
    higher = Reference(quality=0.55, latency_ratio=0.5)
    assert hypervolumes(ROWS, higher)[-1] == pytest.approx(0.3 * 0.05)


def test_best_within_a_budget_by_hand():
    """The failed ones do not count, and 0.9 is outside both."""
    found = best_within(ROWS, [0.5, 1.0])
    assert found[0] == pytest.approx([math.nan, 0.5, 0.5, 0.5, 0.6, 0.6], nan_ok=True)
    assert found[1] == pytest.approx([math.nan, 0.5, 0.8, 0.8, 0.8, 0.8], nan_ok=True)


point = st.tuples(st.integers(-2, 12), st.integers(0, 12))


@given(st.lists(st.tuples(st.integers(-2, 10), st.integers(0, 12)), max_size=12))
def test_hypervolume_is_the_number_of_cells_that_a_point_dominates(points):
    quality, ratio = np.array(points, dtype=float).reshape(-1, 2).T
    cells = sum(any(x <= left and y > low for y, x in points) for left in range(10) for low in range(10))
    assert hypervolume(quality, ratio, Reference(0.0, 10.0)) == pytest.approx(cells)


def test_interval_of_a_median_goes_between_order_statistics():
    values = np.random.default_rng(1).permutation(np.arange(200.0))[:, None]
    median, low, high = median_interval(values)
    # the 86th from either end: 200 tosses of a coin have 86 to 114 heads with 96 %, 87 to 113 with 94 %
    assert (median[0], low[0], high[0]) == (99.5, 85, 114)
    few = np.array([[3.0], [1.0], [2.0]])
    assert [float(part[0]) for part in median_interval(few)] == [2, 1, 3]


def test_interval_of_a_median_holds_it_as_often_as_it_says():
    generator = np.random.default_rng(2)
    samples = generator.exponential(size=(25, 4000))
    _, low, high = median_interval(samples)
    held = ((low <= math.log(2)) & (math.log(2) <= high)).mean()
    assert 0.95 <= held <= 0.98


def test_when_a_bound_is_reached_first():
    assert first_at_most(np.array([math.nan, 0.3, 0.1, 0.1]), 0.1) == 3
    assert first_at_most(np.array([0.3, 0.2]), 0.1) == math.inf
