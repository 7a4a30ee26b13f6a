"""Readers of files: each gives a table as it was written, or one sentence about what is wrong with it."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from kdnas.data.frames import read_parquet
from kdnas.data.sources.checks import check_columns
from kdnas.errors import UserError
from kdnas.sentences import listed, reason, shown

UTF8 = ("utf-8", "utf8", "utf-8-sig")
# how other files than text start, in the order of asking
STARTS = (
    (b"\x1f\x8b", "packed by gzip", "a name that ends in .gz"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "the table in it, saved as a CSV file"),
    (b"PAR1", "a Parquet file", "a name that ends in .parquet"),
)
UTF16 = ((b"\xff\xfe\0\0", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True)
class Encoding:
    """How a file's bytes are text: its ``name``, and the ``key`` of the config that says so, if any."""

    name: str = "utf-8"
    key: str | None = None


def read_text(path: Path, encoding: Encoding) -> str:
    """Return the text of a file, unpacked if its name ends in ``.gz``, without a byte-order mark.

    Every line ends in a line feed. Raises UserError for other bytes than ``encoding`` says.
    """
    content = _read_bytes(path)
    is_utf8 = encoding.name.lower() in UTF8
    _check_start(path, content, encoding)
    try:
        text = content.decode("utf-8-sig" if is_utf8 else encoding.name)
    except UnicodeError as error:
        place = f" (byte {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        hint = f"; allowed: the file's encoding in {encoding.key}, such as cp1252" if encoding.key else ""
        raise UserError(f"{path} is not {'UTF-8' if is_utf8 else encoding.name} text{place}{hint}") from error
    if not is_utf8 and not content.isascii() and _is_utf8(content):
        raise UserError(
            f"{path} is UTF-8 text, but {encoding.key} is {shown(encoding.name)}; allowed: utf-8, which is "
            "the default"
        )
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        hint = f", or its encoding, such as utf-16-le, in {encoding.key}" if encoding.key else ""
        raise UserError(
            f"{path} has null characters, the first in line {line}; allowed: text without them{hint}"
        )
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _read_bytes(path: Path) -> bytes:
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        with gzip.open(path) as file:
            return file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(
            f"{path} is damaged or not a gzip file ({reason(error)}); allowed: a file that gzip packed, or "
            "a name without .gz"
        ) from error


def _check_start(path: Path, content: bytes, encoding: Encoding) -> None:
    """Refuse what is no text, whatever encoding it would be read in, and UTF-16 where UTF-8 is said."""
    for start, what, allowed in STARTS:
        if content.startswith(start):
            raise UserError(f"{path} is {what}; allowed: {allowed}")
    for start, name in UTF16 if encoding.name.lower() in UTF8 else ():
        if content.startswith(start):
            hint = f", or {name} in {encoding.key}" if encoding.key else ""
            raise UserError(f"{path} is {name.upper()} text; allowed: UTF-8{hint}")


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def read_json(path: Path, encoding: Encoding) -> pd.DataFrame:
    """Return the rows of a JSON file: an array of objects, or an object in each line.

    Missing values are None. Object columns keep each value as it was written: pandas would turn codes beside
    a null into floats.
    """
    text = read_text(path, encoding)
    rows = _array(path, text) if text.lstrip().startswith("[") else _lines(path, text)
    if not rows:
        raise UserError(f"{path} has no rows")
    there = dict.fromkeys(column for row in rows for column in row)
    return pd.DataFrame(
        {column: pd.Series([row.get(column) for row in rows], dtype="object") for column in there}
    )


def _array(path: Path, text: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not a JSON array ({reason(error)})") from error
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise UserError(f"{path}, row {number} is not a JSON object: {shown(row)}")
    return rows


class _TwiceError(ValueError):
    """A JSON object that has a key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object whose keys are there once; Python takes the last of several values unasked."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(f"the key {shown(key)} is there twice")
        found[key] = value
    return found


def _lines(path: Path, text: str) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = _loaded(line)
        except _TwiceError as error:
            raise UserError(f"{path}, line {number}: {error}; allowed: each key once") from error
        if not isinstance(row, dict):
            whole = _loaded(text) if number == 1 else None
            if isinstance(whole, dict):
                raise UserError(
                    f"{path} is one JSON object with {listed(whole)}; allowed: an array of objects, or an "
                    "object in each line"
                )
            raise UserError(f"{path}, line {number} is not a JSON object: {shown(line)}")
        rows.append(row)
    return rows


def _loaded(text: str) -> Any:
    """Return the value of a JSON text, None for one that is no JSON; raises _TwiceError."""
    try:
        return json.loads(text, object_pairs_hook=_object)
    except _TwiceError:
        raise
    except (ValueError, RecursionError):
        return None


def read_parquet_columns(
    path: Path, needed: Sequence[str], optional: Sequence[str], *, label: str
) -> tuple[pd.DataFrame, list[str] | None]:
    """Return the columns of a Parquet file and the class names that it declares for ``label``, if any.

    The datasets library notes the names in the order of their codes.
    """
    table = read_parquet(path)
    try:
        notes = json.loads((table.schema.metadata or {}).get(b"huggingface", b"{}"))
        declared = notes.get("info", {}).get("features", {}).get(label, {})
        declared = declared.get("feature", declared)  # of each item of a list
        names = list(declared["names"]) if declared.get("_type") == "ClassLabel" else None
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise UserError(f"{path} has damaged metadata of the datasets library") from error
    columns = _columns(table.column_names, needed, optional, str(path))
    try:
        # Without pandas' metadata no column turns into the index.
        frame = table.select(columns).replace_schema_metadata(None).to_pandas()
    except (ValueError, TypeError, pa.ArrowException) as error:
        raise UserError(f"{path} has columns of a type that cannot be read ({reason(error)})") from error
    return frame, names


def only_columns(
    frame: pd.DataFrame, needed: Sequence[str], optional: Sequence[str], *, where: str
) -> pd.DataFrame:
    """Return the columns ``needed``, and the ``optional`` ones that are there; raises UserError."""
    return frame[_columns(list(frame.columns), needed, optional, where)]


def _columns(there: list[str], needed: Sequence[str], optional: Sequence[str], where: str) -> list[str]:
    check_columns(needed, there, where)
    columns = [column for column in (*needed, *optional) if column in there]
    for column in columns:
        if there.count(column) > 1:
            raise UserError(f"{where} has the column {shown(column)} twice; keep one")
    return columns
