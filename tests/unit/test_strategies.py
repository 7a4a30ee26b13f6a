"""Every registered strategy: budget, no repeats, determinism, state on disk; the controller's learning."""

from dataclasses import replace
from pkgutil import resolve_name
from statistics import fmean

import pandas as pd
import pytest
import torch

from kdnas.errors import UserError
from kdnas.search.history import COLUMNS, architectures, empty_history
from kdnas.search.space import Architecture, SearchSpace
from kdnas.search.strategies import STRATEGIES, Proposal, SearchSettings, make_strategy
from kdnas.search.strategies.greedy import RewardScale
from kdnas.search.strategies.protocol import Exploration

CHOICES = {
    "layers": [1, 2, 3],
    "hidden_size": [12, 24],
    "attention_heads": [2, 3],
    "ffn_size": [24, 48],
    "activation": ["gelu", "relu"],
}
SEARCH = SearchSettings.from_config(
    {
        "seed": 5,
        "candidates": 6,
        "exploration": {"start": 1.0, "end": 0.05, "step": 0.3},
        "controller": {"embedding_size": 8, "hidden_size": 32, "learning_rate": 1e-3, "updates": 50},
    }
)


def evaluate(proposals, episode):
    """Reward layers: a pretend evaluation whose best architectures are known."""
    rows = []
    for number, proposal in enumerate(proposals, start=1):
        values = dict.fromkeys(COLUMNS) | proposal.architecture.to_dict()
        values |= {"episode": episode, "candidate": number, "status": "ok"}
        rows.append(values | {"reward": 0.2 * proposal.architecture.layers, "origin": proposal.origin})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def run(name, folder, episodes=4, search=SEARCH):
    """Run a search through files, with a fresh strategy for every step, as the workflow does."""
    space, history = SearchSpace(CHOICES), empty_history()
    for episode in range(1, episodes + 1):
        strategy = make_strategy(name, space, search)
        if episode > 1:
            strategy.load(folder / f"{episode - 1}")
        new = evaluate(strategy.propose(history, episode), episode)
        history = new if history.empty else pd.concat([history, new], ignore_index=True)
        strategy = make_strategy(name, space, search)
        if episode > 1:
            strategy.load(folder / f"{episode - 1}")
        strategy.learn(history, episode)
        strategy.save(folder / f"{episode}")
    return history


@pytest.mark.parametrize("name", STRATEGIES)
def test_budget_is_kept_and_nothing_is_proposed_twice(name, tmp_path):
    history = run(name, tmp_path)
    assert len(history) == 24
    assert not history.duplicated(subset=list(CHOICES)).any()


@pytest.mark.parametrize("name", STRATEGIES)
def test_same_seed_gives_the_same_search_and_another_seed_another(name, tmp_path):
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir(), (tmp_path / "c").mkdir()
    first, second = run(name, tmp_path / "a"), run(name, tmp_path / "b")
    pd.testing.assert_frame_equal(first, second)
    for episode in range(1, 5):
        assert (tmp_path / "a" / f"{episode}").read_bytes() == (tmp_path / "b" / f"{episode}").read_bytes()
    other = run(name, tmp_path / "c", search=replace(SEARCH, seed=6))
    assert not first[list(CHOICES)].equals(other[list(CHOICES)])


def test_strategies_of_one_seed_do_not_draw_the_same_first_episode(tmp_path):
    space = SearchSpace(CHOICES)
    first = {name: make_strategy(name, space, SEARCH).propose(empty_history(), 1) for name in STRATEGIES}
    drawn = [tuple(proposal.architecture for proposal in proposals) for proposals in first.values()]
    assert len(set(drawn)) == len(STRATEGIES)


def test_whole_space_can_be_searched(tmp_path):
    history = run("lstm", tmp_path, episodes=8)
    assert len(history) == 48 == len(SearchSpace(CHOICES))


def test_epsilon_falls_from_start_to_end():
    strategy = make_strategy("lstm", SearchSpace(CHOICES), SEARCH)
    assert [round(strategy.epsilon(e), 6) for e in range(1, 6)] == [1.0, 0.7, 0.4, 0.1, 0.05]


def test_random_slots_are_their_share_rounded_either_way():
    space = SearchSpace(CHOICES)
    counts = []
    for seed in range(200):
        strategy = make_strategy("linear", space, replace(SEARCH, seed=seed))
        origins = [proposal.origin for proposal in strategy.propose(empty_history(), 4)]
        counts.append(origins.count("random"))
        assert len(origins) == SEARCH.candidates
    share = SEARCH.candidates * strategy.epsilon(4)
    assert set(counts) == {int(share), int(share) + 1}
    # four standard errors of the mean of 200 draws
    assert fmean(counts) == pytest.approx(share, abs=4 * 0.5 / 200**0.5)


@pytest.mark.parametrize(("name", "least"), [("lstm", 6), ("linear", 4)])
def test_controller_learns_which_dimension_pays(name, least, tmp_path):
    controller = replace(SEARCH.controller, updates=300)
    search = replace(SEARCH, exploration=Exploration(1.0, end=0.0, step=1.0), controller=controller)
    history = run(name, tmp_path, episodes=2, search=search)
    second = history[history["episode"] == 2]
    assert (second["origin"] == "controller").all()
    # the 16 three-layer architectures have the highest reward, and at most 6 are gone; by chance 2 of 6
    assert (second["layers"] == 3).sum() >= least


def test_a_state_is_the_best_before_its_episode_the_best_of_the_last_one_and_the_candidate():
    space = SearchSpace(CHOICES)
    strategy = make_strategy("lstm", space, SEARCH)
    weak, good, best = (Architecture(layers, 12, 2, 24, "gelu") for layers in (1, 2, 3))
    rows = [
        (1, good, 0.5, "ok"),
        (1, weak, 0.4, "ok"),
        (2, weak, 0.3, "ok"),
        (2, best, 0.45, "ok"),
        (3, best, 0.9, "ok"),
    ]
    values = [
        dict.fromkeys(COLUMNS)
        | architecture.to_dict()
        | {"episode": number, "reward": reward, "status": status}
        for number, architecture, reward, status in rows
    ]
    history = pd.DataFrame(values, columns=list(COLUMNS))
    nothing = (3, 2, 2, 2, 2)  # one more than the last choice of each dimension
    assert strategy.context(history, 1) == [nothing, nothing]
    assert strategy.context(history, 2) == [(1, 0, 0, 0, 0), (1, 0, 0, 0, 0)]
    assert strategy.context(history, 3) == [(2, 0, 0, 0, 0), (1, 0, 0, 0, 0)]
    assert strategy.context(history, 4) == [(2, 0, 0, 0, 0), (2, 0, 0, 0, 0)]


@pytest.mark.parametrize("name", ["lstm", "linear"])
def test_every_proposal_has_the_reward_that_is_predicted_of_it(name):
    strategy = make_strategy(name, SearchSpace(CHOICES), SEARCH)
    history = evaluate(strategy.propose(empty_history(), 1), 1)
    strategy.learn(history, 1)
    proposals = strategy.propose(history, 3)
    assert {proposal.origin for proposal in proposals} == {"random", "controller"}
    for proposal in proposals:
        (alone,) = strategy.predict([proposal.architecture], history, 3)
        assert proposal.predicted_reward == pytest.approx(alone)
    assert len({round(proposal.predicted_reward, 6) for proposal in proposals}) > 1


def test_state_holds_the_optimiser_so_that_learning_goes_on_where_it_was(tmp_path):
    space = SearchSpace(CHOICES)
    whole = make_strategy("lstm", space, SEARCH)
    history = evaluate(whole.propose(empty_history(), 1), 1)
    whole.learn(history, 1)
    whole.save(tmp_path / "state")
    resumed = make_strategy("lstm", space, SEARCH)
    resumed.load(tmp_path / "state")
    whole.learn(history, 1)
    resumed.learn(history, 1)
    for one, other in zip(whole.predictor.parameters(), resumed.predictor.parameters(), strict=True):
        assert torch.equal(one, other)


def test_rewards_are_scaled_by_what_succeeded_and_a_failure_lies_three_deviations_off():
    history = pd.DataFrame(
        {"status": ["ok", "ok", "failed", "ok"], "reward": [0.5, 0.6, 0.0, 0.7]}, columns=["status", "reward"]
    )
    scale = RewardScale.of(history)
    assert scale.targets(history) == pytest.approx([-1.0, 0.0, -3.0, 1.0])  # mean 0.6, deviation 0.1
    assert scale.rewards([-1.0, 0.5]) == pytest.approx([0.5, 0.65])
    assert RewardScale.of(history[:1]).targets(history[:1]) == [0.0]
    assert RewardScale.of(empty_history()) == RewardScale(0.0, 1.0)


def test_linear_prediction_is_ridge_regression(tmp_path):
    from sklearn.linear_model import Ridge

    strategy = make_strategy("linear", SearchSpace(CHOICES), SEARCH)
    history = evaluate(strategy.propose(empty_history(), 1), 1)
    history["reward"] = [0.5, 0.62, 0.55, 0.7, 0.58, 0.66]
    strategy.learn(history, 1)
    space = SearchSpace(CHOICES).enumerate()
    inputs = strategy.features(architectures(history))
    ridge = Ridge(alpha=1.0, fit_intercept=False).fit(inputs, history["reward"] - history["reward"].mean())
    expected = history["reward"].mean() + ridge.predict(strategy.features(space))
    assert strategy.predict(space, history, 2) == pytest.approx(expected)
    features = strategy.features(space)
    assert features.mean(axis=0) == pytest.approx([0.0] * features.shape[1])
    # an indicator each of 3, 2, 2, 2, 2 choices, and a place each of 5 dimensions
    assert features.shape[1] == 16


def test_no_two_strategies_share_a_stream_of_random_numbers():
    assert len({resolve_name(strategy).stream for strategy in STRATEGIES.values()}) == len(STRATEGIES)


def test_a_proposal_of_an_origin_that_no_figure_knows_is_refused():
    architecture = SearchSpace(CHOICES).enumerate()[0]
    with pytest.raises(UserError, match='origin is "evolution"; allowed: random, controller$'):
        Proposal(architecture, "evolution", None)
