"""Reading configuration files as Snakemake does, but with one sentence about a mistake in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from kdnas.errors import UserError
from kdnas.sentences import reason, shown


def read_config(path: str | Path) -> dict[str, Any]:
    """Return the content of a configuration file, YAML or JSON, unchecked; raises UserError.

    A key that stands twice is refused: Snakemake would silently take the last.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        given = _parse(text)
    except OSError as error:
        raise UserError(f"the configuration {path} cannot be read ({error.strerror or error})") from error
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}," if error.problem_mark else ""
        raise UserError(
            f"the configuration {path}{line} is not valid YAML ({_fault(error)}); allowed: keys as in "
            "config/config.yaml, each once, indented by spaces"
        ) from error
    # a value with a tag or in the form of a date is converted by code that raises whatever it raises
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        raise UserError(
            f"the configuration {path} is not valid YAML ({reason(error)}); allowed: UTF-8 text with keys as "
            "in config/config.yaml"
        ) from error
    if not isinstance(given, dict):
        raise UserError(
            f"the configuration {path} is {'empty' if given is None else shown(given)}; allowed: keys as in "
            "config/config.yaml"
        )
    return given


def read_configs(paths: Sequence[str | Path]) -> dict[str, Any]:
    """Return the union of configuration files, unchecked: each overrides single keys of those before it.

    Like Snakemake's ``--configfile`` with several files. Raises UserError as :func:`read_config` does.
    """
    together: dict[str, Any] = {}
    for path in paths:
        try:
            together = _merge(together, read_config(path))
        except RecursionError as error:
            raise UserError(
                f"the configuration {path} has a mapping that contains itself; allowed: keys as in "
                "config/config.yaml"
            ) from error
    return together


def _merge(old: Any, new: dict[str, Any]) -> Any:
    if not new:  # to Snakemake, an empty mapping changes nothing, not even a value that is no mapping
        return old
    both = dict(old) if isinstance(old, dict) else {}
    for key, value in new.items():
        both[key] = _merge(both.get(key, {}), value) if isinstance(value, dict) else value
    return both


def _parse(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_each_once)
    except ValueError:
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key appears twice")  # YAML's reader will tell which
    return dict(pairs)


class _Loader(yaml.SafeLoader):
    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"the key {key.value} appears twice", problem_mark=key.start_mark
                    )
                seen.add(key.value)
        return node


def _fault(error: yaml.MarkedYAMLError) -> str:
    return reason(ValueError(error.problem or error.context or "its structure is broken"))
