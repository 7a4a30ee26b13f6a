"""Constrained Bayesian optimisation: the best quality within each budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from scipy.stats import norm

from kdnas.search.history import architectures
from kdnas.search.selection import costs
from kdnas.search.space import Architecture
from kdnas.search.strategies.gp import Process, expected_improvement, features
from kdnas.search.strategies.greedy import RewardScale
from kdnas.search.strategies.suggesting import SuggestingStrategy


class ConstrainedStrategy(SuggestingStrategy):
    """Expected improvement times the probability of being within a budget (Gardner et al. 2014, section 3.2).

    The budgets of ``students.budgets`` take turns. Gaussian processes predict the quality and the logarithm
    of each cost. Where nothing is within a budget yet, the probability alone counts. It does not look at the
    reward.
    """

    def suggest(self, history: pd.DataFrame, generator: np.random.Generator) -> Iterator[Architecture | None]:
        """Yield what promises most for one budget after the other, until no architecture is left."""
        pool = self.unseen(history)
        places = features(self.space, pool)
        inputs = features(self.space, architectures(history))
        # a failed candidate gets the lowest target
        as_reward = history.assign(reward=history["quality"].astype(float).fillna(-np.inf))
        quality = Process(inputs, RewardScale.of(as_reward).targets(as_reward))
        measured = costs(history).dropna(axis="columns", how="all")  # unknown where all candidates failed
        limited = {name for budget in self.search.budgets for name in budget}
        of_cost = {name: LogCost(inputs, measured[name].to_numpy()) for name in measured if name in limited}
        for budget in cycle(self.search.budgets):
            if not pool:
                return
            bounded = [(of_cost[name], most) for name, most in budget.items() if name in of_cost]
            chosen = int(_promise(quality, bounded, places).argmax())
            yield pool.pop(chosen)
            quality.believe(places[chosen])
            for cost in of_cost.values():
                cost.believe(places[chosen])
            places = np.delete(places, chosen, axis=0)


def _promise(quality: Process, bounded: Sequence[tuple[LogCost, float]], places: np.ndarray) -> np.ndarray:
    """Return how much each of ``places`` (m, features) promises, shape (m,), with each cost's bound."""
    probability, inside = np.ones(len(places)), np.ones(len(quality.inputs), dtype=bool)
    for cost, most in bounded:
        probability *= cost.probability_within(most, places)
        inside &= cost.inside(most)
    if not inside.any():
        return probability
    best = quality.predict(quality.inputs[inside])[0].max()
    return probability * expected_improvement(*quality.predict(places), best)


class LogCost:
    """A cost's logarithm: measured, predicted by a Gaussian process, or believed.

    ``inputs`` (n, features) are what ``features`` returns; ``values`` (n,) are positive, NaN where unknown.
    """

    def __init__(self, inputs: np.ndarray, values: np.ndarray) -> None:
        known = ~np.isnan(values)
        logarithms = np.log(values[known])
        self.mean, self.deviation = logarithms.mean(), logarithms.std() or 1.0
        self.process = Process(inputs[known], (logarithms - self.mean) / self.deviation)
        self.scaled = self.process.predict(inputs)[0]  # of all rows, measured where known
        self.scaled[known] = self.process.targets

    def inside(self, most: float) -> np.ndarray:
        """Return whether each row so far, shape (rows,), costs at most ``most``."""
        return self.scaled <= self._scale(most)

    def probability_within(self, most: float, places: np.ndarray) -> np.ndarray:
        """Return the probability (m,) that the cost at ``places`` (m, features) is at most ``most``."""
        means, deviations = self.process.predict(places)
        return norm.cdf((self._scale(most) - means) / deviations)

    def believe(self, place: np.ndarray) -> None:
        """Count ``place`` (features,) as measured, with its prediction."""
        self.process.believe(place)
        self.scaled = np.append(self.scaled, self.process.targets[-1])

    def _scale(self, most: float) -> float:
        return float((np.log(most) - self.mean) / self.deviation)
