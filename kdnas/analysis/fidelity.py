"""The fidelity study: does the proxy rank architectures as the full distillation does?

A spread of architectures is distilled in full and by several proxies; kdnas.tables.fidelity compares.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kdnas.config.stages import shared_settings
from kdnas.plan import Setting
from kdnas.search.space import Architecture, SearchSpace, encoder_parameters


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
