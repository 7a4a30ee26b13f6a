from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdnas.data.heldout import hold_out
from kdnas.data.kinds import BINS, Classes, Numbers
from kdnas.data.proxy import build_proxy
from kdnas.data.rows import divide_rows
from kdnas.data.stratify import allocate, draw
from kdnas.data.tasks import get_task
from kdnas.errors import UserError


def triples(premises: int) -> pd.DataFrame:
    """MNLI's shape: every premise with one hypothesis of each class."""
    rows = [
        (f"premise {p}", f"hypothesis {p} {label}", label) for p in range(premises) for label in (0, 1, 2)
    ]
    frame = pd.DataFrame(rows, columns=["premise", "hypothesis", "label"])
    return frame.assign(idx=range(1000, 1000 + len(frame)))


def scores(rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sentence1": [f"a {row}" for row in range(rows)],
            "sentence2": [f"b {row}" for row in range(rows)],
            "label": np.linspace(0, 5, rows, dtype=np.float32),
            "idx": range(rows),
        }
    )


def sst2(labels: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {"sentence": [f"s {row}" for row in range(len(labels))], "label": labels, "idx": range(len(labels))}
    )


def test_rows_are_rounded():
    assert len(build_proxy(triples(320), "mnli", share=0.301, seed=1)) == 289  # 288.96 of 960


def test_shares_and_classes():
    train, heldout = hold_out(triples(100), get_task("mnli"), share=0.2, rows=None)
    assert train["label"].value_counts().to_dict() == {0: 80, 1: 80, 2: 80}
    assert heldout["label"].value_counts().to_dict() == {0: 20, 1: 20, 2: 20}
    proxy = build_proxy(train, "mnli", share=0.3, seed=1)
    assert proxy["label"].value_counts().to_dict() == {0: 24, 1: 24, 2: 24}
    whole = build_proxy(train, "mnli", share=1.0, seed=1)
    assert whole.drop(columns="train_row").equals(train)
    assert whole["train_row"].tolist() == list(range(240))


def test_rows_keep_their_content_and_order():
    frame = triples(100)
    proxy = build_proxy(frame, "mnli", share=0.3, seed=1)
    pd.testing.assert_series_equal(frame["idx"][proxy.pop("train_row")].reset_index(drop=True), proxy["idx"])
    for part in (*hold_out(frame, get_task("mnli"), share=0.2, rows=None), proxy):
        assert part["idx"].is_monotonic_increasing
        original = frame[frame["idx"].isin(part["idx"])].reset_index(drop=True)
        pd.testing.assert_frame_equal(part, original)


def test_a_heldout_premise_is_never_trained_on():
    train, heldout = hold_out(triples(100), get_task("mnli"), share=0.5, rows=None)
    assert not set(train["premise"]) & set(heldout["premise"])
    assert heldout["premise"].value_counts().unique().tolist() == [3]
    assert len(train) + len(heldout) == 300


def test_a_slice_is_a_share_of_the_rows_that_training_will_have():
    train, heldout = hold_out(triples(100), get_task("mnli"), share=0.2, rows=150)
    assert (len(train), len(heldout)) == (270, 30)
    assert len(hold_out(triples(100), get_task("mnli"), share=0.2, rows=1000)[1]) == 60


def test_unbalanced_classes_keep_their_shares():
    frame = sst2([0] * 900 + [1] * 100)
    assert build_proxy(frame, "sst2", share=0.3, seed=5)["label"].value_counts().to_dict() == {0: 270, 1: 30}
    heldout = hold_out(frame, get_task("sst2"), share=0.2, rows=None)[1]
    assert heldout["label"].value_counts().to_dict() == {0: 180, 1: 20}


def test_scores_are_stratified_by_quantile():
    frame = scores(500)
    parts = (
        build_proxy(frame, "stsb", share=0.3, seed=1),
        hold_out(frame, get_task("stsb"), share=0.2, rows=None)[1],
    )
    for part, rows in zip(parts, (150, 100), strict=True):
        assert len(part) == rows
        quintiles = np.histogram(part["label"], bins=np.linspace(0, 5, BINS + 1))[0]
        assert abs(quintiles - rows / BINS).max() <= 1


def test_the_seed_alone_decides():
    first, again, other = (build_proxy(triples(100), "mnli", share=0.3, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)
    slices = [hold_out(triples(100), get_task("mnli"), share=0.2, rows=None)[1] for _ in range(2)]
    pd.testing.assert_frame_equal(*slices)


@pytest.mark.parametrize(
    ("share", "message"),
    [
        (0.0, "search.proxy.share is 0.0; allowed"),
        (1.1, "search.proxy.share is 1.1; allowed"),
        (
            0.001,
            'search.proxy.share is 0.001, which leaves the proxy set no row of class "entailment" of mnli '
            r"\(nor of 2 more\); it has 100 of the 300 training rows; allowed: a larger share",
        ),
    ],
)
def test_shares_that_do_not_fit(share, message):
    with pytest.raises(UserError, match=message):
        build_proxy(triples(100), "mnli", share=share, seed=1)


@pytest.mark.parametrize(
    ("share", "message"),
    [
        (0.001, "which is 0 rows for the 3 classes of mnli; allowed: a row for each class, as from 0.01 on"),
        (0.999, "which leaves training no row of clas"),
    ],
)
def test_a_slice_leaves_every_class_on_both_sides(share, message):
    with pytest.raises(UserError, match=f"search.proxy.heldout is {share}, {message}"):
        hold_out(triples(100), get_task("mnli"), share=share, rows=None)


def test_a_rare_class_has_a_row_in_the_proxy_set_and_one_on_both_sides_of_the_slice():
    frame = sst2([0] * 200 + [1] * 2)  # 0.2 of 2 rows rounds to none
    parts = (
        *hold_out(frame, get_task("sst2"), share=0.2, rows=None),
        build_proxy(frame, "sst2", share=0.2, seed=1),
    )
    assert [part["label"].tolist().count(1) for part in parts] == [1, 1, 1]
    assert [len(part) for part in parts] == [162, 40, 40]


def test_a_class_with_too_few_rows_is_named():
    frame = sst2([0] * 200 + [1])
    message = (
        'leaves the held-out set no row of class "positive" of sst2; it has 1 of the 201 training rows; '
        "allowed: at least two rows of each class, another share, or with data.source local a file heldout"
    )
    with pytest.raises(UserError, match=message.replace("the held-out set", "(the held-out set|training)")):
        hold_out(frame, get_task("sst2"), share=0.2, rows=None)
    assert build_proxy(frame, "sst2", share=0.2, seed=1)["label"].tolist().count(1) == 1


@given(st.integers(1, 10**6), st.none() | st.integers(1, 10**6), st.floats(0, 1))
def test_rows_are_divided_without_a_remainder_lost_or_used_twice(rows, most, share):
    train, held_out = divide_rows(rows, most, share)
    wanted = min(rows, rows if most is None else most)
    assert train + held_out <= rows
    assert abs(held_out - share * wanted) <= 0.5
    assert train == wanted or train + held_out == rows


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=6), st.fractions(0, 1))
def test_allocation_is_proportional_to_within_a_row_and_gives_each_stratum_one(sizes, share):
    total = sum(sizes)
    rows = int(share * total)
    if not total:
        return
    quotas = allocate(np.array(sizes), rows)
    assert quotas.sum() == rows
    assert all(quota <= size for size, quota in zip(sizes, quotas.tolist(), strict=True))
    exact = [Fraction(rows * size, total) for size in sizes]
    if rows >= sum(size > 0 for size in sizes):
        assert all(quota >= 1 for size, quota in zip(sizes, quotas.tolist(), strict=True) if size)
    if all(part >= 1 for part in exact):
        assert all(abs(quota - part) < 1 for quota, part in zip(quotas.tolist(), exact, strict=True))


@settings(max_examples=30)
@given(st.lists(st.integers(0, 2), min_size=3, max_size=40), st.integers(0, 5))
def test_a_draw_takes_each_quota_once(labels, seed):
    stratum = Classes(("a", "b", "c")).strata(np.array(labels))
    quotas = np.bincount(stratum) // 2
    rows = draw(stratum, quotas, np.random.default_rng(seed))
    assert len(set(rows.tolist())) == len(rows)
    assert np.bincount(stratum[rows], minlength=len(quotas)).tolist() == quotas.tolist()


def test_equal_scores_share_a_stratum():
    stratum = Numbers().strata(np.array([3.0] * 8 + [1.0, 2.0]))
    assert len(set(stratum[:8].tolist())) == 1
    assert sorted(set(stratum.tolist())) == list(range(stratum.max() + 1))
