"""The stored form of a task's rows: one Parquet file a split and ``meta.json`` (docs/artifacts.md)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from kdnas.errors import UserError
from kdnas.files.artifacts import atomic_folder, atomic_path, read_json, write_json

TRAIN_ROW = "train_row"  # of the proxy set: the position of its row in the training split, from 0
GIVEN_ANSWERS = "given_answers"  # what a teacher outside of the workflow said of a row (kdnas.data.given)
_PLACES = ("idx", TRAIN_ROW)  # columns about a row's position, not its content
_LABELS = {"f": pa.float32(), "i": pa.int64(), "O": pa.list_(pa.int64())}  # numbers, codes, tuples of codes


def write_task(folder: str | Path, frames: Mapping[str, pd.DataFrame], meta: Mapping[str, Any]) -> None:
    """Write ``{split}.parquet`` for every split and ``meta.json``; the folder appears whole or not at all."""
    with atomic_folder(folder) as temporary:
        for split, frame in frames.items():
            write_split(temporary / f"{split}.parquet", frame)
        write_json(temporary / "meta.json", dict(meta))


def write_split(path: str | Path, frame: pd.DataFrame) -> None:
    """Write the rows of a split atomically; the same rows give the same bytes with the same pyarrow."""
    kinds = {"label": _LABELS[frame["label"].dtype.kind]}
    kinds |= dict.fromkeys(_PLACES, pa.int64()) | {GIVEN_ANSWERS: pa.list_(pa.float64())}
    schema = pa.schema([(column, kinds.get(column, pa.string())) for column in frame.columns])
    table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    with atomic_path(path) as temporary:
        # Without pandas' metadata the bytes don't depend on its version.
        pq.write_table(table.replace_schema_metadata(None), temporary)


def text_sets(frame: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the texts of each row in sorted order: equal for the same input, and for a pair swapped."""
    return (tuple(sorted(texts)) for texts in frame[list(columns)].itertuples(index=False, name=None))


def read_split(folder: str | Path, split: str) -> pd.DataFrame:
    """Return the rows of a split: text columns, ``label`` (:mod:`kdnas.data.kinds`) and ``idx`` (int64).

    With answers that the user gave, ``given_answers`` has a tuple of floats in each row. Raises UserError if
    the file is missing or damaged.
    """
    return read_rows(Path(folder) / f"{split}.parquet")


def read_rows(path: Path) -> pd.DataFrame:
    """Return what :func:`write_split` wrote; raises UserError if the file is missing or damaged."""
    frame = read_parquet(path).to_pandas()
    for column in ("label", GIVEN_ANSWERS):
        if column in frame and frame[column].dtype.kind == "O":
            frame[column] = pd.Series([tuple(values.tolist()) for values in frame[column]], dtype="object")
    return frame


def read_parquet(path: Path) -> pa.Table:
    """Return a Parquet file's table; raises UserError if the file is missing or damaged."""
    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
        table.validate(full=True)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing") from error
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise UserError(f"{path} is damaged or not a Parquet file ({reason})") from error
    return table


def read_meta(folder: str | Path) -> dict[str, Any]:
    """Return the folder's ``meta.json``; raises UserError if it is missing or damaged."""
    return read_json(Path(folder) / "meta.json")


def fingerprint(frames: Mapping[str, pd.DataFrame]) -> str:
    """Return the SHA-256 of the splits' texts, labels and given answers, in order, in whatever form.

    Columns about a row's position have no influence.
    """
    content = hashlib.sha256()
    for split in sorted(frames):
        columns = [column for column in frames[split].columns if column not in _PLACES]
        content.update(json.dumps([split, columns, len(frames[split])]).encode())
        for row in zip(*(frames[split][column].tolist() for column in columns), strict=True):
            content.update(json.dumps(row).encode())
    return content.hexdigest()
