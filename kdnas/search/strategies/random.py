"""Random search: the baseline of the same budget."""

from __future__ import annotations

import pandas as pd

from kdnas.search.strategies.protocol import Proposal, Strategy, draw


class RandomStrategy(Strategy):
    """Uniform draws without replacement; it learns nothing."""

    stream = 1

    def propose(self, history: pd.DataFrame, episode: int) -> list[Proposal]:
        """Draw candidates that the search has not had."""
        drawn = draw(self.generator(episode), self.unseen(history), self.search.candidates)
        return [Proposal(architecture, "random", None) for architecture in drawn]
