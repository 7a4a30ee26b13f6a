"""The content-addressed store: what was evaluated once is never evaluated again.

An entry is a pure function of its key. Deleting the store costs time and changes nothing.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from kdnas.artifacts import atomic_folder, digest, file_sha256, folder_sha256, read_json, write_json
from kdnas.errors import UserError


class Store:
    """Records (JSON) and folders (models) under ``root``, by kind and digest of their key."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def record_path(self, kind: str, key: dict[str, Any]) -> Path:
        """Return the file of a record: ``root/kind/ab/abcdef….json``."""
        name = digest(key)
        return self.root / kind / name[:2] / f"{name}.json"

    def get(self, kind: str, key: dict[str, Any]) -> Any | None:
        """Return the value stored under ``key``; None if there is none, or if the entry is damaged."""
        path = self.record_path(kind, key)
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
        return entry["value"]

    def put(self, kind: str, key: dict[str, Any], value: Any) -> None:
        """Store ``value`` under ``key``, atomically."""
        write_json(self.record_path(kind, key), {"key": key, "value": value, "sha256": digest(value)})

    def get_folder(self, kind: str, key: dict[str, Any], target: str | Path) -> bool:
        """Make ``target`` from the folder stored under ``key``; False if there is none or it is damaged.

        Files are hard links where the file system allows it, else copies.
        """
        name = digest(key)
        source = self.root / kind / name[:2] / name
        checksums = self.get(f"{kind}_checksums", key)
        if checksums is None or not _intact(source, checksums):
            return False
        with atomic_folder(target) as folder:
            for file in sorted(checksums):
                _link_or_copy(source / file, folder / file)
        return True

    def put_folder(self, kind: str, key: dict[str, Any], source: str | Path) -> None:
        """Store the files of the flat folder ``source`` under ``key``, atomically."""
        name = digest(key)
        target = self.root / kind / name[:2] / name
        checksums = self.get(f"{kind}_checksums", key)
        if checksums is not None and _intact(target, checksums):
            return
        checksums = folder_sha256(source)
        # jobs that make the same at the same moment leave the first one's folder alone: a reader may be in it
        with atomic_folder(target, keep=lambda folder: _intact(folder, checksums)) as folder:
            for file in checksums:
                _link_or_copy(Path(source) / file, folder / file)
        self.put(f"{kind}_checksums", key, checksums)

    def get_model(self, key: dict[str, Any], target: str | Path) -> dict[str, Any] | None:
        """Make ``target`` from the model trained under ``key`` and return its metrics; None without one."""
        metrics = self.get("metrics", key)
        return metrics if metrics is not None and self.get_folder("models", key, target) else None

    def put_model(self, key: dict[str, Any], source: str | Path, metrics: dict[str, Any]) -> None:
        """Store the model folder ``source`` and its metrics under ``key``."""
        self.put_folder("models", key, source)
        self.put("metrics", key, metrics)


def _intact(folder: Path, checksums: dict[str, str]) -> bool:
    if not folder.is_dir():
        return False
    for file, sha256 in sorted(checksums.items()):
        if not (folder / file).is_file() or file_sha256(folder / file) != sha256:
            print(f"store: ignoring a damaged entry: {folder / file}")
            return False
    return True


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
