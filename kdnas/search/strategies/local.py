"""Local search: the neighbours of the best architectures along the quality-latency front."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from kdnas.search.history import architectures
from kdnas.search.selection import pareto_front
from kdnas.search.space import Architecture
from kdnas.search.strategies.suggesting import SuggestingStrategy


class LocalStrategy(SuggestingStrategy):
    """Neighbours of the front's architectures, one each in turn, the highest reward first.

    Local search with one start is hard to beat on small spaces (White et al. 2020, arXiv 2005.02960); the
    front gives it several.
    """

    def suggest(self, history: pd.DataFrame, generator: np.random.Generator) -> Iterator[Architecture | None]:
        """Yield the neighbours in rounds over the front, each architecture's in random order."""
        front = pareto_front(history).sort_values("reward", ascending=False, kind="stable")
        known = set(architectures(history))
        waiting = []
        for architecture in architectures(front):
            neighbours = [item for item in self.space.neighbours(architecture) if item not in known]
            waiting.append([neighbours[place] for place in generator.permutation(len(neighbours))])
        while any(waiting):
            for neighbours in waiting:
                if neighbours:
                    yield neighbours.pop()
