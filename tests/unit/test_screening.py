"""What screening keeps, what strategies propose afterwards, and which settings contradict it."""

from dataclasses import asdict

import pandas as pd
import pytest
from test_strategies import CHOICES, SEARCH, evaluate

from kdnas.config.check import check_config
from kdnas.errors import UserError
from kdnas.search.history import COLUMNS, empty_history
from kdnas.search.screening import keep_best, proposed
from kdnas.search.space import Architecture, SearchSpace
from kdnas.search.strategies import STRATEGIES, make_strategy


def screened(*rewards, episode=2):
    rows = [
        dict.fromkeys(COLUMNS) | {"episode": episode, "candidate": number, "reward": reward}
        for number, reward in enumerate(rewards, start=1)
    ]
    return pd.DataFrame(rows)


def proposals(count, episode=2):
    entries = [{"candidate": number, "architecture": f"shape {number}"} for number in range(1, count + 1)]
    return {"strategy": "random", "episode": episode, "epsilon": 0.5, "candidates": entries}


@pytest.mark.parametrize(
    ("rewards", "count", "kept"),
    [
        ((0.1, 0.9, 0.5, 0.7), 2, [2, 4]),
        ((0.9, 0.1, 0.5, 0.95), 3, [1, 3, 4]),  # as they were proposed, not by reward
        ((0.5, 0.5, 0.5), 2, [1, 2]),
        ((-0.2, 0.3, -0.1), 1, [2]),
    ],
)
def test_the_highest_rewards_are_kept_and_numbered_anew(rewards, count, kept):
    earlier = screened(*[2.0] * len(rewards), episode=1)
    table = pd.concat([earlier, screened(*rewards)], ignore_index=True)
    content = keep_best(proposals(len(rewards)), table, count=count)
    assert content == proposals(0) | {
        "candidates": [
            {"candidate": i, "architecture": f"shape {number}", "screening_reward": rewards[number - 1]}
            for i, number in enumerate(kept, start=1)
        ]
    }


@pytest.mark.parametrize("name", STRATEGIES)
def test_nothing_that_was_screened_out_is_proposed_again(name):
    space = SearchSpace(CHOICES)
    first = make_strategy(name, space, SEARCH).propose(empty_history(), 1)
    trained, rejected = first[:2], first[2:]
    strategy = make_strategy(name, space, SEARCH)
    history = evaluate(trained, 1)
    strategy.learn(history, 1)
    strategy.screened_out = frozenset(proposal.architecture for proposal in rejected)
    second = strategy.propose(history, 2)
    assert len(second) == SEARCH.candidates
    assert not {proposal.architecture for proposal in second} & {proposal.architecture for proposal in first}


SPACE = asdict(Architecture(2, 192, 6, 384, "gelu"))
SPACE = {name: [value] for name, value in SPACE.items() if value is not None} | {"layers": [1, 2, 3, 4, 6]}


@pytest.mark.parametrize(
    ("search", "distillation", "sentence"),
    [
        ({"screened": 2}, {}, "search.screened is 2; allowed: 0, or more than search.candidates, 2"),
        (
            {"screened": 4, "episodes": 2},
            {},
            "search.episodes times search.screened is 8; allowed: at most the 5 architectures",
        ),
        (
            {"screened": 4},
            {"initialisation": "random"},
            "search.screened is 4 and distillation.initialisation random; allowed without any training: ",
        ),
        (
            {"screened": 4},
            {"proxy": {"epochs": 0, "min_steps": 0}},
            "search.screened is 4; allowed with distillation.proxy.epochs 0: 0",
        ),
    ],
)
def test_settings_that_contradict_screening(search, distillation, sentence):
    search = {"task": "sst2", "episodes": 1, "candidates": 2, "space": SPACE} | search
    config = {"data": {"tasks": ["sst2"]}, "search": search, "distillation": distillation}
    with pytest.raises(UserError) as error:
        check_config(config)
    assert str(error.value).startswith(sentence)
    allowed = check_config(config | {"search": search | {"screened": 5, "episodes": 1}, "distillation": {}})
    assert proposed(allowed["search"]) == 5
