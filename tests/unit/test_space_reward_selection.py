"""The space, the reward, the history and the selection, against values worked out by hand."""

import itertools
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdnas.errors import UserError
from kdnas.plan import searched_students
from kdnas.search.baselines import Baseline, check_evaluations, measured_baselines
from kdnas.search.history import COLUMNS, empty_history, read_history, write_history
from kdnas.search.reward import Reward, failed_reward
from kdnas.search.selection import (
    hand_crafted_student,
    pareto_front,
    select_no_worse,
    select_student,
    select_within_budget,
)
from kdnas.search.selection_rules import SelectionRule, budget_rule
from kdnas.search.space import Architecture, SearchSpace

REWARD = Reward("accuracy", alpha=-0.06, beta=0.6, device="cpu")
CHOICES = {
    "layers": [3, 6],
    "hidden_size": [12, 24],
    "attention_heads": [2, 3],
    "ffn_size": [48],
    "activation": ["gelu", "relu"],
}


def row(**values):
    base = dict.fromkeys(COLUMNS)
    base |= {"episode": 1, "candidate": 1, "layers": 3, "hidden_size": 12, "attention_heads": 2}
    base |= {"ffn_size": 48, "activation": "gelu", "status": "ok", "origin": "random"}
    return base | values


def history(*rows):
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_space_enumerates_the_product_and_encodes_positions():
    space = SearchSpace(CHOICES)
    everything = space.enumerate()
    assert len(space) == len(everything) == len(set(everything)) == 16
    assert everything[0] == Architecture(3, 12, 2, 48, "gelu")
    assert everything[1] == Architecture(3, 12, 2, 48, "relu")
    assert space.encode(Architecture(6, 12, 3, 48, "relu")) == (1, 0, 1, 0, 1)
    with pytest.raises(UserError, match="4L-12H-2A-48F-gelu"):
        space.encode(Architecture(4, 12, 2, 48, "gelu"))


def test_a_head_size_leaves_the_widths_and_heads_that_give_it():
    space = SearchSpace(CHOICES | {"hidden_size": [12, 16, 24], "head_size": 8, "embedding_size": [16, 99]})
    everything = space.enumerate()
    sizes = [(shape.hidden_size, shape.attention_heads, shape.embedding_size) for shape in everything]
    # of three and six layers the same; a pair's activations, and within them its embedding sizes
    assert sizes == 2 * [(16, 2, 16), (16, 2, 16), *2 * [(24, 3, 16), (24, 3, 24)]]
    assert len(space) == len(everything) == 12
    assert all(shape in space for shape in everything)
    assert Architecture(3, 24, 2, 48, "gelu") not in space
    assert space.encode(Architecture(3, 24, 3, 48, "gelu")) == (0, 2, 1, 0, 0, 1)
    with pytest.raises(UserError, match="3L-12H-3A-48F-gelu"):
        space.encode(Architecture(3, 12, 3, 48, "gelu"))


SPACES = (
    CHOICES,
    CHOICES | {"embedding_size": [24, 6, 12]},
    # one width fits no number of heads, one number of heads no width
    CHOICES | {"hidden_size": [24, 8, 12, 16], "attention_heads": [2, 3, 9], "head_size": 8},
    CHOICES | {"hidden_size": [16, 24], "head_size": 8, "embedding_size": [99, 16, 4]},
)


@pytest.mark.parametrize("choices", SPACES)
def test_one_choice_an_axis_is_an_architecture_and_back(choices):
    space = SearchSpace(choices)
    every = [space.at(dict(zip(space.axes, values, strict=True))) for values in product_of(space)]
    assert set(every) - {None} == set(space.enumerate())
    assert all(space.at(space.values_of(shape)) == shape for shape in space.enumerate())


@pytest.mark.parametrize("choices", SPACES)
def test_neighbours_differ_in_one_choice(choices):
    """By brute force: of all architectures, those that some other choice on a single axis gives."""
    space = SearchSpace(choices)
    for shape in space.enumerate():
        own = space.values_of(shape)
        expected = {
            space.at(values)
            for values in (dict(zip(space.axes, item, strict=True)) for item in product_of(space))
            if sum(values[name] != own[name] for name in space.axes) == 1
        }
        found = space.neighbours(shape)
        assert set(found) == expected - {None, shape} and len(found) == len(set(found))


def product_of(space):
    return itertools.product(*space.axes.values())


def test_architecture_refuses_heads_that_do_not_divide():
    with pytest.raises(UserError, match="hidden_size 10 is not divisible by attention_heads 3"):
        Architecture(1, 10, 3, 8, "gelu")


def test_reward_by_hand():
    # at the target share latency does not count; half of it is rewarded by 2 ** 0.06
    assert REWARD.of(0.8, 0.6) == pytest.approx(0.8)
    assert REWARD.of(0.8, 0.3) == pytest.approx(0.8 * 1.0424657608)
    assert REWARD.of(0.8, 1.2) < 0.8


@pytest.mark.parametrize("quality", [0.5, 0.01, 0.0, -0.01, -0.5])
def test_faster_is_never_worse(quality):
    rewards = [REWARD.of(quality, ratio) for ratio in (0.2, 0.6, 0.9)]
    assert rewards == sorted(rewards, reverse=True)
    assert replace(REWARD, alpha=-1.0).of(-0.5, 0.9) == pytest.approx(-0.75)  # 1.5 times as slow as neutral


def test_failed_candidate_gets_the_lowest_reward():
    assert failed_reward([0.4, 0.6]) == 0.0
    assert failed_reward([-0.2, 0.6]) == -0.2
    assert failed_reward([]) == 0.0


def test_history_survives_the_disk_to_the_last_bit(tmp_path):
    written = history(row(reward=0.1 + 0.2, quality=1 / 3, predicted_reward=-1e-17))
    write_history(tmp_path / "history.csv", written)
    read = read_history(tmp_path / "history.csv")
    assert read.loc[0, "reward"] == 0.1 + 0.2
    assert read.loc[0, "quality"] == 1 / 3
    (tmp_path / "history.csv").write_text("episode,candidate\n1,1\n")
    with pytest.raises(UserError, match="damaged"):
        read_history(tmp_path / "history.csv")
    assert empty_history().empty


def test_budget_prefers_quality_then_speed_and_says_when_nothing_fits():
    rows = history(
        row(candidate=1, quality=0.9, latency_ratio=0.8, reward=0.9),
        row(candidate=2, quality=0.7, latency_ratio=0.5, reward=0.8),
        row(candidate=3, quality=0.7, latency_ratio=0.3, reward=0.7),
        row(candidate=4, status="failed", quality=None, latency_ratio=0.1, reward=0.0),
    )
    chosen, inside = select_within_budget(rows, {"latency_ratio": 0.5})
    assert (chosen["candidate"], inside) == (3, True)
    chosen, inside = select_within_budget(rows, {"latency_ratio": 0.2})
    assert (chosen["candidate"], inside) == (3, False)


BUDGET_NAMES = {
    "budget_0.5": {"latency_ratio": 0.5},
    "budget_8_million": {"parameters": 8_000_000},
    "budget_30_mb": {"size_mb": 30.0},
    "budget_0.5_8.5_million_30_mb": {"size_mb": 30.0, "parameters": 8_500_000, "latency_ratio": 0.5},
}


@pytest.mark.parametrize("name", BUDGET_NAMES)
def test_a_budget_names_its_bounds(name):
    budget = {"latency_ratio": None, "parameters": None, "size_mb": None} | BUDGET_NAMES[name]
    rule = budget_rule(budget)
    assert (rule.name, rule.bound) == (name, BUDGET_NAMES[name])
    assert rule.student("tpe") == f"tpe_{name}"


shares = st.integers(1, 6).map(lambda number: number / 4)  # some equal, some exactly at a bound


@given(
    st.lists(st.tuples(shares, shares, shares), min_size=1, max_size=8),
    st.fixed_dictionaries(
        {}, optional={"latency_ratio": shares, "parameters": shares, "size_mb": shares}
    ).filter(bool),
)
def test_a_budget_by_brute_force(points, bounds):
    """Qualities, latency ratios and megabytes: the best that keeps every bound, or the nearest."""
    units = {"latency_ratio": 1, "parameters": 1e6 / 4, "size_mb": 1}
    budget = {name: bound * units[name] for name, bound in bounds.items()}
    rows = history(
        *(
            row(candidate=number, quality=quality, latency_ratio=ratio, parameters=mb * 1e6 / 4, reward=0.0)
            for number, (quality, ratio, mb) in enumerate(points)
        )
    )
    chosen, inside = select_within_budget(rows, budget)
    costs = [{"latency_ratio": ratio, "parameters": mb, "size_mb": mb} for _, ratio, mb in points]
    used = [max(own[name] / bound for name, bound in bounds.items()) for own in costs]
    fitting = [number for number, share in enumerate(used) if share <= 1]
    assert inside == bool(fitting)
    if fitting:
        assert chosen["candidate"] == min(fitting, key=lambda number: (-points[number][0], points[number][1]))
    else:
        assert chosen["candidate"] == used.index(min(used))


def test_a_failed_candidate_is_within_no_budget():
    rows = history(
        row(candidate=1, status="failed", latency_ratio=0.1, quality=None, parameters=None, reward=0.0),
        row(candidate=2, latency_ratio=0.9, quality=0.5, parameters=4_000_000, reward=0.5),
    )
    assert select_within_budget(rows, {"size_mb": 16.0})[0]["candidate"] == 2
    chosen, inside = select_within_budget(rows, {"size_mb": 15.9})
    assert (chosen["candidate"], inside) == (2, False)


def test_pareto_front_by_hand():
    points = [(0.2, 0.5), (0.3, 0.5), (0.4, 0.7), (0.5, 0.6), (0.6, 0.9)]
    rows = history(
        *(row(candidate=i, latency_ratio=x, quality=y, reward=y) for i, (x, y) in enumerate(points))
    )
    assert pareto_front(rows)["candidate"].tolist() == [0, 2, 4]


def test_students_by_name():
    rows = history(
        row(candidate=1, quality=0.9, latency_ratio=0.8, reward=0.9, layers=6),
        row(candidate=2, quality=0.7, latency_ratio=0.5, reward=0.8),
    )
    selected = select_all(rows, "lstm", {"budgets": [{"latency_ratio": 0.5}], "matched": []}, {})
    assert list(selected) == ["lstm_best", "lstm_budget_0.5"]
    assert selected["lstm_best"]["architecture"]["layers"] == 6
    assert selected["lstm_budget_0.5"]["candidate"] == 2
    aiming = select_all(rows, "constrained", {"budgets": [{"latency_ratio": 0.5}], "matched": []}, {})
    assert list(aiming) == ["constrained_budget_0.5"]  # it did not look for the highest reward


def select_all(rows, strategy, students, baselines):
    """Return what is selected for each name that the config gives the strategy."""
    named = searched_students({"students": students, "search": {"strategies": [strategy]}})
    selected = {
        name: select_student(rows, strategy=by, rule=rule, baselines=baselines)
        for name, (by, rule) in named.items()
    }
    assert [(name, strategy) for name in named] == [(x["student"], x["origin"]) for x in selected.values()]
    return selected


def test_hand_crafted_student_has_no_place_in_a_search():
    shape = Architecture(2, 8, 2, 16, "relu").to_dict()
    student = hand_crafted_student({"name": "mine", **shape})
    assert (student["student"], student["origin"], student["architecture"]) == ("mine", "hand_crafted", shape)
    assert student["reward"] is None and student["quality"] is None


def test_search_in_which_everything_failed_is_an_error_with_the_reason():
    rows = history(row(status="failed", reason="out of memory at step 1", reward=0.0))
    with pytest.raises(UserError, match="out of memory at step 1"):
        select_student(rows, strategy="lstm", rule=SelectionRule("best"), baselines={})


FOUND = (  # quality and latency ratio of candidates 1 to 5
    (0.9, 0.8),
    (0.7, 0.5),
    (0.7, 0.3),
    (0.8, 0.5),
    (0.6, 0.3),
)


def found():
    rows = [
        row(candidate=number, quality=quality, latency_ratio=ratio, reward=quality)
        for number, (quality, ratio) in enumerate(FOUND, start=1)
    ]
    return history(*rows, row(candidate=6, status="failed", latency_ratio=0.1, reward=0.0))


@pytest.mark.parametrize(
    ("quality", "candidate", "good"),
    [
        (0.75, 4, True),
        (0.7, 3, True),  # as good is good enough; of 2 and 3 the faster
        (0.6, 3, True),  # as fast as 5 and better
        (0.9, 1, True),
        (0.95, 1, False),  # none as good: the best
    ],
)
def test_no_worse_is_the_fastest_that_is_good_enough(quality, candidate, good):
    chosen, is_good = select_no_worse(found(), quality)
    assert (chosen["candidate"], is_good) == (candidate, good)


def test_no_worse_falls_back_to_the_faster_of_the_best():
    rows = history(
        row(candidate=1, quality=0.8, latency_ratio=0.5, reward=1.0),
        row(candidate=2, quality=0.8, latency_ratio=0.4, reward=1.0),
    )
    assert select_no_worse(rows, 0.9)[0]["candidate"] == 2


@pytest.mark.parametrize(
    ("baseline", "no_slower", "no_worse"),
    [
        (Baseline(0.75, 0.5), (4, "no_slower_than_mine"), (4, "no_worse_than_mine")),
        (Baseline(0.65, 0.4), (3, "no_slower_than_mine"), (3, "no_worse_than_mine")),
        (
            Baseline(0.99, 0.2),
            (3, "no_slower_than_mine (none as fast: fastest)"),
            (1, "no_worse_than_mine (none as good: best)"),
        ),
    ],
)
def test_students_matched_with_a_hand_crafted_one(baseline, no_slower, no_worse):
    students = {"budgets": [], "matched": ["mine"]}
    selected = select_all(found(), "random", students, {"mine": baseline})
    assert list(selected)[1:] == ["random_no_slower_than_mine", "random_no_worse_than_mine"]
    for name, expected in (("no_slower", no_slower), ("no_worse", no_worse)):
        chosen = selected[f"random_{name}_than_mine"]
        assert (chosen["candidate"], chosen["rule"]) == expected


SHAPE = {"layers": 3, "hidden_size": 4, "attention_heads": 2, "ffn_size": 8, "activation": "gelu"}
EVALUATED = {
    "candidate": "mine",
    "architecture": SHAPE,
    "status": "ok",
    "reason": None,
    "quality_accuracy": 0.7,
    "quality_loss": 0.2,
}
TIMED = {
    "reason": None,
    "models": [
        {"model": "another", "architecture": SHAPE | {"layers": 9}, "ratio": 0.5},
        {"model": "mine", "architecture": SHAPE, "ratio": 0.4},
    ],
}


@pytest.mark.parametrize(("quality", "value"), [("accuracy", 0.7), ("loss", 0.2)])
def test_baseline_has_the_quality_that_the_reward_uses(quality, value):
    found = measured_baselines([EVALUATED], TIMED, quality=quality, device="cpu")
    assert found == {"mine": Baseline(value, 0.4)}


def test_baseline_that_failed_or_was_not_timed_is_one_sentence():
    failed = EVALUATED | {"status": "failed", "reason": "out of memory at step 3"}
    with pytest.raises(UserError, match=r"students.matched has mine.*out of memory at step 3"):
        check_evaluations([failed])
    nothing = {"reason": "not measured: this machine has no GPU", "models": []}
    with pytest.raises(UserError, match='reward.device is "gpu".*no GPU'):
        measured_baselines([EVALUATED], nothing, quality="loss", device="gpu")
