"""One table, written four ways: raw numbers as CSV; rounded text as Markdown, LaTeX and HTML."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.artifacts import write_text
from kdnas.errors import UserError
from kdnas.sentences import reason
from kdnas.tables.html import html_text
from kdnas.tables.latex import latex_text
from kdnas.tables.markdown import markdown_text
from kdnas.tables.table import Table


def csv_text(table: Table) -> str:
    """Return the table as CSV with unrounded numbers and empty cells for what is not known."""
    buffer = io.StringIO()
    table.data.to_csv(buffer, index=False, lineterminator="\n")
    return buffer.getvalue()


def read_csv(path: str | Path, **options: Any) -> pd.DataFrame:
    """Read a CSV artifact; raises UserError if it is missing or damaged."""
    try:
        return pd.read_csv(path, **options)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing") from error
    except (ValueError, OSError) as error:
        raise UserError(
            f"{path} is damaged ({reason(error)}); delete it and run the same command again"
        ) from error


def write_table(
    table: Table, *, csv: str | Path, markdown: str | Path, latex: str | Path, html: str | Path
) -> None:
    """Write the four forms of a table; raises UserError when a file can't be written."""
    raw = csv_text(table)
    write_text(csv, raw)
    write_text(markdown, markdown_text(table))
    write_text(latex, latex_text(table))
    write_text(html, html_text(table, raw))
