"""What each dimension of the space does: quality and latency of all candidates by its choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kdnas.figures.style import (
    BLACK,
    PROXY_QUALITY,
    SMALL,
    WIDE,
    bottom_legend,
    light_grid,
    model_colour,
    new_figure,
    only_text,
    style,
)
from kdnas.search.history import architectures, read_history
from kdnas.search.pool import pool
from kdnas.search.space import DIMENSIONS, SearchSpace

_NAMES = {
    "layers": "Layers",
    "hidden_size": "Hidden size",
    "attention_heads": "Attention heads",
    "ffn_size": "FFN size",
    "activation": "Activation",
    "embedding_size": "Embedding size",
}
_SPREAD = 0.6  # width of a choice's points, 1 being the distance to the next choice
_GOLDEN = (5**0.5 - 1) / 2  # its multiples, modulo 1, stay apart from each other


def dimensions_figure(
    histories: Mapping[str, str | Path],
    space: Mapping[str, Any],
    *,
    quality: str,
    timed_in: str,
    synthetic: bool,
) -> Figure:
    """Draw a column of panels for every dimension of ``space`` (``search.space``) with two choices or more.

    ``histories`` maps a strategy to its last ``history.csv``. Each point is an architecture that any strategy
    evaluated, at its choice; above quality, below the latency ratio to the teacher; bars are means, numbers
    how many. A mean of one choice mixes all choices of the other dimensions. With a ``head_size`` attention
    heads have no panel, because it would repeat that of the hidden size. ``quality`` is
    ``reward.quality``, ``timed_in`` says where latencies were measured. Raises UserError for a missing or
    damaged file, or if every candidate failed.
    """
    everything = pool({strategy: read_history(path) for strategy, path in histories.items()})
    succeeded = everything[everything["status"] == "ok"].copy()
    shown = {name: list(space[name]) for name in DIMENSIONS if len(space.get(name) or ()) > 1}
    if space.get("head_size") is not None:  # the hidden size tells their number
        shown.pop("attention_heads", None)
    if "embedding_size" in shown:  # a choice above the hidden size stands for it
        places = map(SearchSpace(space).encode, architectures(succeeded))
        succeeded["embedding_size"] = [space["embedding_size"][place[-1]] for place in places]
    measures = {
        "quality": PROXY_QUALITY[quality],
        "latency_ratio": f"Latency ratio\n({timed_in})",
    }
    with style():
        if not shown:
            figure = new_figure(0.6, synthetic)
            only_text(figure.subplots(), "every dimension of the space has one choice")
            return figure
        figure = new_figure(3.3, synthetic, WIDE)
        widths = [_characters(choices) for choices in shown.values()]
        panels = figure.subplots(
            2, len(shown), sharex="col", sharey="row", squeeze=False, width_ratios=widths
        )
        for column, (dimension, choices) in enumerate(shown.items()):
            for row, measure in enumerate(measures):
                _draw(panels[row, column], succeeded, dimension, choices, measure)
            _count(panels[0, column], succeeded, dimension, choices, "" if column else "n = ")
            names = [str(choice) for choice in choices]
            panels[1, column].set_xticks(range(len(names)), names, fontsize=SMALL)
            panels[1, column].set_xlabel(_NAMES[dimension])
        for row, label in enumerate(measures.values()):
            panels[row, 0].set_ylabel(label)
        figure.align_ylabels()
        bottom_legend(figure, _legend(len(succeeded), len(everything) - len(succeeded)), columns=2)
    return figure


def marginal_means(
    succeeded: pd.DataFrame, dimension: str, choices: Sequence[Any], measure: str
) -> pd.DataFrame:
    """Return ``n`` and ``mean`` of ``measure`` over the rows of each choice (the index); NaN where n is 0."""
    means = succeeded.groupby(dimension)[measure].agg(n="size", mean="mean").reindex(choices)
    return means.assign(n=means["n"].fillna(0).astype(int))


def _characters(choices: Sequence[Any]) -> int:
    """Return how wide a panel has to be so that the names of its choices stay apart."""
    return max(11, len(choices) * (1 + max(3, *(len(str(choice)) for choice in choices))))


def _draw(axes: Axes, succeeded: pd.DataFrame, dimension: str, choices: Sequence[Any], measure: str) -> None:
    light_grid(axes, "y")
    x, y = [], []
    for position, choice in enumerate(choices):
        values = np.sort(succeeded.loc[succeeded[dimension] == choice, measure])
        x.append(position + _offsets(len(values)))
        y.append(values)
    size = 3.2 if len(succeeded) <= 100 else 2.2
    axes.plot(
        np.concatenate(x),
        np.concatenate(y),
        "o",
        markersize=size,
        markeredgewidth=0,
        color=model_colour(0),
        alpha=0.5,
    )
    means = marginal_means(succeeded, dimension, choices, measure)["mean"]
    at = np.arange(len(choices))
    axes.hlines(means, at - 0.4, at + 0.4, color=BLACK, linewidth=1.6, zorder=3)
    axes.set_xlim(-0.6, len(choices) - 0.4)


def _offsets(count: int) -> np.ndarray:
    """Return where points of rising values stand beside their choice's place: neighbours far apart."""
    return _SPREAD * ((np.arange(count) * _GOLDEN + 0.5) % 1 - 0.5)


def _count(axes: Axes, succeeded: pd.DataFrame, dimension: str, choices: Sequence[Any], first: str) -> None:
    """Write above each choice how many architectures have it, the first number behind ``first``."""
    for position, n in enumerate(marginal_means(succeeded, dimension, choices, "quality")["n"]):
        axes.annotate(
            f"{'' if position else first}{n}",
            (position, 1),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, 2),
            textcoords="offset points",
            horizontalalignment="center",
            fontsize=SMALL,
        )


def _legend(succeeded: int, failed: int) -> list[Line2D]:
    counts = f"{succeeded} evaluated" + (f", {failed} failed and left out" if failed else "")
    point = {"linestyle": "", "marker": "o", "markersize": 3.5, "markeredgewidth": 0, "alpha": 0.5}
    return [
        Line2D([], [], color=model_colour(0), label=f"an architecture ({counts})", **point),
        Line2D([], [], color=BLACK, linewidth=1.6, label="mean of a choice"),
    ]
