"""The reward that the controller learns to predict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kdnas.errors import UserError
from kdnas.search.space import Architecture
from kdnas.sentences import shown

QUALITIES = ("accuracy", "loss", "agreement")


@dataclass(frozen=True)
class Reward:
    """How candidates are rewarded: the config's ``reward``.

    ``quality`` is, on the held-out set, the accuracy (``accuracy``; paper, version 1), 1 - distillation
    loss (``loss``; version 2) or the agreement with the teacher (``agreement``). ``beta`` is the share of the
    teacher's latency at which latency neither helps nor hurts, ``alpha`` < 0 is how much it weighs.
    ``device`` is where latency counts.
    """

    quality: str
    alpha: float
    beta: float
    device: str

    @classmethod
    def from_config(cls, reward: Mapping[str, Any]) -> Reward:
        """Read it from the config's ``reward`` section."""
        return cls(reward["quality"], alpha=reward["alpha"], beta=reward["beta"], device=reward["device"])

    def of(self, quality: float, latency_ratio: float) -> float:
        """Return ``quality * (latency_ratio / beta) ** alpha``; a quality below 0 over that power.

        ``latency_ratio`` is the student's latency over the teacher's. A correlation,
        Matthews' coefficient or 1 - a large loss may be below 0; there a product would prefer the slower of
        two students.
        """
        if latency_ratio <= 0:
            raise ValueError(f"latency_ratio must be positive, not {latency_ratio}")
        factor = (latency_ratio / self.beta) ** self.alpha
        return quality * factor if quality >= 0 else quality / factor


def failed_reward(rewards: Iterable[float]) -> float:
    """Return the reward of a candidate that failed: no better than the worst of ``rewards``, at most 0."""
    return min([0.0, *rewards])


def latencies_by_architecture(latency: dict[str, Any], device: str) -> dict[Architecture, dict[str, Any]]:
    """Return the entries of a latency file (docs/artifacts.md) by the architecture of their model.

    Raises UserError if nothing could be timed on ``device``, the config's ``reward.device``.
    """
    if latency["reason"] is not None:
        raise UserError(f"reward.device is {shown(device)}, but its latency was {latency['reason']}")
    return {Architecture.from_dict(entry["architecture"]): entry for entry in latency["models"]}
