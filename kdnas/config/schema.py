"""The JSON schema of the configuration, and its constraints in words."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml

from kdnas.losses import LOSSES
from kdnas.runtimes import RUNTIMES
from kdnas.search.strategies import STRATEGIES

SCHEMA_FILE = Path(__file__).resolve().parents[2] / "config" / "schema" / "config.schema.yaml"


@functools.cache
def load_schema() -> dict[str, Any]:
    """Return the schema with every ``$ref`` replaced by its definition; keys beside a ``$ref`` win."""
    schema = yaml.safe_load(SCHEMA_FILE.read_text(encoding="utf-8"))
    definitions = schema.pop("$defs")

    def resolve(node: Any) -> Any:
        if isinstance(node, list):
            return [resolve(item) for item in node]
        if not isinstance(node, dict):
            return node
        own = {key: resolve(value) for key, value in node.items() if key != "$ref"}
        if "$ref" in node:
            return {**resolve(definitions[node["$ref"].removeprefix("#/$defs/")]), **own}
        return own

    return _with_registries(resolve(schema))


def _with_registries(schema: dict[str, Any]) -> dict[str, Any]:
    """Add the strategies, runtimes and losses of the registries that the file does not describe."""
    search = schema["properties"]["search"]["properties"]
    search["strategies"]["items"] = {"enum": list(STRATEGIES)}
    schema["properties"]["deployment"]["properties"]["runtimes"]["items"] = {"enum": list(RUNTIMES)}
    schema["properties"]["latency"]["properties"]["runtime"] |= {"enum": list(RUNTIMES)}
    losses = schema["properties"]["distillation"]["properties"]["losses"]["properties"]
    for name, where in LOSSES.items():
        losses.setdefault(
            name, {"description": f"`{where}`.", "type": "number", "minimum": 0, "default": 0.0}
        )
    return schema


def defaults(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the defaults of a mapping's keys: its own ``default`` wins over those of its keys."""
    of_keys = {name: key["default"] for name, key in schema["properties"].items() if "default" in key}
    return {**of_keys, **(schema.get("default") or {})}


def allowed(schema: dict[str, Any]) -> str:
    """Return in words what a value of ``schema`` may be."""
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"])
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return " or ".join(_allowed_type(name, schema) for name in types)


def _allowed_type(name: str, schema: dict[str, Any]) -> str:
    if name == "boolean":
        return "true or false"
    if name == "integer":
        return "a whole number" + _range(schema)
    if name == "number":
        return "a number" + _range(schema)
    if name == "string":
        return schema.get("title", "text")
    if name == "array":
        least, most = schema.get("minItems"), schema.get("maxItems")
        limits = [", not empty"] * (least == 1) + [f", at least {least} items"] * (
            least is not None and least > 1
        )
        limits += [f", at most {most} items"] * (most is not None)
        limits += [", without repeats"] * ("uniqueItems" in schema)
        return f"a list{''.join(limits)}, each item {allowed(schema['items'])}"
    if name == "object" and "properties" in schema:
        return "a mapping with the keys " + ", ".join(schema["properties"])
    if name == "object":
        keys, values = schema["propertyNames"], schema["additionalProperties"]
        return f"a mapping from {allowed(keys)} to ({allowed(values)})"
    return name


def _range(schema: dict[str, Any]) -> str:
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    limits = [f"{word} {schema[keyword]}" for keyword, word in words.items() if keyword in schema]
    return f" ({', '.join(limits)})" if limits else ""
