"""The content-addressed store: nothing is evaluated twice.

An entry is a pure function of its key. Deleting the store costs time and changes nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kdnas.errors import UserError
from kdnas.files.artifacts import atomic_folder, digest, file_sha256, folder_sha256, read_json, write_json

MODELS = "models"
_FILES, _RECORD = (
    "model",
    "record.json",
)  # of a model's entry: its files, and their record


class Store:
    """Records (JSON) under ``root``, by kind and digest of their key; a model's stands beside its files."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def record_path(self, kind: str, key: dict[str, Any]) -> Path:
        """Return the file of a record: ``root/kind/ab/abcdef….json``."""
        return self._entry_path(kind, key).with_suffix(".json")

    def get(self, kind: str, key: dict[str, Any]) -> Any | None:
        """Return the value stored under ``key``; None if there is none, or if the entry is damaged."""
        return _read_record(self.record_path(kind, key))

    def put(self, kind: str, key: dict[str, Any], value: Any) -> None:
        """Store ``value`` under ``key``, atomically."""
        _write_record(self.record_path(kind, key), key, value)

    def get_model(self, key: dict[str, Any], target: str | Path) -> dict[str, Any] | None:
        """Make the folder ``target`` from the model trained under ``key`` and return its metrics.

        None if there is none or it is damaged. Files are hard links where the file system allows it, else
        copies.
        """
        entry = self._entry_path(MODELS, key)
        value = _read_whole(entry)
        if value is None:
            return None
        with atomic_folder(target) as folder:
            link_or_copy_all(entry / _FILES, folder, value["checksums"])
        return value["metrics"]

    def put_model(self, key: dict[str, Any], source: str | Path, metrics: dict[str, Any]) -> None:
        """Store the files of the flat folder ``source`` and the model's metrics under ``key``, atomically.

        If several jobs train the same model at the same moment, the first one's entry stays.
        """
        checksums = folder_sha256(source)
        # not replaced while it is whole: somebody may be reading it
        with atomic_folder(self._entry_path(MODELS, key), keep=_is_whole) as entry:
            (entry / _FILES).mkdir()
            link_or_copy_all(Path(source), entry / _FILES, checksums)
            _write_record(entry / _RECORD, key, {"checksums": checksums, "metrics": metrics})

    def entries(self) -> Iterator[tuple[str, dict[str, Any], Any]]:
        """Yield kind, key and value of every undamaged entry; a model's value has checksums and metrics."""
        for path in sorted([*self.root.glob("*/*/*.json"), *self.root.glob(f"{MODELS}/*/*/{_RECORD}")]):
            entry = _read_entry(path)
            if entry is not None:
                yield path.relative_to(self.root).parts[0], entry["key"], entry["value"]

    def add_key(self, kind: str, key: dict[str, Any], other: dict[str, Any]) -> None:
        """Give the entry under ``key`` another one beside it."""
        if kind != MODELS:
            self.put(kind, other, self.get(kind, key))
            return
        value = _read_whole(self._entry_path(kind, key))
        if value is not None:
            self.put_model(other, self._entry_path(kind, key) / _FILES, value["metrics"])

    def _entry_path(self, kind: str, key: dict[str, Any]) -> Path:
        name = digest(key)
        return self.root / kind / name[:2] / name


def _write_record(path: Path, key: dict[str, Any], value: Any) -> None:
    write_json(path, {"key": key, "value": value, "sha256": digest(value)})


def _read_record(path: Path) -> Any | None:
    entry = _read_entry(path)
    return None if entry is None else entry["value"]


def _read_entry(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        entry = read_json(path)
    except UserError as error:
        print(f"store: ignoring a damaged entry: {error}")
        return None
    if not isinstance(entry, dict) or entry.get("sha256") != digest(entry.get("value")):
        print(f"store: ignoring a damaged entry: {path}")
        return None
    return entry


def _read_whole(entry: Path) -> dict[str, Any] | None:
    """Return the value of a model's entry; None if there is none or any part of it is damaged."""
    value = _read_record(entry / _RECORD)
    return value if value is not None and _intact(entry / _FILES, value["checksums"]) else None


def _is_whole(entry: Path) -> bool:
    return _read_whole(entry) is not None


def _intact(folder: Path, checksums: dict[str, str]) -> bool:
    for file, sha256 in sorted(checksums.items()):
        if not (folder / file).is_file() or file_sha256(folder / file) != sha256:
            print(f"store: ignoring a damaged entry: {folder / file}")
            return False
    return True


def link_or_copy_all(source: Path, target: Path, files: Iterable[str]) -> None:
    """Put ``files`` of the folder ``source`` into ``target``, as hard links where that is possible."""
    for file in sorted(files):
        try:
            os.link(source / file, target / file)
        except OSError:
            shutil.copyfile(source / file, target / file)
