"""Curves of replayed searches: median regret and hypervolume, by evaluations and by hours."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kdnas.figures.style import (
    COLOURS,
    GREY,
    WIDE,
    bottom_legend,
    light_grid,
    model_colour,
    new_figure,
    style,
)

SCREENED = "_screened"  # ends the name of a strategy that screens
LABELS = {"regret": "Simple regret", "hypervolume": "Hypervolume (share)", "lack": "Lack within budgets"}
UNITS = {"evaluations": "Evaluations", "hours": "Hours of training"}


def curves_figure(curves: pd.DataFrame) -> Figure:
    """Draw a row of panels for each measure of ``curves.csv`` and a column for each unit.

    Lines are medians over searches, bands their 95 % intervals. Random search is the dashed grey line; a
    strategy that screens has its own colour, dotted.
    """
    measures, units = list(curves["measure"].unique()), list(curves["unit"].unique())
    strategies = list(curves["strategy"].unique())
    plain = [name for name in strategies if not name.endswith(SCREENED)]
    colours = {name: model_colour(place - 1) for place, name in enumerate(plain)} | {"random": GREY}
    looks = {name: {"color": colours[name.removesuffix(SCREENED)], "linestyle": "-"} for name in strategies}
    for name in plain[len(COLOURS) + 1 :]:  # colours come round again
        looks[name]["linestyle"] = "-."
    looks |= {name: look | {"linestyle": ":"} for name, look in looks.items() if name not in plain}
    looks["random"]["linestyle"] = (0, (4, 2))
    with style():
        figure = new_figure(0.5 + 2.1 * len(measures), False, WIDE)
        panels = figure.subplots(len(measures), len(units), sharex="col", sharey="row", squeeze=False)
        for (measure, unit), rows in curves.groupby(["measure", "unit"], sort=False):
            axes = panels[measures.index(measure), units.index(unit)]
            light_grid(axes, "both")
            for name, curve in rows.groupby("strategy", sort=False):
                axes.plot(curve["at"], curve["median"], drawstyle="steps-post", zorder=3, **looks[name])
                band = {"color": looks[name]["color"], "alpha": 0.15, "linewidth": 0}
                axes.fill_between(curve["at"], curve["low"], curve["high"], step="post", **band)
        for axes, measure in zip(panels[:, 0], measures, strict=True):
            axes.set_ylabel(LABELS[measure])
            _limit(axes, curves[(curves["measure"] == measure) & (curves["unit"] == units[0])])
        for axes, unit in zip(panels[-1], units, strict=True):
            axes.set_xlabel(UNITS[unit])
        bottom_legend(figure, [Line2D([], [], label=name, **look) for name, look in looks.items()], columns=5)
    return figure


def _limit(axes: Axes, curves: pd.DataFrame) -> None:
    """Fit the vertical axis to what comes after a tenth of the budget: chance decides what comes before."""
    later = curves.loc[curves["at"] >= curves["at"].max() / 10, ["low", "high"]]
    low, high = later["low"].min(), later["high"].max()
    space = 0.04 * (high - low) or 0.01
    axes.set_ylim(low - space, high + space)
