"""One table, written three ways: raw numbers as CSV, rounded text as Markdown and LaTeX."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.artifacts import write_text
from kdnas.errors import UserError
from kdnas.sentences import reason

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"$<$",
        ">": r"$>$",
        "±": r"$\pm$",
        "×": r"$\times$",
        "−": r"$-$",
        "–": "--",
        "†": r"\textsuperscript{$\dagger$}",
        "τ": r"$\tau$",
    }
)
_MARKDOWN = str.maketrans({"|": r"\|", "*": r"\*", "<": r"\<", "\n": " "})


_SD = re.compile(r" \$\\pm\$ ([0-9.]+)")


@dataclass(frozen=True)
class Table:
    """A table for machines (``data``) and for people (``shown``).

    ``data`` holds unrounded numbers; ``shown`` holds text, its first column names the rows. ``bold`` holds
    (row position, column name) of the cells of ``shown`` to print in bold; ``left`` names further columns of
    words, which are aligned to the left.
    """

    name: str
    title: str
    data: pd.DataFrame
    shown: pd.DataFrame
    notes: list[str]
    bold: set[tuple[int, str]] = field(default_factory=set)
    left: tuple[str, ...] = ()


def number(value: float | None, digits: int) -> str:
    """Return ``value`` rounded to ``digits`` decimals; an empty cell for None and NaN."""
    return "" if value is None or pd.isna(value) else f"{value:.{digits}f}"


def mean_sd(mean: float | None, sd: float | None, digits: int) -> str:
    """Return ``mean ± sd``, or the mean alone when the standard deviation is not known."""
    text = number(mean, digits)
    return f"{text} ± {number(sd, digits)}" if text and number(sd, digits) else text


def best_cells(
    values: Mapping[str, Iterable[float | None]], rows: Iterable[int], shown: pd.DataFrame
) -> set[tuple[int, str]]:
    """Return the cells to print in bold: the highest of ``values`` in each column among ``rows``.

    ``values`` maps a column to one number a row of the table. Cells that read the same as the best one are
    bold too. Nothing is best among fewer than two numbers.
    """
    bold = set()
    for column, numbers in values.items():
        numbers = list(numbers)
        known = {row: numbers[row] for row in rows if not pd.isna(numbers[row])}
        if len(known) < 2:
            continue
        best = shown[column].iloc[max(known, key=known.__getitem__)]
        bold |= {(row, column) for row in known if shown[column].iloc[row] == best}
    return bold


def _left(table: Table) -> list[bool]:
    return [column in table.left or not position for position, column in enumerate(table.shown.columns)]


def csv_text(table: Table) -> str:
    """Return the table as CSV with unrounded numbers and empty cells for what is not known."""
    buffer = io.StringIO()
    table.data.to_csv(buffer, index=False, lineterminator="\n")
    return buffer.getvalue()


def markdown_text(table: Table) -> str:
    """Return the table as a GitHub Markdown table with its title and notes."""
    columns = list(table.shown.columns)
    lines = [columns, ["---" if left else "---:" for left in _left(table)]]
    for position, cells in enumerate(table.shown.itertuples(index=False)):
        texts = [text.translate(_MARKDOWN) for text in cells]
        lines.append(
            [
                f"**{text}**" if (position, column) in table.bold else text
                for column, text in zip(columns, texts, strict=True)
            ]
        )
    rows = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    notes = "\n".join(f"- {note.translate(_MARKDOWN)}" for note in table.notes)
    return f"**{table.title}**\n\n{rows}\n\n{notes}\n"


def latex_text(table: Table) -> str:
    """Return the table as a LaTeX ``table`` that needs ``booktabs`` and ``graphicx``.

    A table that is wider than the page is scaled down to it.
    """
    columns = list(table.shown.columns)
    lines = [" & ".join(column.translate(_LATEX) for column in columns) + r" \\", r"\midrule"]
    for position, cells in enumerate(table.shown.itertuples(index=False)):
        # a standard deviation as a subscript keeps a table of all tasks within a page
        texts = [_SD.sub(r"$_{\\pm \1}$", text.translate(_LATEX)) for text in cells]
        texts = [
            rf"\textbf{{{text}}}" if (position, column) in table.bold else text
            for column, text in zip(columns, texts, strict=True)
        ]
        lines.append(" & ".join(texts) + r" \\")
    rows = "\n".join(lines)
    alignment = "".join("l" if left else "r" for left in _left(table))
    notes = "\\par\n".join(note.translate(_LATEX) for note in table.notes)
    return (
        "% needs \\usepackage{booktabs,graphicx}\n"
        "\\begin{table}\n\\centering\n\\footnotesize\n\\setlength{\\tabcolsep}{4pt}\n"
        f"\\caption{{{table.title.translate(_LATEX)}}}\n\\label{{tab:{table.name}}}\n"
        "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n"
        f"\\begin{{tabular}}{{{alignment}}}\n\\toprule\n{rows}\n\\bottomrule\n\\end{{tabular}}}}\n"
        "\\par\\smallskip\n\\begin{minipage}{\\linewidth}\\raggedright\\footnotesize\n"
        f"{notes}\n\\end{{minipage}}\n\\end{{table}}\n"
    )


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


def write_table(table: Table, csv: str | Path, markdown: str | Path, latex: str | Path) -> None:
    """Write the three forms of a table; raises UserError when a file can't be written."""
    write_text(csv, csv_text(table))
    write_text(markdown, markdown_text(table))
    write_text(latex, latex_text(table))
