"""Source ``local``: a folder that holds one folder for each task.

It reads Parquet (also the hub's shards), JSON lines, and TSV files: those of the official GLUE download, or a
custom task's, whose first line names its columns.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa

from kdnas.data.frames import read_parquet
from kdnas.data.local_folders import folder_names, split_of, subset_folders
from kdnas.data.settings import DataSettings
from kdnas.data.sources.checks import check_columns, check_label_order, name_codes
from kdnas.data.tasks import HELDOUT, Task
from kdnas.data.unlabelled import UNLABELLED
from kdnas.errors import UserError
from kdnas.sentences import listed, reason, shown


@dataclass(frozen=True)
class _Official:
    """A task in the official download: the TSV columns that we read."""

    texts: tuple[str, ...]
    label: str
    header: tuple[str, ...] | None = None  # of a file that has no header line; test files have one
    index: str = "index"  # of a test file, which has no label


_OFFICIAL = {
    "cola": _Official(("sentence",), "label", header=("source", "label", "star", "sentence")),
    "sst2": _Official(("sentence",), "label"),
    "mrpc": _Official(("#1 String", "#2 String"), "Quality"),
    "stsb": _Official(("sentence1", "sentence2"), "score"),
    "qqp": _Official(("question1", "question2"), "is_duplicate", index="id"),
    "mnli": _Official(("sentence1", "sentence2"), "gold_label"),
    "qnli": _Official(("question", "sentence"), "label"),
    "rte": _Official(("sentence1", "sentence2"), "label"),
    "wnli": _Official(("sentence1", "sentence2"), "label"),
}


def load(task: Task, data: DataSettings) -> dict[str, tuple[pd.DataFrame, str]]:
    """Return ``{split: (rows, file)}`` from the folder ``data.path``; raises UserError.

    A held-out slice, and unlabelled rows that the config asks for, are there where the folder has a file of
    its own for them.
    """
    with _data_folder(data) as path:
        folder = _subset_folder(task.name, path)
        splits = {}
        for split, rows in task.splits.items():
            tsv = f"{split if task.custom else split.replace('validation', 'dev')}.tsv"
            splits[split] = _load_split(task, split, folder, tsv, partial(_read_tsv, rows=rows))
        if _has(folder, HELDOUT):
            read_tsv = partial(_read_tsv, rows=None)
            splits[HELDOUT] = _load_split(task, HELDOUT, folder, f"{HELDOUT}.tsv", read_tsv)
        if data.wants_unlabelled(task.name) and _has(folder, UNLABELLED):
            splits[UNLABELLED] = _load_split(task, UNLABELLED, folder, f"{UNLABELLED}.tsv", _read_texts_tsv)
        return splits


def load_test(
    task: Task, data: DataSettings, *, subset: str, split: str, rows: int
) -> tuple[pd.DataFrame, str]:
    """Return the rows of a test split of ``subset``, and their file, from the folder ``data.path``.

    ``rows`` is the size of the official split. Raises UserError, also where there is no such split.
    """
    with _data_folder(data) as path:
        folder = _subset_folder(subset, path)
        tsv = f"{'diagnostic' if subset == 'ax' else split}.tsv"
        return _load_split(task, split, folder, tsv, partial(_read_test_tsv, rows=rows))


@contextlib.contextmanager
def _data_folder(data: DataSettings) -> Iterator[Path]:
    """Yield ``data.path``, and turn an OSError of reading in it into a UserError."""
    if not data.path:
        raise UserError(
            "data.path is empty; allowed with data.source local: the folder that holds a folder for each task"
        )
    path = Path(data.path)
    try:
        yield path
    except OSError as error:
        raise UserError(f"cannot read {error.filename or path}: {error.strerror or error}") from error


def _subset_folder(subset: str, path: Path) -> Path:
    if not path.is_dir():
        raise UserError(f"data.path is {shown(str(path))}, which is not a folder")
    found = subset_folders(path, subset)
    if not found:
        there = listed(sorted(entry.name for entry in path.iterdir() if entry.is_dir()))
        raise UserError(
            f"data.path is {shown(str(path))}, which has no folder for the task {subset} "
            f"({' or '.join(folder_names(subset))}); its folders: {there}"
        )
    if len(found) > 1:
        raise UserError(f"{found[0]} and {found[1]} both hold the task {subset}; keep one")
    return found[0]


def _has(folder: Path, split: str) -> bool:
    """Return whether a task's folder has a file of its own for a split that is optional."""
    return any(split_of(entry) == split for entry in folder.iterdir())


def _load_split(
    task: Task, split: str, folder: Path, tsv: str, read_tsv: Callable[[Task, Path], pd.DataFrame]
) -> tuple[pd.DataFrame, str]:
    names = sorted(entry.name for entry in folder.iterdir())
    shards = [name for name in names if re.fullmatch(rf"{split}-[0-9]{{5}}-of-[0-9]{{5}}\.parquet", name)]
    has_labels = split != UNLABELLED and not split.startswith("test")
    needed = (*task.text_columns, "label") if has_labels else task.text_columns
    read_parquet_file = partial(_read_parquet, needed=needed)
    read_json_lines = partial(_read_json_lines, needed=needed)
    readers: dict[str, Callable[[Task, Path], pd.DataFrame]] = {
        f"{split}.parquet": read_parquet_file,
        f"{split}.jsonl": read_json_lines,
        f"{split}.json": read_json_lines,
        tsv: read_tsv,
    }
    found = [name for name in readers if name in names] + shards[:1]
    if not found:
        raise UserError(
            f"{folder} has no file for the split {split} of {task.name}; allowed with data.source local: "
            f"{', '.join(readers)} or {split}-00000-of-00001.parquet"
        )
    if len(found) > 1:
        raise UserError(f"{folder} holds the split {split} twice, in {found[0]} and {found[1]}; keep one")
    if shards:
        return _read_shards(task, split, folder, shards, needed)
    return readers[found[0]](task, folder / found[0]), str(folder / found[0])


def _read_shards(
    task: Task, split: str, folder: Path, names: list[str], needed: Sequence[str]
) -> tuple[pd.DataFrame, str]:
    last = names[0].rpartition("-")[2]  # 00002.parquet of train-00000-of-00002.parquet
    expected = [f"{split}-{shard:05d}-of-{last}" for shard in range(int(last.removesuffix(".parquet")))]
    if names != expected:
        odd = sorted(set(names) ^ set(expected))[0]
        raise UserError(
            f"{folder / odd} is missing or not one of the shards that the name {names[0]} announces"
        )
    frames = [_read_parquet(task, folder / name, needed) for name in names]
    return pd.concat(frames, ignore_index=True), str(folder / f"{split}-*-of-{last}")


def _read_parquet(task: Task, path: Path, needed: Sequence[str]) -> pd.DataFrame:
    table = read_parquet(path)
    try:
        notes = json.loads((table.schema.metadata or {}).get(b"huggingface", b"{}"))
        label = notes.get("info", {}).get("features", {}).get("label", {})
        # the datasets library notes the order of the label names
        names = list(label["names"]) if label.get("_type") == "ClassLabel" else None
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise UserError(f"{path} has damaged metadata of the datasets library") from error
    if names is not None:
        check_label_order(task, names, str(path))
    check_columns(needed, table.column_names, str(path))
    columns = [column for column in task.columns if column in table.column_names]
    for column in columns:
        if table.column_names.count(column) > 1:
            raise UserError(f"{path} has the column {shown(column)} twice; keep one")
    try:
        # Without pandas' metadata no column turns into the index.
        frame = table.select(columns).replace_schema_metadata(None).to_pandas()
    except (ValueError, TypeError, pa.ArrowException) as error:
        raise UserError(f"{path} has columns of a type that cannot be read ({reason(error)})") from error
    if names is not None and "label" in needed:
        frame["label"] = name_codes(task, frame["label"])  # the file says that they are codes
    return frame


def _read_json_lines(task: Task, path: Path, needed: Sequence[str]) -> pd.DataFrame:
    rows = []
    for number, line in enumerate(_read_text(path).removesuffix("\n").split("\n"), start=1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise UserError(f"{path}, line {number} is not a JSON object: {shown(line)}")
        rows.append(row)
    there = list(dict.fromkeys(column for row in rows for column in row))
    check_columns(needed, there, str(path))
    present = [column for column in task.columns if column in there]
    # Object columns keep each value as it was written: pandas would turn codes beside a null into floats.
    return pd.DataFrame(
        {column: pd.Series([row.get(column) for row in rows], dtype="object") for column in present}
    )


def _read_tsv(task: Task, path: Path, rows: int | None) -> pd.DataFrame:
    """Read a TSV file: quotes in it are plain text.

    The official QQP has a few lines broken in two, which ``nyu-mll/glue`` and the official row counts leave
    out. So broken lines are left out if what remains has the official count ``rows``, and are an error
    otherwise.
    """
    official = _OFFICIAL.get(task.name, _Official(task.text_columns, "label"))
    wanted = dict(zip((*task.text_columns, "label"), (*official.texts, official.label), strict=True))
    return _read_columns(path, official.header, wanted, rows)


def _read_test_tsv(task: Task, path: Path, rows: int) -> pd.DataFrame:
    """Read a test file of the official download, which has an index and no labels; see ``_read_tsv``."""
    official = _OFFICIAL[task.name]
    wanted = dict(zip((*task.text_columns, "idx"), (*official.texts, official.index), strict=True))
    frame = _read_columns(path, None, wanted, rows)
    return frame.assign(idx=frame["idx"].astype("int64"))


def _read_texts_tsv(task: Task, path: Path) -> pd.DataFrame:
    """Read a TSV file of unlabelled rows, whose first line names the task's text columns."""
    return _read_columns(path, None, {column: column for column in task.text_columns}, None)


def _read_columns(
    path: Path, fixed_header: tuple[str, ...] | None, wanted: Mapping[str, str], rows: int | None
) -> pd.DataFrame:
    """Return the columns ``wanted`` (by our name the file's) of a TSV file without its broken lines."""
    lines = [line.split("\t") for line in _read_text(path).removesuffix("\n").split("\n")]
    header = fixed_header or lines.pop(0)
    for column in wanted.values():
        if column not in header:
            raise UserError(f"{path} has no column {shown(column)}; its first line has {listed(header)}")
    places = {name: header.index(column) for name, column in wanted.items()}
    is_broken = _is_broken if "label" in wanted else _is_broken_without_label
    broken = [number for number, line in enumerate(lines) if is_broken(line, places, len(header))]
    if broken and len(lines) - len(broken) != rows:
        start = "\t".join(lines[broken[0]])
        number = broken[0] + (1 if fixed_header else 2)
        raise UserError(
            f"{path}, line {number} is broken: {shown(start)}; it needs the columns {', '.join(header)}"
        )
    for number in reversed(broken):
        del lines[number]
    return pd.DataFrame(
        {name: pd.Series([line[place] for line in lines], dtype="str") for name, place in places.items()}
    )


def _is_broken(line: list[str], places: Mapping[str, int], columns: int) -> bool:
    """Return whether a field is missing, or a tab inside a text makes one too many."""
    width = max(places.values()) + 1
    label_is_last = places["label"] == width - 1  # then its own check finds a tab inside a text
    return len(line) < width or not line[places["label"]] or (len(line) > columns and not label_is_last)


def _is_broken_without_label(line: list[str], places: Mapping[str, int], columns: int) -> bool:
    """Return whether a line without a label has not all its columns or its index, if any, is no number."""
    return len(line) != columns or ("idx" in places and not re.fullmatch("[0-9]{1,18}", line[places["idx"]]))


def _read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, with or without a byte-order mark; raises UserError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start})") from error
