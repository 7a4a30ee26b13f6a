"""NSGA-II on quality and latency: a front instead of one best."""

from __future__ import annotations

import optuna
import pandas as pd
from optuna.study import StudyDirection

from kdnas.search.strategies.optuna_study import OptunaStrategy

GENERATION = "NSGAIISampler:generation"  # where Optuna's sampler looks for the generation of a trial


class NSGA2Strategy(OptunaStrategy):
    """NSGA-II (Deb et al. 2002) with quality and latency ratio as its objectives; an episode is a generation.

    It does not look at the reward. Failed candidates have no quality and are left out.
    """

    directions = (StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE)

    def study(self, history: pd.DataFrame, seed: int) -> optuna.Study:
        """Return a study of Optuna's sampler, whose next generation follows that of the last episode."""
        succeeded = history[history["status"] == "ok"]
        last = int((succeeded["episode"] == succeeded["episode"].max()).sum())
        sampler = optuna.samplers.NSGAIISampler(seed=seed, population_size=max(2, last))
        values = succeeded[["quality", "latency_ratio"]].to_numpy(float).tolist()
        attributes = [{GENERATION: int(episode)} for episode in succeeded["episode"]]
        return self.filled(sampler, succeeded, values, attributes)
