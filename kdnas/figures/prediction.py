"""Predicted against obtained reward: how well a controller knows the candidates of an episode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kdnas.figures.style import GREY, bottom_legend, light_grid, new_figure, only_text, style
from kdnas.search.history import read_history
from kdnas.search.predicted_rewards import RankCorrelation, predicted_candidates, rank_correlation

_DRAWN, _TEXT = 2.2, 0.5  # inches: the height of a panel with points, and of one without
_DASHES = (0, (4, 3))


def prediction_figure(histories: Mapping[str, str | Path], synthetic: bool) -> Figure:
    """Draw one panel a strategy from its last ``history.csv``: the candidates with a prediction, by episode.

    Its controller's own choices are filled, random slots are rings. Kendall's tau is over the pairs of one
    episode (:func:`kdnas.search.predicted_rewards.rank_correlation`). A strategy with too few predictions
    for it gets a panel of words. Candidates that failed are counted and not drawn. Raises UserError for a
    missing or damaged file.
    """
    found = {strategy: read_history(path) for strategy, path in histories.items()}
    pairs = {strategy: predicted_candidates(history) for strategy, history in found.items()}
    correlations = {strategy: rank_correlation(rows) for strategy, rows in pairs.items()}
    drawn = [strategy for strategy, found_tau in correlations.items() if found_tau.tau is not None]
    with style():
        heights = [_DRAWN if strategy in drawn else _TEXT for strategy in found]
        figure = new_figure(0.4 + sum(heights), synthetic)
        panels = figure.subplots(len(found), 1, squeeze=False, height_ratios=heights)[:, 0]
        by_name = dict(zip(found, panels, strict=True))
        for strategy, axes in by_name.items():
            axes.set_title(strategy, loc="left", fontweight="bold")
            if strategy not in drawn:
                only_text(axes, f"No τ: {correlations[strategy].reason}.")
        if drawn:
            colours = _colours(pd.concat([pairs[strategy]["episode"] for strategy in drawn]))
            for strategy in drawn:
                _draw(by_name[strategy], pairs[strategy], colours)
                counted = _counted(correlations[strategy], found[strategy], pairs[strategy])
                by_name[strategy].set_title(counted, loc="right")
            _add_scale(figure, [by_name[strategy] for strategy in drawn], colours)
            bottom_legend(figure, _legend([by_name[strategy] for strategy in drawn]), columns=2)
    return figure


def _counted(correlation: RankCorrelation, history: pd.DataFrame, pairs: pd.DataFrame) -> str:
    later = history["episode"] > history["episode"].min()
    failed = int((later & (history["status"] != "ok")).sum())
    tau, low, high = correlation.tau, correlation.low, correlation.high
    text = f"τ = {tau:.2f} [{low:.2f}, {high:.2f}], n = {len(pairs)}".replace("-", "−")
    return text + (f", {failed} failed" if failed else "")


def _colours(episodes: pd.Series) -> ScalarMappable:
    """Return a colour for every episode from the first to the last of these, dark to light."""
    first, last = int(episodes.min()), int(episodes.max())
    # viridis grows evenly lighter, in grey print too; its last shades are too pale for points
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, last - first + 1))
    return ScalarMappable(BoundaryNorm(np.arange(first, last + 2) - 0.5, len(shades)), ListedColormap(shades))


def _draw(axes: Axes, pairs: pd.DataFrame, colours: ScalarMappable) -> None:
    light_grid(axes, "both")
    own = pairs["origin"] == "controller"
    size = 14 if len(pairs) <= 100 else 9
    for rows, filled in ((pairs[own], True), (pairs[~own], False)):
        shades = colours.to_rgba(rows["episode"])
        axes.scatter(
            rows["predicted_reward"],
            rows["reward"],
            s=size,
            facecolors=shades if filled else "none",
            edgecolors=shades,
            linewidths=0.8,
            zorder=2,
        )
    axes.axis(axes.axis())  # the line below shall not move the limits
    axes.axline((0, 0), slope=1, color=GREY, linewidth=0.7, linestyle=_DASHES, zorder=1)
    axes.set_xlabel("Predicted reward")
    axes.set_ylabel("Obtained reward")


def _legend(drawn: Sequence[Axes]) -> list[Line2D]:
    dot = {"linestyle": "", "marker": "o", "markersize": 3.5, "color": GREY}
    handles = [
        Line2D([], [], label="controller", **dot),
        Line2D([], [], label="drawn at random", markerfacecolor="none", **dot),
        Line2D([], [], linestyle="", label="τ: Kendall's, by episode"),
    ]
    if any(_crosses(axes) for axes in drawn):
        handles.append(Line2D([], [], color=GREY, lw=0.7, ls=_DASHES, label="predicted = obtained"))
    return handles


def _crosses(axes: Axes) -> bool:
    """Tell whether the line of equal rewards crosses this panel."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    return max(left, bottom) < min(right, top)


def _add_scale(figure: Figure, drawn: Sequence[Axes], colours: ScalarMappable) -> None:
    first, last = colours.norm.boundaries[[0, -1]] + (0.5, -0.5)
    step = max(1, round((last - first) / 6))
    scale = figure.colorbar(
        colours,
        ax=list(drawn),
        ticks=np.arange(first, last + 1, step),
        format="%d",
        aspect=25 * len(drawn),
        pad=0.02,
    )
    scale.set_label("Episode")
    scale.outline.set_visible(False)
    scale.minorticks_off()
