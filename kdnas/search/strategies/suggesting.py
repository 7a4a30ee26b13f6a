"""Proposals of strategies that suggest one architecture after another."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pandas as pd

from kdnas.search.space import Architecture
from kdnas.search.strategies.protocol import Proposal, Strategy, draw

TRIES = 20  # suggestions for each candidate: in a small or nearly searched space most are known already


class SuggestingStrategy(Strategy):
    """Proposes the first new architectures that :meth:`suggest` comes to.

    The first episode is drawn at random, as are candidates for which ``TRIES`` suggestions each gave nothing
    new. Nothing is kept between episodes: proposals are a function of the history and the seed.
    """

    @abstractmethod
    def suggest(self, history: pd.DataFrame, generator: np.random.Generator) -> Iterator[Architecture | None]:
        """Yield architectures, known ones and repeats among them, and None for what is not in the space.

        ``history`` has rows.
        """

    def epsilon(self, episode: int) -> float:
        """Return the share of random candidates: all of the first episode."""
        return float(episode == 1)

    def propose(self, history: pd.DataFrame, episode: int) -> list[Proposal]:
        """Return the suggestions that the search has not had, and random architectures where they run out."""
        generator, count = self.generator(episode), self.search.candidates
        unseen = dict.fromkeys(self.unseen(history))
        chosen: list[Architecture] = []
        if not history.empty:
            for suggestion in islice(self.suggest(history, generator), TRIES * count):
                if suggestion in unseen:
                    del unseen[suggestion]
                    chosen.append(suggestion)
                if len(chosen) == count:
                    break
        drawn = draw(generator, list(unseen), count - len(chosen))
        return [Proposal(architecture, "controller", None) for architecture in chosen] + [
            Proposal(architecture, "random", None) for architecture in drawn
        ]
