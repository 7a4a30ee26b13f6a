"""Tables in the docs are what benchmarks/rebuild_docs.py makes of the committed raw files."""

import pytest

from benchmarks.rebuild_docs import DOCS, MARKED, TABLES, rebuilt

PAGES = sorted(DOCS.rglob("*.md"))


def marks():
    return [found[2] for page in PAGES for found in MARKED.finditer(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_committed_tables_are_what_the_command_makes(page):
    text = page.read_text(encoding="utf-8")

    assert rebuilt(text) == text, "run python benchmarks/rebuild_docs.py"


def test_every_table_stands_in_a_page_and_every_mark_has_its_end():
    opened = sum(page.read_text(encoding="utf-8").count("<!-- made by benchmarks/rebuild") for page in PAGES)

    assert sorted(marks()) == sorted(TABLES)
    assert opened == len(marks())


def test_only_what_stands_between_the_marks_changes():
    page = "before\n<!-- made by benchmarks/rebuild_docs.py: default_run/runs -->\nold\n<!-- end -->\nafter\n"

    made = rebuilt(page)

    assert made.startswith("before\n<!--") and made.endswith("<!-- end -->\nafter\n")
    assert "old" not in made and TABLES["default_run/runs"]() in made
    assert rebuilt(made) == made


def test_an_unknown_table_is_named():
    with pytest.raises(SystemExit, match="no table is called bogus; there are: .*default_run/runs"):
        rebuilt("<!-- made by benchmarks/rebuild_docs.py: bogus -->\n<!-- end -->")
