"""Write the tables of every key and of GLUE's tasks into docs/configuration.md, from schema and code."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from kdnas.config.schema import SCHEMA_FILE, allowed, defaults, load_schema
from kdnas.data.local_folders import folder_names
from kdnas.data.tasks import TASKS
from kdnas.files.artifacts import write_text

PAGE = SCHEMA_FILE.parents[2] / "docs" / "configuration.md"
MENTION = re.compile(r"\bdocs/(\w+\.md)")
BEGIN = "<!-- made by `make config-reference`: begin -->\n"
END = "<!-- made by `make config-reference`: end -->\n"


def reference() -> str:
    """Return Markdown: for each section of the schema a table of its keys, then one of GLUE's tasks."""
    schema = load_schema()
    scalars = {name: key for name, key in schema["properties"].items() if "properties" not in key}
    parts = [_table("Top level", "", _rows({**schema, "properties": scalars}, ""))]
    for name, section in schema["properties"].items():
        if "properties" in section:
            parts.append(_table(f"`{name}`", section["description"], _rows(section, f"{name}.")))
    return "\n".join([*parts, _tasks_table()])


def with_reference(text: str) -> str:
    """Return the text of docs/configuration.md with its reference brought up to date."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{reference()}\n{END}{after}"


def _table(title: str, description: str, rows: Iterator[str]) -> str:
    head = f"### {title}\n\n" + (f"{description}\n\n" if description else "")
    return head + "| key | allowed | default | meaning |\n|---|---|---|---|\n" + "".join(rows)


def _tasks_table() -> str:
    head = (
        "### GLUE's tasks in a local folder\n\nThe label is its code or its name, or in `stsb` a number; see "
        "[Bring your own](data.md).\n\n"
        "| task | folder | splits | texts | labels by code | scored by |\n|---|---|---|---|---|---|\n"
    )
    rows = []
    for task in TASKS.values():
        low, high = task.label_range
        labels = [f"{code} `{name}`" for code, name in enumerate(task.labels or ())]
        cells = [
            _code([task.name]),
            " or ".join(f"`{name}`" for name in folder_names(task.name)),
            _code(task.splits),
            _code(task.text_columns),
            ", ".join(labels) or f"{low:g} to {high:g}",
            " and ".join(task.metrics),
        ]
        rows.append(f"| {' | '.join(cells)} |\n")
    return head + "".join(rows)


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _rows(schema: dict[str, Any], prefix: str) -> Iterator[str]:
    values = defaults(schema)
    for name, key in schema["properties"].items():
        path = prefix + name
        if "properties" in key:
            yield f"| **`{path}`** | | | {key['description']} |\n"
            yield from _rows(key, f"{path}.")
            continue
        default = f"`{json.dumps(values[name])}`" if name in values else "required"
        meaning = MENTION.sub(r"[\1](\1)", key["description"])
        yield f"| `{path}` | {allowed(key)} | {default} | {meaning} |\n"
        for inner, place in ((key.get("items"), "[]"), (key.get("additionalProperties"), ".<name>")):
            if isinstance(inner, dict) and "properties" in inner:
                yield from _rows(inner, f"{path}{place}.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def run(options: argparse.Namespace) -> str:
    """Rewrite what stands between the two marks in docs/configuration.md."""
    write_text(PAGE, with_reference(PAGE.read_text(encoding="utf-8")))
    return ""
