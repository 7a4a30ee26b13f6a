"""A table as a page of HTML, which the report shows."""

from __future__ import annotations

import base64
from html import escape

from kdnas.tables.table import Table

_STYLE = """\
body { font: 15px/1.45 system-ui, sans-serif; color: #1f2430; margin: 2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-size: 1.15rem; font-weight: 600; padding-bottom: .8rem; }
th, td { padding: .35rem .8rem; text-align: right; border-bottom: 1px solid #e3e6eb; }
thead th { border-bottom: 2px solid #1f2430; vertical-align: bottom; }
.left { text-align: left; }
td:not(.left) { white-space: nowrap; }
tbody tr:hover { background: #f4f6f9; }
ul { max-width: 60rem; padding-left: 1.2rem; color: #4a5160; }
"""


def html_text(table: Table, csv: str) -> str:
    """Return the table as a page of its own with its title, its notes and a link to save ``csv``."""
    columns = list(table.shown.columns)
    marks = [' class="left"' if left else "" for left in table.left_columns]
    head = "".join(f"<th{mark}>{escape(column)}</th>" for mark, column in zip(marks, columns, strict=True))
    rows = []
    for position, cells in enumerate(table.shown.itertuples(index=False)):
        texts = [
            f"<strong>{escape(text)}</strong>" if (position, column) in table.bold else escape(text)
            for column, text in zip(columns, cells, strict=True)
        ]
        row = "".join(f"<td{mark}>{text}</td>" for mark, text in zip(marks, texts, strict=True))
        rows.append(f"<tr>{row}</tr>\n")
    notes = "".join(f"<li>{escape(note)}</li>\n" for note in table.notes)
    data = base64.b64encode(csv.encode()).decode()
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(table.title)}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n"
        f"<table>\n<caption>{escape(table.title)}</caption>\n"
        f"<thead>\n<tr>{head}</tr>\n</thead>\n<tbody>\n{''.join(rows)}</tbody>\n</table>\n"
        f"<ul>\n{notes}</ul>\n"
        f'<p><a download="{escape(table.name)}.csv" href="data:text/csv;base64,{data}">'
        f"{escape(table.name)}.csv</a>: the unrounded numbers</p>\n</body>\n</html>\n"
    )
