"""A table as GitHub Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kdnas.tables.table import Table

_ESCAPES = str.maketrans({"|": r"\|", "*": r"\*", "<": r"\<", "\n": " "})


def markdown_text(table: Table) -> str:
    """Return the table as a GitHub Markdown table with its title and notes."""
    columns = list(table.shown.columns)
    lines = [columns, ["---" if left else "---:" for left in table.left_columns]]
    for position, cells in enumerate(table.shown.itertuples(index=False)):
        texts = [text.translate(_ESCAPES) for text in cells]
        lines.append(
            [
                f"**{text}**" if (position, column) in table.bold else text
                for column, text in zip(columns, texts, strict=True)
            ]
        )
    rows = pipes(lines)
    notes = "\n".join(f"- {note.translate(_ESCAPES)}" for note in table.notes)
    return f"**{table.title}**\n\n{rows}\n\n{notes}\n"


def plain_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a GitHub Markdown table of texts, all to the left, without a last line break."""
    return pipes([heads, ["---"] * len(heads), *rows])


def pipes(lines: Iterable[Sequence[str]]) -> str:
    """Return lines of cells as a table's lines."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
