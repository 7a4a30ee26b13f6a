"""A table as LaTeX."""

from __future__ import annotations

import re

from kdnas.tables.table import Table

_ESCAPES = str.maketrans(
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
_SD = re.compile(r" \$\\pm\$ ([0-9.]+)")


def latex_text(table: Table) -> str:
    """Return the table as a LaTeX ``table`` that needs ``booktabs`` and ``graphicx``.

    A table that is wider than the page is scaled down to it.
    """
    columns = list(table.shown.columns)
    lines = [" & ".join(column.translate(_ESCAPES) for column in columns) + r" \\", r"\midrule"]
    for position, cells in enumerate(table.shown.itertuples(index=False)):
        # a standard deviation as a subscript keeps a table of all tasks within a page
        texts = [_SD.sub(r"$_{\\pm \1}$", text.translate(_ESCAPES)) for text in cells]
        texts = [
            rf"\textbf{{{text}}}" if (position, column) in table.bold else text
            for column, text in zip(columns, texts, strict=True)
        ]
        lines.append(" & ".join(texts) + r" \\")
    rows = "\n".join(lines)
    alignment = "".join("l" if left else "r" for left in table.left_columns)
    notes = "\\par\n".join(note.translate(_ESCAPES) for note in table.notes)
    return (
        "% needs \\usepackage{booktabs,graphicx}\n"
        "\\begin{table}\n\\centering\n\\footnotesize\n\\setlength{\\tabcolsep}{4pt}\n"
        f"\\caption{{{table.title.translate(_ESCAPES)}}}\n\\label{{tab:{table.name}}}\n"
        "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n"
        f"\\begin{{tabular}}{{{alignment}}}\n\\toprule\n{rows}\n\\bottomrule\n\\end{{tabular}}}}\n"
        "\\par\\smallskip\n\\begin{minipage}{\\linewidth}\\raggedright\\footnotesize\n"
        f"{notes}\n\\end{{minipage}}\n\\end{{table}}\n"
    )
