"""One table, written four ways: raw numbers as CSV; rounded text as Markdown, LaTeX and HTML."""

from __future__ import annotations

import io
from pathlib import Path

from kdnas.files.artifacts import write_text
from kdnas.tables.html import html_text
from kdnas.tables.latex import latex_text
from kdnas.tables.markdown import markdown_text
from kdnas.tables.table import Table


def csv_text(table: Table) -> str:
    """Return the table as CSV with unrounded numbers and empty cells for what is not known."""
    buffer = io.StringIO()
    table.data.to_csv(buffer, index=False, lineterminator="\n")
    return buffer.getvalue()


def write_table(
    table: Table, *, csv: str | Path, markdown: str | Path, latex: str | Path, html: str | Path
) -> None:
    """Write the four forms of a table; raises UserError when a file can't be written."""
    raw = csv_text(table)
    write_text(csv, raw)
    write_text(markdown, markdown_text(table))
    write_text(latex, latex_text(table))
    write_text(html, html_text(table, raw))
