"""Names beside points, placed where they cover the least."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from kdnas.figures.style import BLACK, SMALL

Side = tuple[float, float, str, str]
_SHIFTS = {"left": 0.0, "bottom": 0.0, "center": 0.5, "right": 1.0, "top": 1.0}
_NEAR = 6  # points: a name this close to its point needs no line to it
# where a name may stand: offset in points from its point, horizontal and vertical alignment
_SIDES: list[Side] = [
    (
        x,
        y,
        "left" if x > 0 else "right" if x < 0 else "center",
        "bottom" if y > 0 else "top" if y < 0 else "center",
    )
    for distance in (_NEAR, 12, 20, 30, 45, 60)
    for x, y in (
        (distance, 0),
        (-distance, 0),
        (0, distance),
        (0, -distance),
        (distance, distance),
        (-distance, distance),
        (distance, -distance),
        (-distance, -distance),
    )
]


def place_labels(axes: Axes, names: Mapping[tuple[float, float], str]) -> None:
    """Write ``names`` (by the place of their point, in data units) so that they cover little of the drawing.

    Each in turn takes the first side on which it and the line to its point stay inside the axes and off other
    names and their points, and on which it covers the fewest points and lines. The limits must be final.
    """
    axes.figure.draw_without_rendering()
    points = np.concatenate([_pixels(line) for line in axes.lines])
    taken: list[Bbox] = []
    leaders: list[np.ndarray] = []
    rings = {place: _ring(axes, place) for place in names}
    for place in sorted(names):
        draft = _write(axes, names[place], place, _SIDES[0])
        size = Text.get_window_extent(draft).size  # of the text alone, without its line to the point
        draft.remove()
        boxes = {side: _box(axes, size, place, side) for side in _SIDES}
        closed = taken + [ring for other, ring in rings.items() if other != place]
        costs = {side: _cost(axes, box, place, closed, leaders, points) for side, box in boxes.items()}
        best = min(costs, key=costs.__getitem__)
        _write(axes, names[place], place, best)
        taken.append(boxes[best])
        leaders.append(_leader(axes, place, boxes[best]))
        points = np.concatenate([points, leaders[-1]])


def _write(axes: Axes, name: str, place: tuple[float, float], side: Side) -> Annotation:
    x, y, horizontal, vertical = side
    near = max(abs(x), abs(y)) <= _NEAR
    line = {"arrowstyle": "-", "color": BLACK, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 3}
    label = axes.annotate(
        name,
        place,
        xytext=(x, y),
        textcoords="offset points",
        horizontalalignment=horizontal,
        verticalalignment=vertical,
        fontsize=SMALL,
        color=BLACK,
        linespacing=1.1,
        path_effects=[withStroke(linewidth=1.5, foreground="white")],
        # the line leaves the text at the corner or edge that faces the point
        arrowprops=None if near else line | {"relpos": (_SHIFTS[horizontal], _SHIFTS[vertical])},
    )
    label.set_in_layout(False)
    return label


def _box(axes: Axes, size: np.ndarray, place: tuple[float, float], side: Side) -> Bbox:
    """Return where a label of this size would stand on this side of its point, in pixels."""
    x, y, horizontal, vertical = side
    corner = axes.transData.transform(place) + np.array([x, y]) * axes.figure.dpi / 72
    corner -= size * (_SHIFTS[horizontal], _SHIFTS[vertical])
    return Bbox.from_bounds(*corner, *size).padded(1)


def _ring(axes: Axes, place: tuple[float, float]) -> Bbox:
    return Bbox([axes.transData.transform(place)] * 2).padded(3.5 * axes.figure.dpi / 72)


def _leader(axes: Axes, place: tuple[float, float], box: Bbox) -> np.ndarray:
    """Return places along the line from a point to the nearest place of its label's box, in pixels."""
    start = axes.transData.transform(place)
    return _along(np.array([start, np.clip(start, box.min, box.max)]))


def _cost(
    axes: Axes,
    box: Bbox,
    place: tuple[float, float],
    closed: list[Bbox],
    leaders: list[np.ndarray],
    points: np.ndarray,
) -> tuple[int, int]:
    """Return the damage of a label in this box: names hit, lines or frame crossed, then points covered."""
    leader = _leader(axes, place, box)
    hits = box.count_overlaps(closed) + sum(_covered(other, leader) > 0 for other in closed)
    hits += sum(_cross(leader[[0, -1]], other[[0, -1]]) for other in leaders)
    outside = (box.min < axes.bbox.min).any() or (box.max > axes.bbox.max).any()
    return hits + int(outside), _covered(box, points)


def _cross(first: np.ndarray, second: np.ndarray) -> bool:
    """Tell whether two line segments, each of shape (2 ends, 2), cross."""

    def apart(line: np.ndarray, ends: np.ndarray) -> bool:
        """Tell whether the two ends lie on different sides of the line."""
        along, towards = line[1] - line[0], ends - line[0]
        sides = along[0] * towards[:, 1] - along[1] * towards[:, 0]
        return sides[0] * sides[1] < 0

    return apart(first, second) and apart(second, first)


def _covered(box: Bbox, points: np.ndarray) -> int:
    return int(((box.min < points) & (points < box.max)).all(axis=1).sum())


def _pixels(line: Line2D) -> np.ndarray:
    """Return what a line covers, in pixels: its markers, or places along its stroke (steps included)."""
    vertices = line.get_transform().transform_path(line.get_path()).vertices
    return vertices if line.get_linestyle() == "None" else _along(vertices)


def _along(vertices: np.ndarray) -> np.ndarray:
    """Return places along a polyline, one every six pixels or closer."""
    lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(vertices, axis=0).T))])
    at = np.linspace(0, lengths[-1], 2 + int(lengths[-1] / 6))
    return np.column_stack([np.interp(at, lengths, vertices[:, axis]) for axis in (0, 1)])
