"""Checking a configuration against its schema and filling in the defaults."""

from __future__ import annotations

import copy
import datetime
import difflib
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, ValidationError, validators

from kdnas.config.schema import allowed, defaults, load_schema
from kdnas.errors import UserError
from kdnas.sentences import short, shown

DEEPEST = 20  # levels; the schema has 4, and a YAML alias can nest a mapping in itself


def validate(config: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of ``config`` that holds every key of the schema, with defaults for those not given.

    Whole numbers given for a key of any number become floats, so that 1 and 1.0 are one configuration.
    Raises UserError for the first problem, in the order of the schema.
    """
    config = _plain(config, "")
    schema = load_schema()
    for error in _Validator(schema).iter_errors(config):
        raise UserError(_message(error))
    return _fill(config, schema)


def _plain(value: Any, path: str, depth: int = 0) -> Any:
    """Copy mappings and lists into plain ones; refuse values that no schema can be applied to."""
    if depth > DEEPEST:
        raise UserError(f"{short(path)} is nested too deeply; allowed: at most {DEEPEST} levels")
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise UserError(
                    f"{path or 'the configuration'} has the key {shown(key)}, which is not text; "
                    "allowed: the names in docs/configuration.md"
                )
        return {key: _plain(item, _join(path, key), depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, _join(path, position), depth + 1) for position, item in enumerate(value)]
    if isinstance(value, int) and abs(value) >= 2**63:
        raise UserError(f"{path} is a number of more than 64 bits; allowed: a smaller one")
    return value


def _fill(value: Any, schema: dict[str, Any]) -> Any:
    if isinstance(value, dict) and "properties" in schema:
        filled = {**copy.deepcopy(defaults(schema)), **value}
        return {
            name: _fill(filled.get(name, {}), key_schema) for name, key_schema in schema["properties"].items()
        }
    if isinstance(value, dict):
        return {name: _fill(item, schema["additionalProperties"]) for name, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, schema["items"]) for item in value]
    return float(value) if schema.get("type") == "number" else value


def _is_integer(_checker: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_checker: Any, value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    # the library searches, and its `$` lets a trailing line break pass
    if isinstance(value, str) and not re.fullmatch(pattern, value):
        yield ValidationError("pattern")


_Validator = validators.extend(
    Draft202012Validator,
    {"pattern": _pattern},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_integer, "number": _is_number}
    ),
)


def _message(error: ValidationError) -> str:
    path = ""
    for part in error.absolute_path:
        path = _join(path, part)
    schema, value = error.schema, error.instance
    if error.validator == "additionalProperties":
        return _unknown_key(path, next(key for key in value if key not in schema["properties"]), schema)
    if error.validator == "required":
        missing = next(name for name in schema["required"] if name not in value)
        return f"{_join(path, missing)} is missing; allowed: {allowed(schema['properties'][missing])}"
    if "propertyNames" in error.absolute_schema_path:
        return f"{path} has the key {shown(value)}; allowed: {allowed(schema)}"
    if not path:
        return f"the configuration is {shown(value)}; allowed: {allowed(schema)}"
    return f"{path} is {shown(value)}; allowed: {allowed(schema)}{_hint(value, schema)}"


def _join(path: str, part: str | int) -> str:
    if isinstance(part, int):
        return f"{path}[{part}]"
    part = short(part)  # a key with a line break would break the sentence
    return f"{path}.{part}" if path else part


def _unknown_key(path: str, key: str, schema: dict[str, Any]) -> str:
    name = short(_join(path, key))
    near = difflib.get_close_matches(key, schema["properties"], n=1)
    elsewhere = [name for name in key_paths(load_schema()) if name.rpartition(".")[2] == key]
    if near:
        return f"{name} is not a key of the configuration; did you mean {_join(path, near[0])}?"
    if elsewhere:
        return f"{name} is not a key of the configuration; did you mean {' or '.join(elsewhere)}?"
    return f"{name} is not a key of the configuration; allowed: {', '.join(schema['properties'])}"


def key_paths(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Yield the dotted form of every key of a schema, in its order."""
    for name, key_schema in schema.get("properties", {}).items():
        yield _join(path, name)
        yield from key_paths(key_schema, _join(path, name))


def _hint(value: Any, schema: dict[str, Any]) -> str:
    """Return how to write a value that YAML read as the wrong type, or nothing."""
    types = schema.get("type", [])
    if isinstance(value, str) and "string" not in types and ("number" in types or "integer" in types):
        number = _yaml_number(value, whole="integer" in types)
        if number is not None:
            return f" (it was read as text: write {number}, without quotes, in a file)"
    if "string" in types and isinstance(value, int | float | datetime.date):
        return " (it was not read as text: put the value in quotes)"
    return ""


def _yaml_number(text: str, whole: bool) -> str | None:
    """Return ``text`` as YAML 1.1 writes a number: an exponent needs a point before it and a sign."""
    try:
        number = float(text)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    if whole:
        return str(int(number)) if number.is_integer() else None
    mantissa, _, exponent = text.strip().lower().partition("e")
    if not exponent:
        return mantissa
    mantissa += "" if "." in mantissa else ".0"
    return f"{mantissa}e{exponent if exponent[0] in '+-' else '+' + exponent}"
