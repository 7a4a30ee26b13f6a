"""Source ``local``: a folder that holds one folder for each task, with a file for each split.

It reads Parquet (also the hub's shards), CSV, JSON (an array, or an object in each line) and TSV: GLUE's
official download, or a first line that names the columns. Text files may be packed by gzip.
"""

from __future__ import annotations

import contextlib
import fnmatch
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kdnas.data.local_folders import SUFFIXES, folder_names, split_names, split_of, subset_folders
from kdnas.data.settings import DataSettings, Layout
from kdnas.data.sources.checks import name_codes
from kdnas.data.sources.csv_reader import check_rows, read_csv
from kdnas.data.sources.readers import Encoding, only_columns, read_json, read_parquet_columns
from kdnas.data.sources.tsv import header_of, read_test_tsv, read_tsv
from kdnas.data.tasks import HELDOUT, TEST, VALIDATION, Task
from kdnas.data.unlabelled import UNLABELLED
from kdnas.errors import UserError
from kdnas.sentences import listed, shown

_DESCRIBES = re.compile(r"\.|(readme|licen[cs]e)\b|.*\.(md|rst)$", re.IGNORECASE)
_SHARD = re.compile(r"-[0-9]{5}-of-[0-9]{5}\.parquet")


def load(task: Task, data: DataSettings) -> dict[str, tuple[pd.DataFrame, str]]:
    """Return ``{split: (rows, file)}`` from the folder ``data.path``; raises UserError.

    A held-out set, unlabelled rows that the config asks for, and a custom task's validation and test split
    are there where the folder has a file of its own for them. The label is in the column of the task's
    layout; a test split may have none.
    """
    with _data_folder(data) as path:
        reader = _Reader(task, _subset_folder(task.name, path), data.layout(task.name))
        optional = [HELDOUT, *[UNLABELLED] * data.wants_unlabelled(task.name)]
        if task.custom:
            optional += [VALIDATION, TEST]
        needed = [split for split in task.splits if split not in optional]
        return {
            split: reader.read(split) for split in [*needed, *(name for name in optional if reader.has(name))]
        }


def load_test(
    task: Task, data: DataSettings, *, subset: str, split: str, rows: int
) -> tuple[pd.DataFrame, str]:
    """Return the rows of a test split of ``subset``, and their file, from the folder ``data.path``.

    ``rows`` is the size of the official split. Raises UserError, also where there is no such split.
    """
    with _data_folder(data) as path:
        reader = _Reader(task, _subset_folder(subset, path), Layout(), official_test_rows=rows)
        return reader.read(split, tsv="diagnostic" if subset == "ax" else None)


def unread(task: Task, data: DataSettings, files: Iterable[str]) -> list[str]:
    """Return the names of the files in a task's folder that are none of the ``files`` that were read.

    Hidden files and those that describe a data set are left out.
    """
    with _data_folder(data) as path:
        names = [entry.name for entry in _subset_folder(task.name, path).iterdir() if entry.is_file()]
    read = [Path(file).name for file in files]  # of shards a pattern
    return sorted(
        name
        for name in names
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in read) and not _DESCRIBES.match(name)
    )


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


@dataclass(frozen=True)
class _Reader:
    """Reads the splits of a task in its ``folder``; a test split of GLUE has ``official_test_rows``."""

    task: Task
    folder: Path
    layout: Layout
    official_test_rows: int | None = None

    def has(self, split: str) -> bool:
        """Return whether there is a file of its own for a split that is optional."""
        return any(split_of(entry) in split_names(split) for entry in self.folder.iterdir())

    def read(self, split: str, tsv: str | None = None) -> tuple[pd.DataFrame, str]:
        """Return the rows of a split and the file; ``tsv``: another name of a TSV file."""
        found = self._files(split, tsv)
        if not found:
            names = " or ".join([*split_names(split), *([tsv] if tsv else [])])
            raise UserError(
                f"{self.folder} has no file for the split {split} of {self.task.name}; allowed with "
                f"data.source local: the name {names} with "
                f"{', '.join(SUFFIXES)}, or shards as {split}-00000-of-00001.parquet; its files: "
                f"{listed(sorted(entry.name for entry in self.folder.iterdir()))}"
            )
        if len(found) > 1:
            first, second = list(found)[:2]
            raise UserError(f"{self.folder} holds the split {split} twice, in {first} and {second}; keep one")
        (paths,) = found.values()
        if _SHARD.search(paths[0].name):
            return self._read_shards(split, paths)
        return self._read(split, paths[0]), str(paths[0])

    def _files(self, split: str, tsv: str | None) -> dict[str, list[Path]]:
        """Return the files that claim a split, shards of one name together, by what messages call them."""
        found: dict[str, list[Path]] = {}
        names = split_names(split)
        wanted = {f"{name}{suffix}" for name in names for suffix in SUFFIXES}
        if tsv:
            wanted.add(f"{tsv}.tsv")
        for path in sorted(self.folder.iterdir()):
            shard = _SHARD.search(path.name)
            if path.name in wanted:
                found[path.name] = [path]
            elif shard and path.name[: shard.start()] in names:
                stem = path.name[: shard.start() + 1]
                first = next((name for name in found if name.startswith(stem)), path.name)
                found.setdefault(first, []).append(path)
        return found

    def _read_shards(self, split: str, paths: list[Path]) -> tuple[pd.DataFrame, str]:
        names = [path.name for path in paths]
        stem = names[0].split("-")[0]
        last = names[0].rpartition("-")[2]  # 00002.parquet of train-00000-of-00002.parquet
        expected = [f"{stem}-{shard:05d}-of-{last}" for shard in range(int(last.removesuffix(".parquet")))]
        if names != expected:
            odd = sorted(set(names) ^ set(expected))[0]
            raise UserError(
                f"{self.folder / odd} is missing or not one of the shards that the name {names[0]} announces"
            )
        frames = [self._read(split, path) for path in paths]
        return pd.concat(frames, ignore_index=True), str(self.folder / f"{stem}-*-of-{last}")

    def _read(self, split: str, path: Path) -> pd.DataFrame:
        """Return the columns of a file that count: texts, label, answers, ``idx``, as far as it has them."""
        task, label, labels = self.task, self.layout.label_column, self.layout.labels
        key = f"data.custom_tasks.{task.name}.encoding" if task.custom else None
        encoding = Encoding(self.layout.encoding, key)
        texts, suffix = task.text_columns, path.name.removesuffix(".gz").rpartition(".")[2]
        if suffix == "tsv" and self.official_test_rows is not None:
            return read_test_tsv(task, path, self.official_test_rows)
        may_lack_labels = split == UNLABELLED or split.startswith(TEST)
        answers, optional_answers = self.layout.answers(split)
        needed = (*texts, *(() if may_lack_labels else labels), *answers)
        if suffix == "tsv":
            if may_lack_labels or optional_answers:
                there = header_of(path, encoding)
            if may_lack_labels:
                labels = tuple(name for name in labels if split != UNLABELLED and name in there)
            answers += tuple(name for name in optional_answers if name in there)
            return read_tsv(task, path, encoding, labels=labels, answers=answers, rows=task.splits.get(split))
        optional = [*labels] if task.custom and split == TEST else []  # labels of GLUE's tests stay unread
        optional += optional_answers if task.custom else ["idx"]
        if suffix == "parquet":
            frame, names = read_parquet_columns(path, needed, optional, label=label)
            return frame if names is None else name_codes(task, frame, names, label=label, where=str(path))
        frame = read_csv(path, encoding) if suffix == "csv" else read_json(path, encoding)
        if suffix == "csv":
            check_rows(frame, labels[0], where=str(path))
        return only_columns(frame, needed, optional, where=str(path))
