"""The reward that the controller learns to predict."""

from __future__ import annotations

from collections.abc import Iterable


def reward(quality: float, latency_ratio: float, alpha: float, beta: float) -> float:
    """Return ``quality * (latency_ratio / beta) ** alpha``.

    ``quality`` is the accuracy on the held-out slice (paper, version 1) or 1 - distillation loss
    (version 2); ``latency_ratio`` is the student's latency over the teacher's; ``beta`` is the share of
    the teacher's latency at which latency neither helps nor hurts; ``alpha`` < 0 is how much it weighs.
    """
    if latency_ratio <= 0:
        raise ValueError(f"latency_ratio must be positive, not {latency_ratio}")
    return quality * (latency_ratio / beta) ** alpha


def failed_reward(rewards: Iterable[float]) -> float:
    """Return the reward of a candidate that failed: no better than the worst of ``rewards``, at most 0."""
    return min([0.0, *rewards])
