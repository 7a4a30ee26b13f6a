"""Reward by episode: every candidate of every strategy and the best one so far."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from kdnas.figures.style import GREY, LIGHT, bottom_legend, light_grid, model_colour, new_figure, style
from kdnas.search.history import read_history

_EPISODE_WIDTH = 0.8  # candidates stand in their order within this width around the episode's number


def reward_figure(histories: Mapping[str, str | Path], synthetic: bool) -> Figure:
    """Draw one panel a strategy from its last ``history.csv``, all on one scale.

    Hollow points were drawn at random, filled ones chosen by the controller, crosses at the bottom failed;
    the step line is the best reward so far, the grey ones are those of the other strategies. Raises UserError
    for a missing or damaged file.
    """
    found = {strategy: _placed(read_history(path)) for strategy, path in histories.items()}
    with style():
        figure = new_figure(0.9 + 1.3 * len(found), synthetic)
        panels = figure.subplots(len(found), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for position, (strategy, history) in enumerate(found.items()):
            axes, colour = panels[position], model_colour(position)
            light_grid(axes, "y")
            axes.set_title(strategy, loc="left", color=colour, fontweight="bold", pad=2)
            for other, its_history in found.items():
                if other != strategy:
                    _draw_best(axes, its_history, LIGHT, 1)
            _draw_candidates(axes, history, colour)
            _draw_best(axes, history, colour, 3)
            axes.set_ylabel("Reward")
        _set_limits(panels[0], found)
        panels[-1].set_xlabel("Episode")
        panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
        bottom_legend(figure, _legend(found), columns=3)
    return figure


def _placed(history: pd.DataFrame) -> pd.DataFrame:
    """Add ``x``, the place on the axis in units of episodes, and ``best``, the best reward so far."""
    order = history.groupby("episode").cumcount()
    size = history.groupby("episode")["candidate"].transform("size")
    x = history["episode"] + _EPISODE_WIDTH * ((order + 0.5) / size - 0.5)
    return history.assign(x=x, best=history["reward"].where(history["status"] == "ok").cummax().ffill())


def _draw_candidates(axes: Axes, history: pd.DataFrame, colour: str) -> None:
    succeeded = history[history["status"] == "ok"]
    size = 3 if len(history) <= 100 else 2.2
    for origin, face in {"random": "white", "controller": colour}.items():
        rows = succeeded[succeeded["origin"] == origin]
        axes.plot(
            rows["x"],
            rows["reward"],
            "o",
            markersize=size,
            markeredgewidth=0.7,
            color=colour,
            mfc=face,
            zorder=2,
        )
    failed = history[history["status"] != "ok"]["x"]
    at_bottom = axes.get_xaxis_transform()
    if len(failed):  # an empty unclipped line would take its place in the layout
        axes.plot(
            failed,
            [0.05] * len(failed),
            "x",
            transform=at_bottom,
            markersize=3.5,
            color=colour,
            clip_on=False,
        )


def _draw_best(axes: Axes, history: pd.DataFrame, colour: str, layer: int) -> None:
    # the line runs on to the end of the last episode, so the last step can be seen
    x = [*history["x"], history["episode"].max() + 0.5]
    best = [*history["best"], history["best"].iloc[-1]]
    axes.plot(x, best, drawstyle="steps-post", color=colour, zorder=layer)


def _set_limits(axes: Axes, found: Mapping[str, pd.DataFrame]) -> None:
    """Fit the scale to the candidates that succeeded; failed ones have no reward worth a scale."""
    rewards = pd.concat([history.loc[history["status"] == "ok", "reward"] for history in found.values()])
    low, high = rewards.min(), rewards.max()
    space = 0.08 * (high - low) or 0.01
    axes.set_ylim(low - 2 * space, high + space)
    axes.set_xlim(0.5, max(history["episode"].max() for history in found.values()) + 0.5)


def _legend(found: Mapping[str, pd.DataFrame]) -> list[Line2D]:
    rows = pd.concat(found.values())

    def point(label: str, marker: str, face: str) -> Line2D:
        return Line2D([], [], linestyle="", marker=marker, markersize=3.5, color=GREY, mfc=face, label=label)

    handles = [point("drawn at random", "o", "white")]
    if (rows["origin"] == "controller").any():
        handles.append(point("controller", "o", GREY))
    if (rows["status"] != "ok").any():
        handles.append(point("failed", "x", GREY))
    handles.append(Line2D([], [], color=GREY, label="best so far"))
    if len(found) > 1:
        handles.append(Line2D([], [], color=LIGHT, label="others' best"))
    return handles
