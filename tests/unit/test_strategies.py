"""Every registered strategy: budget, no repeats, determinism, state on disk; the controller's learning."""

from dataclasses import asdict, replace
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
        "budgets": [{"latency_ratio": 0.5}],
    }
)


def of_layers(architecture):
    return 0.2 * architecture.layers


def evaluate(proposals, episode, reward=of_layers):
    """Reward layers: a pretend evaluation whose best architectures are known."""
    rows = []
    for number, proposal in enumerate(proposals, start=1):
        shape = proposal.architecture
        values = dict.fromkeys(COLUMNS) | asdict(shape)
        values |= {"episode": episode, "candidate": number, "status": "ok", "origin": proposal.origin}
        rows.append(values | {"reward": reward(shape), "quality": reward(shape), "latency_ratio": 0.5})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def run(name, folder, episodes=4, search=SEARCH, space=SearchSpace(CHOICES), reward=of_layers):  # noqa: B008
    """Run a search through files, with a fresh strategy for every step, as the workflow does."""
    history = empty_history()
    for episode in range(1, episodes + 1):
        strategy = make_strategy(name, space, search)
        if episode > 1:
            strategy.load(folder / f"{episode - 1}")
        new = evaluate(strategy.propose(history, episode), episode, reward)
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


@pytest.mark.parametrize("name", STRATEGIES)
def test_whole_space_can_be_searched(name, tmp_path):
    """The last candidates are the only ones left: suggestions run out, and chance has to find them."""
    history = run(name, tmp_path, episodes=8)
    assert len(history) == 48 == len(SearchSpace(CHOICES))
    assert not history.duplicated(subset=list(CHOICES)).any()


# heads follow from three of the four widths, the fourth fits none; 99 stands for the width itself
CONSTRAINED = SearchSpace(
    CHOICES
    | {"hidden_size": [32, 8, 16, 24], "attention_heads": [2, 1, 3], "head_size": 8}
    | {"embedding_size": [99, 8], "activation": ["gelu"]}
)


@pytest.mark.parametrize("name", STRATEGIES)
def test_only_architectures_of_a_constrained_space_are_proposed(name, tmp_path):
    assert len(CONSTRAINED) == 30  # three depths, two FFNs; of three widths one, two and two embeddings
    search = replace(SEARCH, candidates=5)
    history = run(name, tmp_path, episodes=6, search=search, space=CONSTRAINED)
    assert set(architectures(history)) == set(CONSTRAINED.enumerate())


WIDE = SearchSpace(
    {
        "layers": list(range(1, 9)),
        "hidden_size": list(range(12, 96, 12)),
        "attention_heads": [2],
        "ffn_size": list(range(24, 144, 24)),
        "activation": ["gelu"],
    }
)


def easy(architecture):
    """A smooth reward whose best architecture is in the middle of every axis."""
    layers, hidden, ffn = (
        architecture.layers - 5,
        architecture.hidden_size / 12 - 4,
        architecture.ffn_size / 24,
    )
    return 1.0 - 0.01 * (layers**2 + hidden**2 + (ffn - 3) ** 2)


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "random"])
def test_what_learns_finds_better_than_chance(name, tmp_path):
    """With 24 of 280 architectures, over six seeds: means of the best reward, and of all after episode 1."""
    means = {}
    for strategy in (name, "random"):
        rows = []
        for seed in range(6):
            search = replace(SEARCH, seed=seed, exploration=Exploration(1.0, end=0.0, step=1.0))
            history = run(strategy, tmp_path, search=search, space=WIDE, reward=easy)
            rows.append((history["reward"].max(), history[history["episode"] > 1]["reward"].mean()))
        means[strategy] = pd.DataFrame(rows).mean()
    assert (means[name] > means["random"]).all()
    assert means[name][1] > means["random"][1] + 0.02  # a fifth of the rewards' mean distance from the best


WITHOUT_STATE = ("random", "evolution", "local", "tpe", "gp", "constrained", "nsga2")


@pytest.mark.parametrize("name", WITHOUT_STATE)
def test_the_history_alone_gives_the_proposals(name, tmp_path):
    history = run(name, tmp_path)
    before, last = history[history["episode"] < 4], history[history["episode"] == 4]
    proposals = make_strategy(name, SearchSpace(CHOICES), SEARCH).propose(before, 4)
    assert [proposal.architecture for proposal in proposals] == architectures(last)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_search_goes_on_after_an_episode_in_which_everything_failed(name):
    strategy = make_strategy(name, SearchSpace(CHOICES), SEARCH)
    history = evaluate(strategy.propose(empty_history(), 1), 1)
    history = history.assign(status="failed", reward=0.0, quality=None)
    strategy.learn(history, 1)
    proposals = strategy.propose(history, 2)
    assert len(proposals) == 6
    assert not {proposal.architecture for proposal in proposals} & set(architectures(history))


def found(name, rows, episode=2, space=WIDE, **settings):
    """Return what a strategy proposes after ``rows``: architecture, reward, latency ratio and parameters."""
    history = pd.DataFrame(
        [
            dict.fromkeys(COLUMNS)
            | asdict(shape)
            | {"episode": 1, "status": "ok", "reward": reward, "quality": reward, "latency_ratio": ratio}
            | {"parameters": parameters[0] if parameters else None}
            for shape, reward, ratio, *parameters in rows
        ],
        columns=list(COLUMNS),
    )
    proposals = make_strategy(name, space, replace(SEARCH, **settings)).propose(history, episode)
    return [proposal.architecture for proposal in proposals]


def test_evolution_changes_one_choice_of_the_best_of_a_sample_of_the_living():
    best, others = Architecture(5, 48, 2, 72, "gelu"), WIDE.enumerate()[:9]
    rows = [(best, 0.9, 0.5), *((shape, 0.1, 0.5) for shape in others)]
    for child in found("evolution", rows):  # of ten alive all are in the sample
        assert child in WIDE.neighbours(best)
    aged = rows + [(shape, 0.1, 0.5) for shape in WIDE.enumerate()[9:58]]
    assert not set(found("evolution", aged)) & set(WIDE.neighbours(best))  # 58 later, it is dead


def test_local_search_goes_round_the_front_the_highest_reward_first():
    slow, fast, beaten = (Architecture(layers, 48, 2, 72, "gelu") for layers in (6, 3, 4))
    proposals = found("local", [(fast, 0.7, 0.3), (slow, 0.8, 0.6), (beaten, 0.6, 0.6)], candidates=4)
    starts = [[start for start in (slow, fast) if item in WIDE.neighbours(start)] for item in proposals]
    assert all(start in of for start, of in zip((slow, fast, slow, fast), starts, strict=True))


def test_nsga2_crosses_the_front_of_the_last_generations():
    """Parents share three of their choices, so all children have these, but for one in four that mutates."""
    front = [(Architecture(layers, 48, 2, 72, "gelu"), 0.1 * layers, 0.1 * layers) for layers in (2, 4, 6, 8)]
    proposals = found("nsga2", front, candidates=40)
    kept = [(shape.hidden_size, shape.ffn_size) == (48, 72) for shape in proposals]
    assert sum(kept) >= 4  # all that are new, of one in seven widths and one in five FFNs by chance


def test_gp_proposes_the_top_of_what_it_has_seen_the_slopes_of():
    top = Architecture(5, 48, 2, 72, "gelu")
    rows = [(shape, easy(shape), 0.5) for shape in WIDE.enumerate()[::3] if shape != top]
    assert top in found("gp", rows, candidates=3)


def test_constrained_finds_the_best_within_each_budget_in_turn():
    """The quality grows with the layers and the width, the costs do too: one as a power, one as a sum."""
    quality = {shape: 0.05 * shape.layers + 0.002 * shape.hidden_size for shape in WIDE.enumerate()}
    ratio = {shape: 0.01 * shape.layers * (shape.hidden_size / 24) ** 1.5 for shape in quality}
    millions = {shape: 100_000 * shape.layers + 30_000 * shape.hidden_size for shape in quality}
    budgets = ({"latency_ratio": 0.1}, {"parameters": 1_500_000.0}, {"latency_ratio": 0.3})
    rows = [(shape, quality[shape], ratio[shape], millions[shape]) for shape in quality]
    costs = {"latency_ratio": ratio, "parameters": millions}
    proposals = found("constrained", rows[::7], candidates=30, budgets=budgets)
    for place, budget in enumerate(budgets):
        ((name, bound),) = budget.items()
        most = max(value for shape, value in quality.items() if costs[name][shape] <= bound)
        own = proposals[place::3]
        within = [shape for shape in own if costs[name][shape] <= bound]
        assert len(within) >= 4  # others lie beyond what the process is sure of
        known = [value for shape, value, *_ in rows[::7] if costs[name][shape] <= bound]
        assert max(max(quality[shape] for shape in within), *known) == pytest.approx(most)


def test_constrained_goes_for_the_budget_where_nothing_is_inside():
    slow = [(shape, 0.5, 0.05 * shape.layers) for shape in WIDE.enumerate() if shape.layers > 4][::4]
    proposals = found("constrained", slow, candidates=6, budgets=({"latency_ratio": 0.06},))
    assert sum(shape.layers == 1 for shape in proposals) >= 4  # of six; one in eight by chance


def test_tpe_prefers_what_the_best_have_in_common():
    rows = [(shape, of_layers(shape), 0.5) for shape in WIDE.enumerate()[::5]]
    assert sum(shape.layers for shape in found("tpe", rows, candidates=10)) / 10 > 6.5  # 4.5 by chance


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
