"""How well a controller's predictions rank the candidates of an episode."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from kdnas.analysis.ranking import MIN_PAIRS, kendall_tau, tau_interval


@dataclass(frozen=True)
class RankCorrelation:
    """Kendall's tau-b with its 95 % interval; all three are None where ``reason`` says why."""

    tau: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def predicted_candidates(history: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that did not fail and whose reward was predicted by a controller that had learned.

    Random slots have predictions too and count. A controller chooses architectures of similar predicted
    reward, so among its own choices alone even a good predictor would rank badly.
    """
    learned = history["episode"] > history["episode"].min()
    return history[learned & history["predicted_reward"].notna() & (history["status"] == "ok")]


def rank_correlation(candidates: pd.DataFrame) -> RankCorrelation:
    """Return the rank correlation of predicted and obtained reward, over pairs of one episode.

    Pairs of different episodes do not count, because the controller learned in between.
    """
    if len(candidates) < MIN_PAIRS:
        reason = f"{len(candidates)} candidates predicted after episode 1, fewer than {MIN_PAIRS}"
        return RankCorrelation(reason=reason)
    columns = candidates["predicted_reward"], candidates["reward"], candidates["episode"]
    tau = kendall_tau(*columns)
    if math.isnan(tau):
        alone = not candidates["episode"].duplicated().any()
        equal = "all predicted or all obtained rewards of an episode are equal"
        return RankCorrelation(reason="each episode has one such candidate" if alone else equal)
    low, high, _ = tau_interval(*columns)
    return RankCorrelation(tau, low, high)
