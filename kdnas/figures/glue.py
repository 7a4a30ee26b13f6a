"""GLUE by task: every model's score on every task and the average."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kdnas.figures.style import (
    BLACK,
    PALE,
    bottom_legend,
    light_grid,
    model_colour,
    model_marker,
    new_figure,
    style,
)
from kdnas.tables.writing import read_csv

_ROW, _GAP = 0.075, 0.12  # inches: a student within a task, the space between tasks


def glue_figure(path: str | Path) -> Figure:
    """Draw the CSV form of the ``glue`` table: one group a column of scores, the average last.

    The bar across a group is the teacher, the points are the students in the table's order; error bars are
    the standard deviation over seeds, where there are two or more. Scores are points. Raises UserError for a
    missing or damaged file.
    """
    table = read_csv(path)
    models = list(dict.fromkeys(table["model"]))
    students = [model for model in models if model != "teacher"]
    scored = table[table["split"].notna() | (table["task"] == "average")]
    labels = [label for label in dict.fromkeys(scored["label"]) if label != "Avg."] + ["Avg."]
    group = _ROW * max(len(students), 2) + _GAP
    with style():
        legend_rows = -(-len(models) // 2)
        figure = new_figure(0.55 + group * len(labels) + 0.14 * legend_rows, bool(table["synthetic"].any()))
        axes = figure.subplots()
        light_grid(axes, "x")
        for position, label in enumerate(labels):
            cells = scored[scored["label"] == label].set_index("model")
            _draw_group(axes, position, cells, students, group)
        axes.axhline(len(labels) - 1.5, color=BLACK, linewidth=0.6)
        outside = set(scored.loc[~scored["in_average"] & scored["split"].notna(), "label"])
        names = [f"{label}\n(not in avg.)" if label in outside else label for label in labels]
        axes.set_yticks(range(len(labels)), names)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.margins(x=0.04)
        axes.set_xlabel("Score (points)")
        bottom_legend(figure, _legend(students), columns=2)
    return figure


def _draw_group(axes: Axes, position: int, cells: pd.DataFrame, students: list[str], group: float) -> None:
    if position % 2:
        axes.axhspan(position - 0.5, position + 0.5, color=PALE, alpha=0.3, linewidth=0, zorder=0)
    half = 0.5 - _GAP / 2 / group
    teacher = cells["score"].get("teacher")
    axes.plot([teacher, teacher], [position - half, position + half], color=BLACK, linewidth=1.2)
    for order, student in enumerate(students):
        if student not in cells.index or pd.isna(cells.at[student, "score"]):
            continue
        sd = cells.at[student, "sd"]
        axes.errorbar(
            cells.at[student, "score"],
            position + (order - (len(students) - 1) / 2) * _ROW / group,
            xerr=None if pd.isna(sd) else sd,
            fmt=model_marker(order),
            color=model_colour(order),
            markersize=3.2,
            elinewidth=0.8,
        )


def _legend(students: list[str]) -> list[Line2D]:
    teacher = Line2D(
        [], [], linestyle="", marker="|", markersize=7, markeredgewidth=1.2, color=BLACK, label="teacher"
    )
    return [teacher] + [
        Line2D(
            [], [], linestyle="", marker=model_marker(i), markersize=3.5, color=model_colour(i), label=student
        )
        for i, student in enumerate(students)
    ]
