"""A linear predictor of the reward: the baseline that the paper's controller has to beat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load_file, save_file

from kdnas.search.history import architectures
from kdnas.search.space import Architecture, SearchSpace
from kdnas.search.strategies.greedy import EpsilonGreedyStrategy, RewardScale
from kdnas.search.strategies.protocol import SearchSettings

RIDGE = 1.0


class LinearStrategy(EpsilonGreedyStrategy):
    """Ridge regression on the choice of each dimension, fitted anew after each episode.

    Each dimension gives one indicator for each choice, and the choice's place among the dimension's choices
    from 0 to 1. Proposals are made as the paper's controller makes them.
    """

    stream = 2

    def __init__(self, space: SearchSpace, search: SearchSettings) -> None:
        super().__init__(space, search)
        self.weights = np.zeros(sum(len(values) + 1 for values in space.choices.values()))

    def learn(self, history: pd.DataFrame, episode: int) -> None:
        """Fit the regression to the whole history."""
        inputs = self.features(architectures(history))
        targets = RewardScale.of(history).targets(history)
        # no intercept: targets are centred over the history, inputs over the space
        gram = inputs.T @ inputs + RIDGE * np.eye(inputs.shape[1])
        self.weights = np.linalg.solve(gram, inputs.T @ targets)

    def predict(self, architectures: list[Architecture], history: pd.DataFrame, episode: int) -> list[float]:
        """Return the predicted reward of each architecture."""
        return RewardScale.of(history).rewards(self.features(architectures) @ self.weights)

    def features(self, architectures: list[Architecture]) -> np.ndarray:
        """Return the inputs of the regression, centred over the space, shape (architectures, features)."""
        counts = [len(values) for values in self.space.choices.values()]
        places = np.array([self.space.encode(item) for item in architectures]).reshape(-1, len(counts))
        columns = []
        for count, place in zip(counts, places.T, strict=True):
            columns += [np.eye(count)[place] - 1 / count, place[:, None] / max(1, count - 1) - 0.5]
        return np.hstack(columns)

    def save(self, path: Path) -> None:
        """Write the weights to a safetensors file."""
        save_file({"weights": self.weights}, path)

    def load(self, path: Path) -> None:
        """Read what :meth:`save` wrote."""
        self.weights = load_file(path)["weights"]
