"""GLUE by task: every model's score on every task and the average."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from kdnas.figures.style import (
    BLACK,
    WIDE,
    bottom_legend,
    light_grid,
    model_colour,
    new_figure,
    style,
)
from kdnas.files.csv_file import read_csv

_MOST_COLUMNS = 4  # panels beside each other
_ROW, _PANEL, _REST = 0.125, 0.5, 0.4  # inches: a student, what else a row of panels needs, the rest


def glue_figure(path: str | Path) -> Figure:
    """Draw the CSV form of the ``glue`` table: one panel a column of scores, the average last.

    The bar in a panel is the teacher, the points are the students, a row each in the table's order; error
    bars are the standard deviation over seeds, where there are two or more. Scores are points; each panel has
    its own scale. Raises UserError for a missing or damaged file.
    """
    table = read_csv(path)
    students = [model for model in dict.fromkeys(table["model"]) if model != "teacher"]
    scored = table[table["split"].notna() | (table["task"] == "average")]
    labels = [label for label in dict.fromkeys(scored["label"]) if label != "Avg."] + ["Avg."]
    outside = set(scored.loc[~scored["in_average"] & scored["split"].notna(), "label"])
    rows = -(-len(labels) // _MOST_COLUMNS)
    columns = -(-len(labels) // rows)
    with style():
        height = _REST + rows * (_PANEL + _ROW * max(len(students), 2))
        figure = new_figure(height, bool(table["synthetic"].any()), WIDE)
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
        for axes in panels.flat[len(labels) :]:
            axes.set_axis_off()
        for position, (axes, label) in enumerate(zip(panels.flat, labels, strict=False)):
            _draw_panel(axes, scored[scored["label"] == label].set_index("model"), students)
            axes.set_title(f"{label} (not in avg.)" if label in outside else label)
            if position >= columns * (rows - 1):
                axes.set_xlabel("Score (points)")
        panels[0, 0].set_yticks(range(len(students)), students)
        panels[0, 0].set_ylim(len(students) - 0.4, -0.6)
        bottom_legend(figure, _legend(bool(scored["sd"].notna().any())), columns=2)
    return figure


def _draw_panel(axes: Axes, cells: pd.DataFrame, students: list[str]) -> None:
    light_grid(axes, "both")
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.margins(x=0.08)
    teacher = cells["score"].get("teacher")
    if not pd.isna(teacher):
        axes.axvline(teacher, color=BLACK, linewidth=1.2)
    for position, student in enumerate(students):
        if student not in cells.index or pd.isna(cells.at[student, "score"]):
            continue
        sd = cells.at[student, "sd"]
        axes.errorbar(
            cells.at[student, "score"],
            position,
            xerr=None if pd.isna(sd) else sd,
            fmt="o",
            color=model_colour(0),
            markersize=3.2,
            elinewidth=0.8,
        )


def _legend(with_spread: bool) -> list[Line2D]:
    teacher = Line2D(
        [], [], linestyle="", marker="|", markersize=7, markeredgewidth=1.2, color=BLACK, label="teacher"
    )
    name = "student, ± standard deviation over seeds" if with_spread else "student"
    return [
        teacher,
        Line2D([], [], linestyle="", marker="o", markersize=3.5, color=model_colour(0), label=name),
    ]
