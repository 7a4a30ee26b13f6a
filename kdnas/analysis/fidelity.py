"""The fidelity study: does the proxy rank architectures as the full distillation does?

A spread of architectures is distilled in full and by several proxies; :func:`compare` says how well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kdnas.analysis.ranking import MIN_PAIRS, kendall_tau, tau_interval
from kdnas.config.stages import shared_settings
from kdnas.plan import Setting
from kdnas.search.reward import QUALITIES
from kdnas.search.space import Architecture, SearchSpace, encoder_parameters

UNTRAINED = ("parameters", "layers_times_hidden_size")
_COLUMNS = (
    "predictor",
    "initialisation",
    "proxy_epochs",
    "quality",
    "of_search",
    "architectures",
    "pairs",
    "tau",
    "tau_low",
    "tau_high",
    "undefined_resamples",
    "reason",
    "first",
    "first_score",
    "best_score",
    "mean_score",
    "regret",
    "gain",
)
_KINDS = {"proxy_epochs": "Int64", "undefined_resamples": "Int64"} | dict.fromkeys(
    ("tau", "tau_low", "tau_high", "first_score", "best_score", "mean_score", "regret", "gain"), float
)


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


def compare(records: Sequence[dict[str, Any]], search_setting: Setting | None) -> pd.DataFrame:
    """Return how well each predictor ranks what the full distillation gives, a row each.

    ``records`` are the evaluations of all settings (docs/artifacts.md), ``search_setting`` the search's own
    proxy or None. One row a proxy and quality, and one for each predictor that trains nothing, each against
    the full distillation with the same initialisation.
    """
    rows = []
    for whole in records:
        if whole["proxy_epochs"] is not None:
            continue
        own = {"initialisation": whole["initialisation"]}
        for proxy in proxies(records, whole):
            row = own | {"predictor": proxy["setting"], "proxy_epochs": proxy["proxy_epochs"]}
            row["of_search"] = search_setting is not None and proxy["setting"] == search_setting.name
            for quality in QUALITIES:
                found = pairs(proxy, whole, f"quality_{quality}")
                rows.append(row | {"quality": quality} | _compare(found))
        for predictor in UNTRAINED:
            row = own | {"predictor": predictor, "proxy_epochs": None, "of_search": False, "quality": None}
            rows.append(row | _compare(pairs(whole, whole, predictor)))
    data = pd.DataFrame(rows).astype(_KINDS)
    data["architectures"] = len(records[0]["evaluations"])
    return data[list(_COLUMNS)]


def proxies(records: Sequence[dict[str, Any]], whole: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the proxies with the same initialisation as the full distillation ``whole``."""
    own = [record for record in records if record["initialisation"] == whole["initialisation"]]
    return [record for record in own if record["proxy_epochs"] is not None]


def pairs(predictor: dict[str, Any], whole: dict[str, Any], column: str) -> pd.DataFrame:
    """Return one row an architecture that succeeded in both settings: its name, ``predicted`` and ``score``.

    ``column`` of ``predictor`` is what predicts, or ``layers_times_hidden_size``; ``score`` is the full
    distillation's, in points.
    """
    scores = {entry["candidate"]: entry["quality_accuracy"] for entry in whole["evaluations"]}
    rows = []
    for entry in predictor["evaluations"]:
        if entry["status"] != "ok" or scores[entry["candidate"]] is None:
            continue
        architecture = Architecture.from_dict(entry["architecture"])
        sizes = {"layers_times_hidden_size": architecture.layers * architecture.hidden_size}
        rows.append(
            {
                "architecture": architecture.short_name,
                "predicted": (entry | sizes)[column],
                "score": 100 * scores[entry["candidate"]],
            }
        )
    return pd.DataFrame(rows, columns=["architecture", "predicted", "score"])


def _compare(found: pd.DataFrame) -> dict[str, Any]:
    """Return the cells that compare ``predicted`` and ``score`` of ``found``."""
    names = ("tau", "tau_low", "tau_high", "undefined_resamples", "reason", "first", "first_score", "regret")
    cells = {"pairs": len(found), **dict.fromkeys((*names, "gain"))}
    cells |= {"best_score": found["score"].max(), "mean_score": found["score"].mean()}
    told_apart = found["predicted"].nunique() > 1
    if told_apart:
        first = found[found["predicted"] == found["predicted"].max()]
        score = first["score"].mean()
        cells |= {
            "first": " or ".join(first["architecture"]),
            "first_score": score,
            "regret": cells["best_score"] - score,
            "gain": score - cells["mean_score"],
        }
    if len(found) < MIN_PAIRS:
        return cells | {"reason": f"{len(found)} architectures, fewer than {MIN_PAIRS}"}
    if not told_apart:
        return cells | {"reason": "all predictions are equal"}
    if found["score"].nunique() == 1:
        return cells | {"reason": "all full scores are equal"}
    low, high, undefined = tau_interval(found["predicted"], found["score"])
    tau = kendall_tau(found["predicted"], found["score"])
    return cells | {"tau": tau, "tau_low": low, "tau_high": high, "undefined_resamples": undefined}
