"""Optuna's samplers as strategies: a study that is rebuilt from the history asks for candidates."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.study import StudyDirection

from kdnas.search.history import architectures
from kdnas.search.space import Architecture, SearchSpace
from kdnas.search.strategies.protocol import SearchSettings
from kdnas.search.strategies.suggesting import SuggestingStrategy


class OptunaStrategy(SuggestingStrategy):
    """Asks a sampler of Optuna, whose study holds the history as finished trials.

    What it asked for stays a running trial, known architectures too: a sampler that models the reward keeps
    away from running trials, so that a batch spreads out and a repeat is followed by something else.
    """

    directions: ClassVar[tuple[StudyDirection, ...]]  # of the objectives

    def __init__(self, space: SearchSpace, search: SearchSettings) -> None:
        super().__init__(space, search)
        # Optuna sees sizes as places in ascending order, and no axis of one choice
        self.values = {
            name: values if name == "activation" else tuple(sorted(values))
            for name, values in space.axes.items()
        }
        self.distributions: dict[str, BaseDistribution] = {
            name: CategoricalDistribution(range(len(values)))
            if name == "activation"
            else IntDistribution(0, len(values) - 1)
            for name, values in self.values.items()
            if len(values) > 1
        }

    @abstractmethod
    def study(self, history: pd.DataFrame, seed: int) -> optuna.Study:
        """Return a study of the sampler that knows ``history``."""

    def suggest(self, history: pd.DataFrame, generator: np.random.Generator) -> Iterator[Architecture | None]:
        """Yield what the sampler asks for, None for what is not in the space."""
        study = self.study(history, int(generator.integers(2**32)))
        while True:
            places = study.ask(self.distributions).params
            yield self.space.at({name: of[places.get(name, 0)] for name, of in self.values.items()})

    def filled(
        self,
        sampler: optuna.samplers.BaseSampler,
        history: pd.DataFrame,
        values: Sequence[Sequence[float]],
        attributes: Sequence[dict[str, Any]] | None = None,
    ) -> optuna.Study:
        """Return a study that holds each row of ``history`` with its objectives' ``values``.

        ``attributes`` are those that the sampler itself keeps with a trial.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(sampler=sampler, directions=self.directions)
        for position, architecture in enumerate(architectures(history)):
            own = self.space.values_of(architecture)
            study.add_trial(
                optuna.create_trial(
                    params={name: self.values[name].index(own[name]) for name in self.distributions},
                    distributions=self.distributions,
                    values=values[position],
                    system_attrs=attributes[position] if attributes else None,
                )
            )
        return study
