"""The look of every figure: one or two columns wide, DejaVu Sans, colours for colour-blind readers too."""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Iterator, Sequence

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH, WIDE = 3.3, 6.9  # inches: one column and both columns of a two-column page
SMALL = 7  # points: what stands beside points
# Okabe and Ito (2008), "Color Universal Design": the order is ours, its yellow is too pale for markers
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5C99")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
BLACK, GREY, LIGHT, PALE = "#222222", "#6b6b6b", "#a3a3a3", "#d9d9d9"
PROXY_QUALITY = {  # by ``reward.quality``: in two lines, because one would be longer than a low axis
    "accuracy": "Proxy quality\n(held-out score)",
    "loss": "Proxy quality\n(1 − held-out loss)",
    "agreement": "Proxy quality\n(held-out agreement)",
}
SYNTHETIC = "Synthetic data, not GLUE"
_LINE = 38  # characters in one column

_SETTINGS = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.titlepad": 3,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "text.color": BLACK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": BLACK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": BLACK,
    "ytick.labelcolor": BLACK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.1,
    "legend.frameon": False,
    "figure.dpi": 100,
    "savefig.dpi": 300,
    "svg.fonttype": "path",
    "svg.hashsalt": "kdnas",
    "pdf.fonttype": 42,
}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draw with these settings alone, whatever the user's own matplotlib configuration says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def new_figure(height: float, synthetic: bool, width: float = WIDTH) -> Figure:
    """Return an empty figure of ``width`` by ``height`` inches; it says if data are synthetic."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    if synthetic:
        figure.suptitle(SYNTHETIC, x=0.01, ha="left", fontsize=SMALL, color=GREY, style="italic")
    return figure


def light_grid(axes: Axes, axis: str) -> None:
    """Draw pale lines behind the data, across the given axis."""
    axes.grid(axis=axis, color=PALE, linewidth=0.4)
    axes.set_axisbelow(True)


def only_text(axes: Axes, text: str) -> None:
    """Leave nothing of the axes but ``text`` in their middle: why there is nothing to draw."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.patch.set(facecolor=PALE, alpha=0.4)
    lines = textwrap.fill(text, _LINE)
    axes.text(0.5, 0.5, lines, transform=axes.transAxes, ha="center", va="center")


def bottom_legend(figure: Figure, handles: Sequence[Artist], columns: int) -> None:
    """Put a legend of these artists below the axes, at most ``columns`` beside each other, as many as fit."""
    for ncols in range(columns, 0, -1):
        legend = figure.legend(
            handles=list(handles),
            loc="outside lower center",
            ncols=ncols,
            handlelength=1.5,
            handletextpad=0.4,
            columnspacing=0.9,
            borderpad=0.1,
        )
        # letters are a little wider at the resolution that is saved
        if ncols == 1 or legend.get_window_extent().width <= 0.95 * figure.bbox.width:
            return
        legend.remove()


def model_colour(position: int) -> str:
    """Return the colour of the model or strategy at this position; they come round again."""
    return COLOURS[position % len(COLOURS)]


def model_marker(position: int) -> str:
    """Return the marker of the model or strategy at this position; they come round again."""
    return MARKERS[position % len(MARKERS)]
