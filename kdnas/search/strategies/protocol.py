"""The base class of search strategies."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from kdnas.errors import UserError
from kdnas.search.history import architectures
from kdnas.search.space import Architecture, SearchSpace
from kdnas.sentences import shown

ORIGINS = ("random", "controller")  # drawn, or chosen by a strategy that learned


@dataclass(frozen=True)
class Exploration:
    """The share of random candidates: ``start``, less by ``step`` an episode until ``end``."""

    start: float
    end: float
    step: float


@dataclass(frozen=True)
class Controller:
    """The LSTM that predicts rewards, and how many ``updates`` it gets an episode."""

    embedding_size: int
    hidden_size: int
    learning_rate: float
    updates: int


@dataclass(frozen=True)
class SearchSettings:
    """The keys of the config's ``search`` that proposals depend on.

    ``budgets`` are those of ``students.budgets``, for a strategy that aims at them.
    """

    seed: int
    candidates: int  # to propose in an episode
    exploration: Exploration
    controller: Controller
    budgets: tuple[Mapping[str, float], ...] = ()

    @classmethod
    def from_config(cls, search: Mapping[str, Any]) -> SearchSettings:
        """Read them from the config's ``search`` section."""
        return cls(
            seed=search["seed"],
            candidates=search["candidates"],
            exploration=Exploration(**search["exploration"]),
            controller=Controller(**search["controller"]),
            budgets=tuple(search.get("budgets", ())),
        )


@dataclass(frozen=True)
class Proposal:
    """One proposed candidate; ``predicted_reward`` is None where the strategy predicts nothing.

    Raises UserError for an ``origin`` that is not one of ``ORIGINS``: tables and figures know these alone.
    """

    architecture: Architecture
    origin: str
    predicted_reward: float | None

    def __post_init__(self) -> None:
        if self.origin not in ORIGINS:
            raise UserError(f"a proposal's origin is {shown(self.origin)}; allowed: {', '.join(ORIGINS)}")


class Strategy(ABC):
    """Proposes candidates and learns from their rewards; its state lives in a file between episodes.

    One that learns nothing writes :meth:`propose` alone.
    """

    stream: int  # of random numbers: no two strategies have the same one

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "stream" not in cls.__dict__:
            cls.stream = zlib.crc32(cls.__name__.encode())

    def __init__(self, space: SearchSpace, search: SearchSettings) -> None:
        self.space = space
        self.search = search
        self.screened_out: frozenset[Architecture] = frozenset()  # not to be proposed again

    @abstractmethod
    def propose(self, history: pd.DataFrame, episode: int) -> list[Proposal]:
        """Return ``search.candidates`` proposals for ``episode`` (from 1), none of them in ``history``."""

    def learn(self, history: pd.DataFrame, episode: int) -> None:  # noqa: B027 (not all learn)
        """Learn from ``history``, which ends with the rows of ``episode``."""

    def save(self, path: Path) -> None:
        """Write the state to a safetensors file."""
        save_file({}, path)

    def load(self, path: Path) -> None:  # noqa: B027
        """Read the state that :meth:`save` wrote."""

    def epsilon(self, episode: int) -> float:
        """Return the share of random candidates in ``episode``."""
        return 1.0

    def unseen(self, history: pd.DataFrame) -> list[Architecture]:
        """Return the architectures of the space that were not proposed yet, in the space's order."""
        seen = self.screened_out.union(architectures(history))
        return [architecture for architecture in self.space.enumerate() if architecture not in seen]

    def generator(self, episode: int) -> np.random.Generator:
        """Return the random generator of ``episode``: a function of the search's seed alone."""
        return np.random.default_rng([self.search.seed, episode, self.stream])


def draw(generator: np.random.Generator, architectures: list[Architecture], count: int) -> list[Architecture]:
    """Draw ``count`` different architectures uniformly."""
    positions = generator.permutation(len(architectures))[:count]
    return [architectures[position] for position in positions]
