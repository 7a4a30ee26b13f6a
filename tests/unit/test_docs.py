"""What the pages point to is there, and what they tell a reader to type is understood."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import io
import re
import shlex
from pathlib import Path

import markdown
import pytest
import yaml
from snakemake.cli import get_argument_parser

from kdnas.__main__ import COMMANDS
from kdnas.config.schema import load_schema
from kdnas.config.validation import validate

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("benchmarks", "config", "docs", "kdnas", "report", "rules", "scripts", "tests")
FILES = [*ROOT.glob("*.*"), *(file for name in FOLDERS for file in (ROOT / name).rglob("*.*"))]
PAGES = [file for file in FILES if file.suffix == ".md"]
READABLE = [file for file in FILES if file.suffix in (".md", ".py", ".rst", ".smk", ".toml", ".yaml")]
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)#?([^)\s]*)\)")
MENTION = re.compile(r"\bdocs/[\w./-]*\w\.(?:md|png|svg)")
BLOCK = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")

with_pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(page: Path, *languages: str) -> list[str]:
    """Return the code blocks of a page that are in one of the languages."""
    text = page.read_text(encoding="utf-8")
    return [code for _, language, code in BLOCK.findall(text) if language in languages]


def anchors(page: Path) -> list[str]:
    """Return the names that headings get on GitHub and on the site: no signs, hyphens for spaces."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


@with_pages
def test_links_lead_somewhere(page):
    for name, anchor in LINK.findall(BLOCK.sub("", page.read_text(encoding="utf-8"))):
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


def commands(page: Path) -> list[list[str]]:
    """Return the words of each command of a page that calls make, snakemake or this project."""
    text = page.read_text(encoding="utf-8")
    lines = [line for code in blocks(page, "bash", "") for line in code.replace("\\\n", " ").splitlines()]
    found = []
    for line in [*lines, *CODE.findall(BLOCK.sub("", text))]:
        for part in re.split(r" && | \| ", line):
            if re.match(r"\s*(make \S|snakemake \S|python -m kdnas\b)", part):
                # what a reader fills in, such as <experiment>, is a word like any other
                found.append(shlex.split(re.sub(r"[<>(]", "", part), comments=True))
    return found


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def rule_names() -> set[str]:
    """Return the names of all rules: those that are written down, and those named by their script."""
    files = [ROOT / "Snakefile", *ROOT.glob("rules/*.smk")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    written = re.findall(r"^rule (\w+):|^use rule \w+ as (\w+)", text, re.MULTILINE)
    return {name for names in written for name in names if name} | {
        file.stem for file in ROOT.glob("scripts/*.py")
    }


def check_make(words: list[str]) -> None:
    targets = [word for word in words if "=" not in word and not word.startswith("-")]
    assert set(targets) <= make_targets(), f"make has no target {targets}"


def check_snakemake(words: list[str]) -> None:
    """Hold a command's options to Snakemake's own parser, and its targets to the rules and `results/`."""
    words = [word for word in words if word not in ("…", "...")]
    options = get_argument_parser().parse_args(words)
    named = [*options.targets, *(options.forcerun or []), *(options.allowed_rules or [])]
    named += options.until or []
    unknown = {word for word in named if not word.startswith("results/")} - rule_names()
    assert not unknown, f"there is no rule {unknown}"
    for file in options.configfile or []:
        own = str(file).startswith(("config/", "benchmarks/"))
        assert not own or (ROOT / file).exists(), f"{file} is not there"


def check_kdnas(module: str, words: list[str]) -> None:
    assert module == "kdnas", f"{module} is no command"
    if not words or words[0].startswith("-"):
        return
    assert words[0] in COMMANDS, f"python -m kdnas has no command {words[0]}"
    if words[1:]:
        parser = argparse.ArgumentParser()
        importlib.import_module(f"kdnas.commands.{words[0]}").add_arguments(parser)
        parser.parse_args(words[1:])


@with_pages
def test_commands_are_understood(page):
    for program, *words in commands(page):
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                if program == "python":
                    check_kdnas(words[1], words[2:])
                else:
                    {"make": check_make, "snakemake": check_snakemake}[program](words)
        except SystemExit:
            pytest.fail(f"{program} {shlex.join(words)}: {said.getvalue()[-300:]}")


def test_pages_tell_what_to_type():
    programs = [words[0] for page in PAGES for words in commands(page)]
    assert all(programs.count(name) > 5 for name in ("make", "snakemake", "python"))


@with_pages
def test_configurations_have_keys_of_the_schema(page):
    for code in blocks(page, "yaml"):
        said = yaml.safe_load(code)
        if isinstance(said, dict) and set(said) & set(load_schema()["properties"]):
            validate(said)


@with_pages
def test_python_compiles(page):
    for number, code in enumerate(blocks(page, "python")):
        code = f"{{{code}}}" if re.match(r' +"[\w-]+": ', code) else code  # the line of a registry
        compile(code, f"{page.name}, block {number + 1}", "exec")


LISTS = """Before:
- one
  more
  - inner

    its second paragraph

  - next
- two
  ```bash
  - no item
  ```

1. first
   - a
"""


def test_lists_nest_on_the_site_as_on_github():
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "site" / "hooks.py")
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    html = markdown.markdown(
        hooks.nested(LISTS), extensions=["sane_lists", "pymdownx.superfences", "pymdownx.highlight"]
    )
    tags = re.findall(r"</?(?:ul|ol|li|code)>", html)
    inner = ["<ul>", "<li>", "</li>", "<li>", "</li>", "</ul>"]
    outer = ["<ul>", "<li>", *inner, "</li>", "<li>", "<code>", "</code>", "</li>", "</ul>"]
    assert tags == [*outer, "<ol>", "<li>", "<ul>", "<li>", "</li>", "</ul>", "</li>", "</ol>"]


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
