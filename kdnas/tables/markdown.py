"""A table as GitHub Markdown."""

from __future__ import annotations

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
    rows = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    notes = "\n".join(f"- {note.translate(_ESCAPES)}" for note in table.notes)
    return f"**{table.title}**\n\n{rows}\n\n{notes}\n"
