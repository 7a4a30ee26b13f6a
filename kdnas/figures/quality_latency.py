"""Quality against latency: all candidates, the Pareto front, and the selected and the matched students."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from kdnas.figures.labels import place_labels
from kdnas.figures.style import (
    BLACK,
    GREY,
    PROXY_QUALITY,
    SMALL,
    bottom_legend,
    light_grid,
    model_colour,
    model_marker,
    new_figure,
    style,
)
from kdnas.files.artifacts import read_json
from kdnas.search.baselines import Baseline
from kdnas.search.history import read_history
from kdnas.search.selection import pareto_front
from kdnas.tables.letters import lettered

_HEIGHT, _LINE_HEIGHT = 2.9, 0.125  # inches: of the drawing with its legend, and of a name below it
_FEW, _PER_LETTER = 12, 0.08  # letters in a drawing of that height, and inches for each more
_LONGEST = 22  # characters of a name in the legend
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5)


def quality_latency_figure(
    histories: Mapping[str, str | Path],
    students: Sequence[str | Path],
    *,
    baselines: Mapping[str, Baseline],
    latency_budgets: Sequence[float],
    quality: str,
    timed_in: str,
    synthetic: bool,
) -> Figure:
    """Draw quality against the latency ratio to the teacher (logarithmic) for every candidate that worked.

    The line is the Pareto front of all strategies together, dashed lines are the budgets. Letters by latency
    stand for the selected and the matched students; their names are below, as long as they may be. Raises
    UserError for a missing or damaged file.

    Args:
        histories: the last ``history.csv`` of each strategy.
        students: ``architecture.json`` files, of which those that no search found are left out.
        baselines: the hand-crafted students of ``students.matched``, by name.
        latency_budgets: shares of the teacher's latency.
        quality: the config's ``reward.quality``.
        timed_in: where latencies were measured.
        synthetic: whether the data are generated.
    """
    found = {strategy: read_history(path) for strategy, path in histories.items()}
    succeeded = {strategy: history[history["status"] == "ok"] for strategy, history in found.items()}
    selected = [student for student in map(read_json, students) if student["quality"] is not None]
    matched = [{"student": name, **asdict(baseline)} for name, baseline in baselines.items()]
    with style():
        names = _names(selected + matched)
        lines_of_names = sum(map(len, names.values()))
        drawing = _HEIGHT + _PER_LETTER * max(0, len(names) - _FEW)
        heights = [drawing, max(_LINE_HEIGHT, lines_of_names * _LINE_HEIGHT)]
        figure = new_figure(sum(heights), synthetic)
        axes, key = figure.subplots(2, 1, height_ratios=heights)
        light_grid(axes, "y")
        handles = []
        for position, (strategy, history) in enumerate(succeeded.items()):
            # one is filled and small, the others hollow: an architecture of both shows as one in the other
            handles += axes.plot(
                history["latency_ratio"],
                history["quality"],
                model_marker(position),
                color=model_colour(position),
                markersize=(4.2 if position else 3) * (1 if len(history) <= 100 else 0.8),
                markeredgewidth=0.6 if position else 0,
                markerfacecolor="none" if position else model_colour(position),
                label=strategy,
            )
        everything = pd.concat(succeeded.values())
        front = pareto_front(everything)
        handles += axes.plot(
            front["latency_ratio"],
            front["quality"],
            drawstyle="steps-post",
            color=BLACK,
            linewidth=0.9,
            zorder=1,
            label="Pareto front",
        )
        ratios = [student["latency_ratio"] for student in matched]
        _scale(axes, [*everything["latency_ratio"], *ratios, *latency_budgets])
        lines = [axes.axvline(x, color=GREY, lw=0.7, ls=(0, (4, 3)), zorder=0) for x in latency_budgets]
        if lines:
            lines[0].set_label(_budgets_label(latency_budgets))
        handles += lines[:1]
        axes.set_xlabel(f"Latency / teacher's ({timed_in}; log)")
        axes.set_ylabel(PROXY_QUALITY[quality])
        handles += _mark(axes, selected, "o", 6.5, "selected student")
        handles += _mark(axes, matched, "x", 4, "hand-crafted")
        bottom_legend(figure, handles, columns=3)
        letters = lettered(names)
        _write_key(key, [(letters[place], name) for place in names for name in names[place]])
        place_labels(axes, letters)
    return figure


def _mark(axes: Axes, students: list[dict[str, Any]], marker: str, size: float, label: str) -> list[Line2D]:
    """Draw hollow black markers of ``size`` points and return them for the legend, if there are any."""
    if not students:
        return []
    places = ([student[key] for student in students] for key in ("latency_ratio", "quality"))
    look = {"markerfacecolor": "none", "markeredgecolor": BLACK, "markeredgewidth": 0.9}
    return axes.plot(*places, marker, markersize=size, label=label, **look)


def _budgets_label(budgets: Sequence[float]) -> str:
    each = "budget " + ", ".join(f"{budget:g}" for budget in budgets)
    return each if len(each) <= _LONGEST else f"{len(budgets)} budgets"


def _names(students: list[dict[str, Any]]) -> dict[tuple[float, float], list[str]]:
    """Return the students' names by place, from the fastest; those that are the same candidate share one."""
    names: dict[tuple[float, float], list[str]] = {}
    for student in students:
        names.setdefault((student["latency_ratio"], student["quality"]), []).append(student["student"])
    return dict(sorted(names.items()))


def _write_key(axes: Axes, rows: list[tuple[str, str]]) -> None:
    """Leave nothing of the axes but the students' names, each behind the letter of its point."""
    axes.set_axis_off()
    name_at = 0.03 + 0.02 * max((len(letter) for letter, _ in rows), default=0)
    for number, row in enumerate(rows):
        below = (0, -72 * _LINE_HEIGHT * number)  # in points: the axes may be lower than their lines
        for x, text in zip((0.0, name_at), row, strict=True):
            axes.annotate(
                text,
                (x, 1),
                below,
                xycoords="axes fraction",
                textcoords="offset points",
                va="top",
                fontsize=SMALL,
            )


def _scale(axes: Axes, ratios: list[float]) -> None:
    """Set limits and ticks so that all ``ratios`` are inside."""
    axes.set_xscale("log")
    axes.set_xlim(0.85 * min(ratios), 1.18 * max(ratios))
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.06 * (high - low))  # room for letters above the front
    left, right = axes.get_xlim()
    inside = [tick for tick in _TICKS if left <= tick <= right]
    axes.xaxis.set_major_locator(FixedLocator(inside) if len(inside) > 1 else MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
