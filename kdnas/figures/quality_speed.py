"""Final quality against speed: what a reader chooses a student by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from kdnas.figures.labels import place_labels
from kdnas.figures.style import (
    BLACK,
    GREY,
    WIDE,
    bottom_legend,
    light_grid,
    model_colour,
    model_marker,
    new_figure,
    style,
)
from kdnas.files.csv_file import read_csv
from kdnas.runtimes import TORCH
from kdnas.tables.overview import HAND_CRAFTED, TEACHER, deployed_models, final_students

_HEIGHT = 3.0  # inches
_TICKS = (0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30)


def quality_speed_figure(
    scores: str | Path, sizes: str | Path, device: str, deployment: str | Path | None = None
) -> Figure:
    """Draw the average score of every final student against its speed-up over the teacher.

    ``scores`` and ``sizes`` are the CSV forms of the tables ``glue`` and ``efficiency``, ``device`` is whose
    speed-up counts (``cpu`` or ``gpu``). Horizontal bars are the 95 % interval of the speed-up, vertical ones
    the standard deviation over seeds, where there are two or more. The axis on the right has the share of the
    teacher's average. With ``deployment``, the CSV form of that table, every model stands in each runtime, a
    line joins its points, and speed-ups are over the teacher in torch. Raises UserError for a missing or
    damaged file.
    """
    students = final_students(scores, sizes, device)
    teacher, others = students.loc["teacher"], students.drop(index="teacher")
    others = others[others["speedup"].notna()]
    with style():
        figure = new_figure(_HEIGHT, bool(read_csv(scores)["synthetic"].any()), WIDE)
        axes = figure.subplots()
        in_torch = "" if deployment is None else " in torch"
        if deployment is None:
            _draw(axes, teacher, others)
            handles, named = _legend(others), others.assign(model=others.index)
        else:
            models = deployed_models(students, deployment)
            _draw_runtimes(axes, models)
            handles = _legend_of_runtimes(models)
            named = models.loc[models.groupby("model", sort=False)["speedup"].idxmax()]
        _scale(axes)
        axes.set_xlabel(f"Speed-up over the teacher{in_torch} ({device.upper()})")
        axes.set_ylabel("Average score (points)")
        share = axes.secondary_yaxis(
            "right",
            functions=(
                lambda points: 100 * points / teacher["average"],
                lambda percent: percent * teacher["average"] / 100,
            ),
        )
        share.set_ylabel(f"% of the teacher{in_torch}")
        bottom_legend(figure, handles, columns=4)
        names: dict[tuple[float, float], str] = {}
        for row in named.itertuples():  # students of one architecture share a point
            place = (row.speedup, row.average)
            names[place] = f"{names[place]},\n{row.model}" if place in names else str(row.model)
        place_labels(axes, names)
    return figure


def _draw(axes: Axes, teacher: pd.Series, others: pd.DataFrame) -> None:
    light_grid(axes, "both")
    axes.axhline(teacher["average"], color=GREY, linewidth=0.7, linestyle=(0, (4, 3)))
    axes.plot(1.0, teacher["average"], marker="*", markersize=9, color=BLACK, linestyle="")
    for position, origin in enumerate(dict.fromkeys(others["origin"])):
        rows = others[others["origin"] == origin]
        for row in rows.itertuples():
            _draw_intervals(axes, row, model_colour(position))
        axes.plot(
            rows["speedup"],
            rows["average"],
            linestyle="",
            marker=model_marker(position),
            color=model_colour(position),
            markersize=5,
        )


def _draw_runtimes(axes: Axes, models: pd.DataFrame) -> None:
    light_grid(axes, "both")
    reference = models.loc[f"teacher in {TORCH}"]
    axes.axhline(reference["average"], color=GREY, linewidth=0.7, linestyle=(0, (4, 3)))
    colours, markers = _colours(models), _markers(models)
    for _, rows in models.groupby("model", sort=False):
        colour = colours[rows["origin"].iloc[0]]
        ordered = rows.sort_values("speedup")
        axes.plot(ordered["speedup"], ordered["average"], color=colour, linewidth=0.5, alpha=0.6)
        for row in rows.itertuples():
            _draw_intervals(axes, row, colour)
            axes.plot(
                row.speedup, row.average, **_look(markers[row.runtime], colour, row.runtime), markersize=5
            )


def _draw_intervals(axes: Axes, row: Any, colour: str) -> None:
    """Draw those of a point as lines, not error bars: names keep off lines."""
    if pd.notna(row.speedup_low):  # a latency table has no intervals
        axes.plot([row.speedup_low, row.speedup_high], [row.average] * 2, color=colour, linewidth=0.8)
    if pd.notna(row.sd):
        axes.plot(
            [row.speedup] * 2, [row.average - row.sd, row.average + row.sd], color=colour, linewidth=0.8
        )


def _scale(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    axes.margins(x=0.12, y=0.22)


def _colours(models: pd.DataFrame) -> dict[str, str]:
    """Return the colour of each origin, the teacher's is black."""
    origins = dict.fromkeys(models["origin"])
    origins.pop(TEACHER)
    return {TEACHER: BLACK} | {origin: model_colour(position) for position, origin in enumerate(origins)}


def _markers(models: pd.DataFrame) -> dict[str, str]:
    return {name: model_marker(position) for position, name in enumerate(dict.fromkeys(models["runtime"]))}


def _look(marker: str, colour: str, runtime: str) -> dict[str, str]:
    """Return a point's look: filled in torch, hollow elsewhere."""
    fill = colour if runtime == TORCH else "white"
    return {"linestyle": "", "marker": marker, "color": colour, "markerfacecolor": fill}


def _legend_of_runtimes(models: pd.DataFrame) -> list[Line2D]:
    handles = [
        Line2D([], [], color=colour, linewidth=3, label=_origin_name(origin))
        for origin, colour in _colours(models).items()
    ]
    return handles + [
        Line2D([], [], **_look(marker, GREY, runtime), markersize=4.5, label=runtime)
        for runtime, marker in _markers(models).items()
    ]


def _origin_name(origin: str) -> str:
    if origin == TEACHER:
        return "teacher"
    return "hand-crafted" if origin == HAND_CRAFTED else f"found by {origin}"


def _legend(others: pd.DataFrame) -> list[Line2D]:
    handles = [Line2D([], [], linestyle="", marker="*", markersize=8, color=BLACK, label="teacher")]
    for position, origin in enumerate(dict.fromkeys(others["origin"])):
        name = _origin_name(origin)
        marker, colour = model_marker(position), model_colour(position)
        handles.append(Line2D([], [], linestyle="", marker=marker, markersize=4.5, color=colour, label=name))
    return handles
