"""What the site adds to the pages: nested lists as on GitHub, formulas without a script, pages of the root.

MkDocs calls the functions by their names; ``mkdocs.yml`` names this file.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
ROOT_PAGES = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
ITEM = re.compile(r"(?P<indent> *)(?P<marker>[-*+]|\d+\.) +(?=\S)")
FENCE = re.compile(r" *(```|~~~)")
FORMULA = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
FETCHED = re.compile(r'<(?:script|img|iframe)[^>]* src="?https?:|<link[^>]* href="?https?:')
UPWARDS = re.compile(r"(?<!!)\[[^\]]*\]\((\.\./[^)#\s]+)[^)]*\)")
ROLE = re.compile(r":\w+:(?=<code>)")  # of reStructuredText, in docstrings


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that stand in the root of the repository."""
    for name, page in ROOT_PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Take the formulas out, name the files of the code, and nest lists as Python-Markdown wants them."""
    folder = Path(page.file.abs_src_path or ROOT / "docs" / page.file.src_uri).parent

    def named(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(folder / link[1]))
        return link[0] if target.is_relative_to(ROOT / "docs") else f"`{target.relative_to(ROOT)}`"

    markdown = UPWARDS.sub(named, markdown)
    page.meta["formulas"] = [convert(text.strip(), display="block") for text in FORMULA.findall(markdown)]
    numbers = iter(range(len(page.meta["formulas"])))
    return nested(FORMULA.sub(lambda _: f"FORMULA-{next(numbers)}-", markdown))


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Put the formulas back as MathML, which browsers show by themselves."""
    html = ROLE.sub("", html)
    return re.sub(r"FORMULA-(\d+)-", lambda match: page.meta["formulas"][int(match[1])], html)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Refuse a page that a reader without a network would not see whole."""
    if fetched := FETCHED.search(output):
        raise PluginError(f"{page.file.src_uri} fetches from the network: {fetched[0]}")
    return output


def nested(markdown: str) -> str:
    """Return the text with four spaces a level of a list, and empty lines where lists need them.

    GitHub nests by the column where an item's text begins, Python-Markdown by four spaces.
    """
    lines: list[str] = []
    columns: list[int] = []  # where the text of each item begins that the line is in
    fenced, loose, blank = False, False, True
    for line in markdown.splitlines():
        text = line.lstrip(" ")
        indent = len(line) - len(text)
        item = None if fenced else ITEM.match(line)
        inside = bool(columns)
        while columns and text and not fenced and (item or blank) and indent < columns[-1]:
            columns.pop()
        loose = bool(columns or (item and inside)) and (loose or (blank and not item))
        if item:
            if not blank and (loose or not inside):
                lines.append("")
            line = " " * 4 * len(columns) + line[indent:]
            columns.append(item.end())
        elif columns and text:
            line = " " * (4 * len(columns) + max(0, indent - columns[-1])) + text
        fenced ^= bool(FENCE.match(line))
        blank = not text
        lines.append(line)
    return "\n".join(lines)
