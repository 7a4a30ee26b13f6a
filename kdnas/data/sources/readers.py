"""Readers of files: each gives a table as it was written, or one sentence about what is wrong with it."""

from __future__ import annotations

import gzip
import io
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


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def read_csv(path: Path, encoding: Encoding) -> pd.DataFrame:
    """Return all columns of a CSV file, every cell as its text; a short row ends in empty cells.

    Fields are quoted as pandas, spreadsheets and Kaggle do it: in double quotes, which are doubled inside.
    """
    try:
        cells = pd.read_csv(
            io.StringIO(read_text(path, encoding)), header=None, dtype="str", keep_default_na=False
        )
    except pd.errors.EmptyDataError:
        raise UserError(f"{path} has no rows") from None
    except (pd.errors.ParserError, ValueError) as error:
        raise UserError(
            f"{path} is not a CSV file ({reason(error).removeprefix('Error tokenizing data. C error: ')}); "
            "allowed: column names in the first line, commas between fields, and double quotes around a "
            "field that has a comma, a quote or a line break"
        ) from error
    return cells[1:].set_axis(cells.iloc[0].str.strip().tolist(), axis="columns").reset_index(drop=True)


def read_json(path: Path, encoding: Encoding) -> pd.DataFrame:
    """Return the rows of a JSON file: an array of objects, or an object in each line.

    Missing values are None. Object columns keep each value as it was written: pandas would turn codes beside
    a null into floats.
    """
    text = read_text(path, encoding)
    rows = _array(path, text) if text.lstrip().startswith("[") else _lines(path, text)
    there = dict.fromkeys(column for row in rows for column in row)
    return pd.DataFrame(
        {column: pd.Series([row.get(column) for row in rows], dtype="object") for column in there}
    )


def _array(path: Path, text: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not a JSON array ({reason(error)})") from error
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise UserError(f"{path}, row {number} is not a JSON object: {shown(row)}")
    return rows


def _lines(path: Path, text: str) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        row = _loaded(line)
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
    """Return the value of a JSON text, None for one that is no JSON."""
    try:
        return json.loads(text)
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
