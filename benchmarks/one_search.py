"""One search of one strategy, with the rewards that a benchmark hands it instead of training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from kdnas.analysis.ranking import kendall_tau
from kdnas.search.history import COLUMNS, architectures, best_row, empty_history
from kdnas.search.reward import Reward, failed_reward
from kdnas.search.screening import proposed
from kdnas.search.space import Architecture, SearchSpace
from kdnas.search.strategies import SearchSettings, make_strategy
from kdnas.search.strategies.greedy import EpsilonGreedyStrategy


@dataclass(frozen=True)
class Course:
    """What came of a search, and after each episode one number each of ``taus`` and ``places``.

    ``taus`` are Kendall's tau between the predictions for the next episode and the true rewards, over the
    ranked architectures that were not evaluated yet (empty for a strategy that predicts nothing), ``places``
    the share of the space whose true reward is below that of the best candidate so far by measured reward.
    ``screened`` is what was looked at without training, episode after episode.
    """

    history: pd.DataFrame
    taus: list[float]
    places: list[float]
    screened: list[Architecture]


def run_search(
    name: str,
    space: SearchSpace,
    *,
    settings: Mapping[str, Any],
    measure: Callable[[Architecture], tuple[float, float]],
    reward: Reward,
    true_rewards: Mapping[Architecture, float],
    ranked: Sequence[Architecture],
    screen: Callable[[Architecture], float] | None = None,
) -> Course:
    """Run one search.

    ``settings`` is the config's section ``search`` with a ``seed``, ``measure`` gives an architecture's
    quality and latency ratio, the quality NaN if its training fails; ``ranked`` is what tau is computed on.
    With ``settings["screened"]``, ``screen`` gives the reward without training.
    """
    proposing = settings | {"candidates": proposed(settings)}
    strategy, history = make_strategy(name, space, SearchSettings.from_config(proposing)), empty_history()
    screened: list[Architecture] = []
    taus, places, all_true = [], [], np.array(list(true_rewards.values()))
    for episode in range(1, settings["episodes"] + 1):
        rows = []
        proposals = strategy.propose(history, episode)
        if screen is not None:
            screened += [proposal.architecture for proposal in proposals]
            strategy.screened_out = frozenset(screened)
            proposals.sort(key=lambda proposal: -screen(proposal.architecture))
        for number, proposal in enumerate(proposals[: settings["candidates"]], start=1):
            quality, latency = measure(proposal.architecture)
            row = {"episode": episode, "candidate": number, "quality": quality, "latency_ratio": latency}
            row |= {"status": "ok", "reward": reward.of(quality, latency)}
            if math.isnan(quality):
                row |= {"status": "failed", "reward": failed_reward(history["reward"])}
            rows.append(dict.fromkeys(COLUMNS) | asdict(proposal.architecture) | row)
        new = pd.DataFrame(rows, columns=list(COLUMNS))
        history = new if history.empty else pd.concat([history, new], ignore_index=True)
        strategy.learn(history, episode)
        if isinstance(strategy, EpsilonGreedyStrategy):
            seen = set(architectures(history))
            unseen = [item for item in ranked if item not in seen]
            predicted = strategy.predict(unseen, history, episode + 1)
            taus.append(kendall_tau(predicted, [true_rewards[item] for item in unseen]))
        best = best_row(history)
        winner = -math.inf if best is None else true_rewards[Architecture.from_dict(best)]
        places.append(float((all_true < winner).mean()))
    return Course(history, taus, places, screened)


def mean_text(values: np.ndarray) -> str:
    """Return the mean of ``values`` (n,) with its standard error in brackets."""
    return f"{values.mean():.3f} ({values.std(ddof=1) / math.sqrt(len(values)):.3f})"


def by_episode(values: Sequence[Sequence[float]]) -> str:
    """Return the means over searches of ``values`` (searches, episodes), an episode each."""
    return " ".join(f"{value:.2f}" for value in np.mean(values, axis=0))
