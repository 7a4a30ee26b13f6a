"""The held-out set that judges: what is in it, what is never in training too, and what is told of it."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from glue_files import load_task, make, rows, write
from hypothesis import given, settings
from hypothesis import strategies as st

from kdnas.data.grouping import text_groups
from kdnas.data.heldout import hold_out
from kdnas.data.remarks import remarks
from kdnas.data.tasks import get_task

PAIRS = get_task({"name": "pairs", "text_columns": ["a", "b"], "labels": ["x", "y"], "metrics": ["accuracy"]})
SINGLES = get_task({"name": "singles", "text_columns": ["a"], "labels": ["x", "y"], "metrics": ["accuracy"]})
RNG = np.random.default_rng(0)


def frame(*columns, labels=None):
    """Rows of one or two columns of texts, with balanced labels in random order."""
    count = len(columns[0])
    labels = RNG.permutation(np.arange(count) % 2) if labels is None else labels
    texts = {name: list(map(str, column)) for name, column in zip("ab", columns, strict=False)}
    return pd.DataFrame(texts | {"label": labels, "idx": range(count)})


def pairs(part):
    return {frozenset(row) for row in part[["a", "b"]].itertuples(index=False, name=None)}


def texts(part):
    return set(part["a"]) | set(part["b"])


# Groups


def components(table, columns):
    """The plain way: two rows are in one group if a walk over common texts leads from one to the other."""
    sets = [set(row) for row in table[columns].itertuples(index=False, name=None)]
    groups, left = [], set(range(len(sets)))
    while left:
        group, waiting = set(), [min(left)]
        while waiting:
            row = waiting.pop()
            group.add(row)
            waiting += [other for other in left - group if sets[other] & sets[row]]
        groups.append(group)
        left -= group
    return [next(number for number, group in enumerate(groups) if row in group) for row in range(len(sets))]


SMALL = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=25)


@given(SMALL)
def test_rows_that_share_a_text_in_any_column_are_one_group(drawn):
    table = frame(*zip(*drawn, strict=True))
    assert text_groups(table, ["a", "b"], 25).tolist() == components(table, ["a", "b"])
    assert text_groups(table, ["a"], 25).tolist() == pd.factorize(table["a"])[0].tolist()


@given(SMALL, st.integers(0, 10))
def test_no_group_is_larger_than_allowed_but_for_copies(drawn, most):
    table = frame(*zip(*drawn, strict=True))
    groups = text_groups(table, ["a", "b"], most)
    keys = [frozenset(row) for row in drawn]
    for group, size in Counter(groups.tolist()).items():
        members = {key for key, number in zip(keys, groups.tolist(), strict=True) if number == group}
        assert size <= most or len(members) == 1
    assert len(set(zip(keys, groups.tolist(), strict=True))) == len(set(keys))


def test_it_is_the_texts_of_many_rows_that_do_not_tie():
    """Questions of two rows each, and one passage that half of the rows have."""
    table = frame(
        [row // 2 for row in range(40)], ["popular"] * 20 + [f"p {row // 2}" for row in range(20, 40)]
    )
    assert text_groups(table, ["a", "b"], 5).tolist() == [row // 2 for row in range(40)]
    # three rows are allowed: either the passage of three ties, or the questions of two
    table = frame([0, 0, 1, 1, 2, 2], ["a", "p", "b", "p", "c", "p"])
    assert text_groups(table, ["a", "b"], 3).tolist() == [0, 0, 1, 1, 2, 2]


# Slices


def test_a_category_beside_each_text_is_on_both_sides_and_told():
    """Four aspects of 150 reviews: whole aspects would be held out, and no model trained on them."""
    table = frame(
        RNG.choice(["food", "staff", "price", "place"], 600), [f"r {row // 2}" for row in range(600)]
    )
    train, heldout = hold_out(table, PAIRS, share=0.2, rows=None)
    assert len(heldout) == 120 and heldout["label"].value_counts().to_dict() == {0: 60, 1: 60}
    assert set(train["a"]) == set(heldout["a"])
    assert not pairs(train) & pairs(heldout)
    swapped = table.rename(columns={"a": "b", "b": "a"})
    pd.testing.assert_series_equal(hold_out(swapped, PAIRS, share=0.2, rows=None)[1]["idx"], heldout["idx"])
    meta = {
        "heldout_from": "train",
        "heldout_shared_rows": 120,
        "validation_from": "validation",
        "test": None,
    }
    *_, told = remarks(PAIRS, {"train": train, "heldout": heldout, "validation": rows_apart()}, meta)
    name, count = heldout["a"].value_counts().index[0], heldout["a"].value_counts().iloc[0]
    assert told.startswith(
        "120 of the 120 rows that measure candidates share a text with training rows of pairs, most often "
        f'"{name}" ({count} rows): '
    )


def rows_apart():
    return frame(["v1", "v2"], ["w1", "w2"], labels=[0, 1])


def test_swapped_copies_are_never_on_both_sides():
    first, second = [f"q {row}" for row in range(2000)], [f"r {row}" for row in range(2000)]
    table = frame(first + second[:500], second + first[:500])
    train, heldout = hold_out(table, PAIRS, share=0.2, rows=None)
    assert not texts(train) & texts(heldout)
    assert len(heldout) == 500 and heldout["label"].value_counts().to_dict() == {0: 250, 1: 250}


def test_a_popular_passage_is_the_one_text_on_both_sides():
    queries = [f"q {row // 2}" for row in range(600)]
    passages = ["popular" if row < 200 else f"p {row // 4}" for row in range(600)]
    train, heldout = hold_out(frame(queries, passages), PAIRS, share=0.2, rows=None)
    assert texts(train) & texts(heldout) == {"popular"}
    assert abs(len(heldout) - 120) <= 2


def test_copies_of_a_single_text_stay_together():
    train, heldout = hold_out(frame([row % 250 for row in range(600)]), SINGLES, share=0.2, rows=None)
    assert not set(train["a"]) & set(heldout["a"])
    assert abs(len(heldout) - 120) <= 2


@pytest.mark.parametrize(("count", "distinct"), [(20_000, 20), (2_000, 10)])
def test_few_first_texts_are_categories(count, distinct):
    table = frame(RNG.integers(distinct, size=count), range(10**6, 10**6 + count))
    train, heldout = hold_out(table, PAIRS, share=0.2, rows=None)
    assert len(heldout) == count // 5
    assert len(set(train["a"])) == len(set(heldout["a"])) == distinct


@settings(max_examples=60, deadline=None)
@given(
    st.integers(60, 300),
    st.integers(2, 200),
    st.integers(2, 200),
    st.sampled_from([0.1, 0.2, 0.5]),
    st.integers(0, 99),
)
def test_a_slice_of_any_pairs_has_its_rows_its_strata_and_none_of_the_training_pairs(
    count, firsts, seconds, share, seed
):
    rng = np.random.default_rng(seed)
    drawn = rng.integers(firsts, size=count), rng.integers(seconds, size=count)
    copies = rng.integers(count, size=count // 4)  # some rows again, swapped
    table = frame(
        [*drawn[0], *drawn[1][copies]],
        [*drawn[1], *drawn[0][copies]],
        labels=rng.integers(2, size=count + count // 4),
    )
    largest = max(Counter(frozenset(row) for row in zip(table["a"], table["b"], strict=True)).values())
    if largest > 8:
        return  # copies of one pair that are a large share of the held-out set
    train, heldout = hold_out(table, PAIRS, share=share, rows=None)
    assert sorted([*train["idx"], *heldout["idx"]]) == list(range(len(table)))
    assert not pairs(train) & pairs(heldout)
    wanted = round(share * len(table))
    most = max(largest, 5, wanted // 10)
    assert abs(len(heldout) - wanted) <= most
    expected = np.bincount(table["label"]) * share
    assert (abs(np.bincount(heldout["label"], minlength=2) - expected) <= most + 1).all()


def test_mnlis_premises_stay_together_in_small_slices_too():
    table = pd.DataFrame(
        [(f"p {row // 3}", f"h {row}", row % 3, row) for row in range(60)],
        columns=["premise", "hypothesis", "label", "idx"],
    )
    train, heldout = hold_out(table, get_task("mnli"), share=0.2, rows=None)
    assert len(heldout) == 12 and not set(train["premise"]) & set(heldout["premise"])


@pytest.mark.parametrize("start", range(0, 60, 10))
def test_a_rare_class_tied_to_other_rows_is_on_both_sides(start):
    """Its two rows are in groups of three: once the other class is full there is no room for one."""
    firsts, labels = [f"s {row}" for row in range(100)], [0] * 100
    firsts[start : start + 6], labels[start : start + 6] = ["g", "g", "g", "h", "h", "h"], [1, 0, 0] * 2
    train, heldout = hold_out(frame(firsts, range(100, 200), labels=labels), PAIRS, share=0.2, rows=None)
    assert [part["label"].tolist().count(1) for part in (train, heldout)] == [1, 1]
    assert abs(len(heldout) - 20) <= 3


# What is told


def loaded(folder, train, validation, own=None):
    data = make(folder, "rte", train=train, validation=validation)
    if own is not None:
        write(folder / "rte", "rte", own, "heldout", "parquet")
    frames, meta = load_task("rte", data, 0.3)
    return remarks(get_task("rte"), frames, meta), meta


def test_nothing_is_told_of_rows_that_are_apart(tmp_path):
    told, meta = loaded(tmp_path, rows("rte", "train", 30), rows("rte", "validation", 20))
    assert told == [] and meta["heldout_shared_rows"] == 0


@pytest.mark.parametrize("order", [1, -1])
def test_validation_rows_that_are_training_rows_are_counted(tmp_path, order):
    train, validation = rows("rte", "train", 30), rows("rte", "validation", 20)
    columns = ["sentence1", "sentence2"]
    validation.loc[:1, columns] = train.loc[4:5, columns[::order]].to_numpy()
    assert loaded(tmp_path, train, validation)[0] == [
        "2 of the 20 rows of validation of rte are training rows too: scores on them show what a model has "
        "memorised"
    ]


def test_the_own_slice_may_lack_a_class_and_share_single_texts(tmp_path):
    tickets = {"name": "t", "text_columns": ["a", "b"], "labels": ["x", "y", "z"], "metrics": ["accuracy"]}
    parts = {"train": 9, "validation": 6, "heldout": 4}
    for split, count in parts.items():
        table = frame(["topic"] * count, [f"{split} {row}" for row in range(count)], labels=0)
        table["label"] = [row % (2 if split == "heldout" else 3) for row in range(count)]
        write(tmp_path / "t", "t", table, split, "parquet")
    frames, meta = load_task(tickets, {"source": "local", "path": str(tmp_path), "max_train_rows": None}, 0.2)
    assert meta["heldout_shared_rows"] == 4
    assert remarks(get_task(tickets), frames, meta) == [
        '4 of the 4 rows that measure candidates share a text with training rows of t, most often "topic" '
        "(4 rows): no row shares all its texts with a training row",
        "the split heldout of t has no row of 1 of its 3 classes, so its scores say nothing about them: z",
    ]
