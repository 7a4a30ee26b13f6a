"""Fidelity: the quality that a proxy gives an architecture against its score after full distillation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from kdnas.analysis.fidelity import pairs, proxies
from kdnas.figures.style import BLACK, GREY, bottom_legend, light_grid, model_colour, new_figure, style
from kdnas.files.artifacts import read_json
from kdnas.files.csv_file import read_csv

_COLUMNS = 3  # panels beside each other, at most
_STARTS = {
    "teacher": "from the teacher",
    "refit": "refitted to the teacher",
    "random": "random initialisation",
}
_QUALITY = {"accuracy": "Proxy score", "loss": "1 − proxy loss", "agreement": "Proxy agreement"}


def fidelity_figure(evaluations: Sequence[str | Path], table: str | Path, quality: str) -> Figure:
    """Draw one panel a proxy: its quality against the score (points) after full distillation.

    ``evaluations`` are the files of all settings and ``table`` is the CSV form of the ``fidelity`` table,
    which has the rank correlations; ``quality`` is ``reward.quality``. Initialisations start new rows, whose
    panels share the vertical axis. The dashed line is the best score, the ring the architecture that the
    proxy ranks first. Raises UserError for a missing or damaged file.
    """
    records = [read_json(path) for path in evaluations]
    cells = read_csv(table)
    taus = cells[cells["quality"] == quality].set_index("predictor")
    rows = []
    for position, whole in enumerate(record for record in records if record["proxy_epochs"] is None):
        found = proxies(records, whole)
        columns = math.ceil(len(found) / math.ceil(len(found) / _COLUMNS))
        rows += [(position, whole, found[i : i + columns]) for i in range(0, len(found), columns)]
    with style():
        figure = new_figure(0.55 + 1.45 * len(rows), bool(cells["synthetic"].any()))
        grid = figure.subplots(len(rows), columns, sharey="row", squeeze=False)
        for axes_row, (position, whole, found) in zip(grid, rows, strict=True):
            for axes in axes_row[len(found) :]:
                axes.set_visible(False)
            for axes, proxy in zip(axes_row, found, strict=False):
                points = pairs(proxy, whole, f"quality_{quality}")
                if quality != "loss":  # in points, like the score that it is set against
                    points["predicted"] *= 100
                _draw(axes, points, model_colour(position))
                _title(axes, proxy, taus.loc[proxy["setting"]])
            axes_row[0].set_ylabel("Full score")
        for column in grid.T:
            [axes for axes in column if axes.get_visible()][-1].set_xlabel(_QUALITY[quality])
        bottom_legend(figure, _legend(1 + position), columns=3)
    return figure


def _draw(axes: Axes, points: pd.DataFrame, colour: str) -> None:
    light_grid(axes, "both")
    axes.margins(0.12)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    if points.empty:
        return
    axes.axhline(points["score"].max(), color=GREY, linewidth=0.7, linestyle=(0, (4, 3)), zorder=1.5)
    axes.plot(points["predicted"], points["score"], "o", markersize=3.5, mew=0, color=colour, alpha=0.85)
    if points["predicted"].nunique() > 1:
        first = points[points["predicted"] == points["predicted"].max()]
        _ring(axes, first["predicted"], first["score"])


def _ring(axes: Axes, x: Any, y: Any) -> None:
    axes.plot(x, y, "o", markersize=6.5, markerfacecolor="none", markeredgecolor=BLACK, markeredgewidth=0.9)


def _title(axes: Axes, proxy: dict[str, Any], cell: pd.Series) -> None:
    epochs = proxy["proxy_epochs"]
    trained = "no training" if epochs == 0 else f"{epochs} epoch{'s' * (epochs > 1)}"
    name = f"{_STARTS[proxy['initialisation']]}\n{trained}"
    tau = "no τ"
    if not pd.isna(cell["tau"]):
        tau = f"τ {cell['tau']:.2f} [{cell['tau_low']:.2f}, {cell['tau_high']:.2f}]".replace("-", "−")
    axes.set_title(f"{name}\n{tau}", loc="left", fontsize=6, linespacing=1.2, pad=3)


def _legend(initialisations: int) -> list[Line2D]:
    """Return the legend; its point has the colour of the panels, where they have one."""
    colour = model_colour(0) if initialisations == 1 else GREY
    point = Line2D([], [], linestyle="", marker="o", markersize=3.5, color=colour, label="architecture")
    ring = Line2D(
        [], [], linestyle="", marker="o", markersize=6.5, mfc="none", mec=BLACK, mew=0.9, label="ranked first"
    )
    best = Line2D([], [], color=GREY, linewidth=0.7, linestyle=(0, (4, 3)), label="best")
    return [point, ring, best]
