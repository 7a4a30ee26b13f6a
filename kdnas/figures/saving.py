"""Write a figure as SVG, PDF and PNG, the same bytes for the same figure."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from kdnas.figures.style import style
from kdnas.files.artifacts import atomic_path

_NO_DATE = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}


def save_figure(figure: Figure, *, svg: str | Path, pdf: str | Path, png: str | Path) -> None:
    """Write the three forms of a figure (PNG at 300 dpi); raises UserError when a file can't be written."""
    with style():
        for kind, path in {"svg": svg, "pdf": pdf, "png": png}.items():
            with atomic_path(path) as temporary:
                figure.savefig(temporary, format=kind, metadata=_NO_DATE[kind])
