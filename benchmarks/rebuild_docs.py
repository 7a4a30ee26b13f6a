"""Make the tables in docs/ that come from committed raw files.

    python benchmarks/rebuild_docs.py

Writes a table wherever a page of docs/ has these two marks; NAME is a key of TABLES:

    <!-- made by benchmarks/rebuild_docs.py: NAME -->
    <!-- end -->

The raw files are the workflow's own tables and what the benchmarks print, under docs/measurements/. A new
table is one function and one line in TABLES of a module in benchmarks/doc_tables/.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.doc_tables import ablations, default_run, deployed, study, tabular
from benchmarks.doc_tables.layout import DOCS

MARKED = re.compile(r"(<!-- made by benchmarks/rebuild_docs\.py: (\S+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
TABLES: dict[str, Callable[[], str]] = (
    default_run.TABLES | deployed.TABLES | tabular.TABLES | study.TABLES | ablations.TABLES
)


def rebuilt(page: str) -> str:
    """Return the text of a page with all its tables made anew."""

    def made(found: re.Match) -> str:
        mark, name, _, end = found.groups()
        if name not in TABLES:
            sys.exit(f"no table is called {name}; there are: {', '.join(TABLES)}")
        return f"{mark}\n{TABLES[name]()}\n{end}"

    return MARKED.sub(made, page)


def main() -> None:
    """Rewrite every page that changes, and name it."""
    for path in sorted(DOCS.rglob("*.md")):
        before = path.read_text(encoding="utf-8")
        if (after := rebuilt(before)) != before:
            path.write_text(after, encoding="utf-8")
            print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
