"""Random search: the baseline of the same budget."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from safetensors.numpy import save_file

from kdnas.search.strategies.protocol import Proposal, Strategy, draw


class RandomStrategy(Strategy):
    """Uniform draws without replacement; it learns nothing and its state is empty."""

    stream = 1

    def propose(self, history: pd.DataFrame, episode: int) -> list[Proposal]:
        drawn = draw(self.generator(episode), self.unseen(history), self.search["candidates"])
        return [Proposal(architecture, "random", None) for architecture in drawn]

    def learn(self, history: pd.DataFrame, episode: int) -> None:
        pass

    def save(self, path: Path) -> None:
        save_file({}, path)

    def load(self, path: Path) -> None:
        pass
