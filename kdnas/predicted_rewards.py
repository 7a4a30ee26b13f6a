"""How well a controller's predictions rank its own choices."""

from __future__ import annotations

import math

import pandas as pd

from kdnas.ranking import MIN_PAIRS, kendall_tau


def own_choices(history: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that a controller chose by a prediction and that did not fail."""
    chosen = (history["origin"] == "controller") & history["predicted_reward"].notna()
    return history[chosen & (history["status"] == "ok")]


def rank_correlation(pairs: pd.DataFrame) -> tuple[float | None, str | None]:
    """Return Kendall's tau-b of predicted and obtained reward in these rows, or None and the reason why."""
    if len(pairs) < MIN_PAIRS:
        return None, f"{len(pairs)} candidates with a prediction, fewer than {MIN_PAIRS}"
    tau = kendall_tau(pairs["predicted_reward"], pairs["reward"])
    if math.isnan(tau):
        return None, "all predicted or all obtained rewards are equal"
    return tau, None
