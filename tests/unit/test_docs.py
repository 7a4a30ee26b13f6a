"""Every page and heading that a page, a config or a comment points to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("benchmarks", "config", "docs", "kdnas", "report", "rules", "scripts", "tests")
FILES = [*ROOT.glob("*.*"), *(file for name in FOLDERS for file in (ROOT / name).rglob("*.*"))]
PAGES = [file for file in FILES if file.suffix == ".md"]
READABLE = [file for file in FILES if file.suffix in (".md", ".py", ".rst", ".smk", ".toml", ".yaml")]
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)#?([^)\s]*)\)")
MENTION = re.compile(r"\bdocs/[\w./-]*\w\.(?:md|png)")


def anchors(page):
    """The names that a heading gets on the web: lower case, hyphens for spaces, no other signs."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for name, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = page.parent / name if name else page
        assert target.exists(), f"{name} is not there"
        assert not anchor or anchor in anchors(target), f"{name} has no heading {anchor}"


def test_pages_that_files_name_are_there():
    named = {}
    for file in [*READABLE, ROOT / "Snakefile", ROOT / "Makefile"]:
        for name in MENTION.findall(file.read_text(encoding="utf-8")):
            named.setdefault(name, file)
    assert len(named) > 10
    assert {name: str(file) for name, file in named.items() if not (ROOT / name).exists()} == {}
