"""The fidelity study: does the proxy rank architectures as the full distillation does?

A spread of architectures is distilled in full and by several proxies; kdnas.tables.fidelity compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kdnas.search.space import Architecture, SearchSpace, encoder_parameters
from kdnas.stages import shared_settings


@dataclass(frozen=True)
class Setting:
    """One way to train the study's architectures: a proxy of so many epochs or, with None, in full."""

    initialisation: str
    proxy_epochs: int | None

    @property
    def name(self) -> str:
        """The name in paths and tables, as in ``proxy_teacher_4`` or ``full_random``."""
        if self.proxy_epochs is None:
            return f"full_{self.initialisation}"
        return f"proxy_{self.initialisation}_{self.proxy_epochs}"

    @classmethod
    def from_name(cls, name: str) -> Setting:
        """Return the setting of that name."""
        _, initialisation, *epochs = name.split("_")
        return cls(initialisation, int(epochs[0]) if epochs else None)

    @property
    def stage(self) -> str:
        """The section of the config's ``distillation`` that it trains with."""
        return "student" if self.proxy_epochs is None else "proxy"


def settings(fidelity: dict[str, Any]) -> list[Setting]:
    """Return the settings of the config's ``fidelity`` section; none without architectures."""
    if not fidelity["architectures"]:
        return []
    return [
        Setting(initialisation, epochs)
        for initialisation in fidelity["initialisations"]
        for epochs in (*fidelity["proxy_epochs"], None)
    ]


def search_setting(distillation: dict[str, Any]) -> Setting | None:
    """Return the setting that is the search's own proxy; None if ``min_steps`` decides how long that is."""
    if distillation["proxy"]["min_steps"]:
        return None
    return Setting(distillation["initialisation"], distillation["proxy"]["epochs"])


def recipe(distillation: dict[str, Any], setting: Setting) -> dict[str, Any]:
    """Return the part of the config's ``distillation`` section that ``setting`` trains with, changed by it.

    A proxy that is the search's own is the same recipe, so both share their evaluations in the store.
    """
    stage = distillation[setting.stage]
    if setting.proxy_epochs is not None:
        stage = stage | {"epochs": setting.proxy_epochs, "min_steps": 0}
    return shared_settings(distillation) | {"initialisation": setting.initialisation, setting.stage: stage}


def spread(space: SearchSpace, count: int, seed: int) -> list[Architecture]:
    """Draw ``count`` different architectures that spread over the sizes of ``space``, smallest first.

    The space is sorted by encoder parameters, equal sizes in random order, and cut into ``count`` parts whose
    lengths differ by one at most; one architecture is drawn from each. No quality and no latency is looked
    at: among architectures that were selected for their proxy quality, it would vary less than in the space
    and a rank correlation would come out too low (restriction of range).
    """
    architectures = space.enumerate()
    # a search draws with [seed, episode, stream], episode from 1, so this is another stream
    generator = np.random.default_rng([seed, 0])
    shuffled = generator.permutation(len(architectures))
    sizes = np.array([encoder_parameters(architectures[position]) for position in shuffled])
    by_size = shuffled[np.argsort(sizes, kind="stable")]
    return [architectures[generator.choice(part)] for part in np.array_split(by_size, count)]
