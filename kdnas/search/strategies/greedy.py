"""Epsilon-greedy proposals by predicted reward, whatever predicts it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kdnas.search.space import Architecture
from kdnas.search.strategies.protocol import Proposal, Strategy, draw

LOWEST = -3.0  # the lowest target: the reward of a failed candidate would outweigh all others


@dataclass(frozen=True)
class RewardScale:
    """Rewards in standard deviations from their mean, as a predictor learns and predicts them.

    The rewards of a search lie within a few hundredths of each other.
    """

    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def of(cls, history: pd.DataFrame) -> RewardScale:
        """Return that of a history's candidates that did not fail; the deviation of fewer than two is 1."""
        rewards = history.loc[history["status"] == "ok", "reward"].astype(float)
        if len(rewards) < 2:
            return cls(*rewards)
        return cls(float(rewards.mean()), float(rewards.std()) or 1.0)

    def targets(self, history: pd.DataFrame) -> np.ndarray:
        """Return the scaled rewards of a history, shape (rows,)."""
        return np.maximum((history["reward"].to_numpy(float) - self.mean) / self.deviation, LOWEST)

    def rewards(self, predictions: np.ndarray) -> list[float]:
        """Return the rewards that scaled predictions, shape (n,), stand for."""
        return (self.mean + self.deviation * np.asarray(predictions, dtype=float)).tolist()


class EpsilonGreedyStrategy(Strategy):
    """A falling share of random candidates, the rest by the highest predicted reward."""

    @abstractmethod
    def predict(self, architectures: list[Architecture], history: pd.DataFrame, episode: int) -> list[float]:
        """Return the predicted reward of each architecture as a candidate of ``episode``."""

    def epsilon(self, episode: int) -> float:
        """Return the share of random candidates, which falls from episode to episode."""
        exploration = self.search.exploration
        fallen = exploration.start - exploration.step * (episode - 1)
        return max(exploration.end, fallen)

    def propose(self, history: pd.DataFrame, episode: int) -> list[Proposal]:
        """Return the candidates of the highest predicted reward, and random ones."""
        generator = self.generator(episode)
        count = self.search.candidates
        unseen = self.unseen(history)
        # a share of the slots, rounded up or down by chance, so that small episodes explore in expectation
        random_slots = int(count * self.epsilon(episode) + generator.random())
        predicted = self.predict(unseen, history, episode)
        order = sorted(range(len(unseen)), key=lambda i: (-predicted[i], i))
        chosen = [Proposal(unseen[i], "controller", predicted[i]) for i in order[: count - random_slots]]
        taken = {proposal.architecture for proposal in chosen}
        rest = [architecture for architecture in unseen if architecture not in taken]
        values = dict(zip(unseen, predicted, strict=True))
        drawn = draw(generator, rest, random_slots)
        return chosen + [Proposal(architecture, "random", values[architecture]) for architecture in drawn]
