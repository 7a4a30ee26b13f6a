"""Readers of tab-separated files: those of the official GLUE download, or with a header of our names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kdnas.data.sources.csv_reader import check_separator
from kdnas.data.sources.readers import Encoding, read_text
from kdnas.data.tasks import Task
from kdnas.errors import UserError
from kdnas.sentences import listed, shown


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


def header_of(path: Path, encoding: Encoding) -> list[str]:
    """Return the names of columns in the first line of a TSV file."""
    return [name.strip() for name in read_text(path, encoding).partition("\n")[0].split("\t")]


def read_tsv(
    task: Task,
    path: Path,
    encoding: Encoding,
    *,
    labels: Sequence[str],
    answers: Sequence[str] = (),
    rows: int | None,
) -> pd.DataFrame:
    """Read the columns that count of a TSV file: quotes in it are plain text.

    Without a label, with answers, and where a row may have several labels or none, the first line names the
    columns. The official QQP has a few lines broken in two, which ``nyu-mll/glue`` and the official row
    counts leave out. So broken lines are left out if what remains has the official count, and are an error
    otherwise.

    Args:
        task: whose text columns are read.
        path: the file.
        encoding: of its text.
        labels: the columns with labels, if any.
        answers: the columns with answers of another model, if any.
        rows: the official count.
    """
    if task.multi_label or answers or not labels:
        columns = (*task.text_columns, *labels, *answers)
        return _read_columns(path, encoding, None, {column: column for column in columns})
    (label,) = labels
    official = _OFFICIAL.get(task.name, _Official(task.text_columns, label))
    wanted = dict(zip((*task.text_columns, label), (*official.texts, official.label), strict=True))
    return _read_columns(path, encoding, official.header, wanted, label=label, rows=rows, exact=task.custom)


def read_test_tsv(task: Task, path: Path, rows: int) -> pd.DataFrame:
    """Read a test file of the official download, which has an index and no labels; see :func:`read_tsv`."""
    official = _OFFICIAL[task.name]
    wanted = dict(zip((*task.text_columns, "idx"), (*official.texts, official.index), strict=True))
    frame = _read_columns(path, Encoding(), None, wanted, rows=rows)
    return frame.assign(idx=frame["idx"].astype("int64"))


def _read_columns(
    path: Path,
    encoding: Encoding,
    fixed_header: tuple[str, ...] | None,
    wanted: Mapping[str, str],
    *,
    label: str | None = None,
    rows: int | None = None,
    exact: bool = False,
) -> pd.DataFrame:
    """Return the columns ``wanted`` (by our name the file's) of a TSV file without its broken lines.

    ``exact``: whether a field too many always breaks a line, as where nothing says what a label may be.
    """
    text = read_text(path, encoding)
    if not text.strip():
        raise UserError(f"{path} has no rows")
    lines = [line.split("\t") for line in text.removesuffix("\n").split("\n")]
    header = fixed_header or [name.strip() for name in lines.pop(0)]
    if not fixed_header:
        check_separator(header, path, "\t")
    for column in wanted.values():
        if header.count(column) > 1:
            raise UserError(f"{path} has the column {shown(column)} twice; keep one")
        if column not in header:
            raise UserError(f"{path} has no column {shown(column)}; its first line has {listed(header)}")
    places = {name: header.index(column) for name, column in wanted.items()}
    broken = [
        number
        for number, line in enumerate(lines)
        if (
            _is_broken_without_label(line, places, len(header))
            if label is None
            else _is_broken(line, places, len(header), label) or (exact and len(line) > len(header))
        )
    ]
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


def _is_broken(line: list[str], places: Mapping[str, int], columns: int, label: str) -> bool:
    """Return whether a field is missing, or a tab inside a text makes one too many."""
    width = max(places.values()) + 1
    label_is_last = places[label] == width - 1  # then its own check finds a tab inside a text
    return len(line) < width or not line[places[label]] or (len(line) > columns and not label_is_last)


def _is_broken_without_label(line: list[str], places: Mapping[str, int], columns: int) -> bool:
    """Return whether a line without a label has not all its columns or its index, if any, is no number."""
    return len(line) != columns or ("idx" in places and not re.fullmatch("[0-9]{1,18}", line[places["idx"]]))
