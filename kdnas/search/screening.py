"""Screening: of an episode's proposals, those that look best without training become its candidates."""

from __future__ import annotations

from typing import Any

import pandas as pd


def screens(search: dict[str, Any]) -> bool:
    """Return whether the config's ``search`` judges proposals without training first."""
    return bool(search["screened"])


def proposed(search: dict[str, Any]) -> int:
    """Return how many architectures a strategy proposes in an episode."""
    return search["screened"] or search["candidates"]


def keep_best(proposals: dict[str, Any], screened: pd.DataFrame, *, count: int) -> dict[str, Any]:
    """Return the content of ``candidates.json``: the ``count`` proposals of the highest screening rewards.

    They stay in the order in which they were proposed, and are numbered anew from 1. ``proposals`` is the
    content of ``proposals.json``; ``screened`` (docs/artifacts.md) ends with the rows of this episode, which
    have the proposals' numbers. Of equal rewards the first proposed is kept. Each candidate gets its
    ``screening_reward``.
    """
    own = screened[screened["episode"] == proposals["episode"]]
    kept = own.sort_values("reward", ascending=False, kind="stable").head(count)
    rewards = dict(zip(kept["candidate"], kept["reward"].astype(float), strict=True))
    chosen = [entry for entry in proposals["candidates"] if entry["candidate"] in rewards]
    return proposals | {
        "candidates": [
            entry | {"candidate": number, "screening_reward": rewards[entry["candidate"]]}
            for number, entry in enumerate(chosen, start=1)
        ]
    }
