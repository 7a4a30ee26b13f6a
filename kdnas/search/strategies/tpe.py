"""A tree-structured Parzen estimator of the reward."""

from __future__ import annotations

import optuna
import pandas as pd
from optuna.study import StudyDirection

from kdnas.search.strategies.greedy import RewardScale
from kdnas.search.strategies.optuna_study import OptunaStrategy


class TPEStrategy(OptunaStrategy):
    """TPE (Bergstra et al. 2011), multivariate, with a constant liar within an episode."""

    directions = (StudyDirection.MAXIMIZE,)

    def study(self, history: pd.DataFrame, seed: int) -> optuna.Study:
        """Return a study of Optuna's sampler on the scaled rewards of ``history``."""
        sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=1, multivariate=True, constant_liar=True
        )
        rewards = RewardScale.of(history).targets(history).tolist()
        return self.filled(sampler, history, [[reward] for reward in rewards])
