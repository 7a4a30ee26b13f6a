"""Regularised evolution: the offspring of good young architectures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from kdnas.search.history import architectures
from kdnas.search.space import Architecture
from kdnas.search.strategies.suggesting import SuggestingStrategy

POPULATION = 50  # candidates that are alive: the last ones that were evaluated
SAMPLE = 10  # of them, drawn for a tournament


class EvolutionStrategy(SuggestingStrategy):
    """Regularised evolution (Real et al. 2019, arXiv 1802.01548, algorithm 1).

    The oldest die, however good they are. The best of a random sample of the living is the parent, and its
    child has another choice on one axis of the space. All children of an episode have parents of the episodes
    before it.
    """

    def suggest(self, history: pd.DataFrame, generator: np.random.Generator) -> Iterator[Architecture | None]:
        """Yield a child after another."""
        alive = history.tail(POPULATION)
        shapes, rewards = architectures(alive), alive["reward"].to_numpy(float)
        sample = min(SAMPLE, len(alive))
        while True:
            drawn = generator.permutation(len(alive))[:sample]
            parent = shapes[drawn[rewards[drawn].argmax()]]
            neighbours = self.space.neighbours(parent)
            if not neighbours:
                return
            yield neighbours[generator.integers(len(neighbours))]
