"""Temporary folders beside a path, each held by a lock for as long as its writer lives."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Yield a new folder beside ``path``, which is removed in the end.

    The lock is on the folder, whatever a library does with the files in it. Before that, folders that killed
    writers of the same path left behind are removed. Raises OSError when the folder can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_orphans(path)
    temporary, handle = _create(path)
    try:
        yield temporary
    finally:
        os.close(handle)
        shutil.rmtree(temporary, ignore_errors=True)


def remove_orphans(path: Path) -> None:
    """Remove the temporary folders that killed writers of ``path`` left behind; never a living one's."""
    for orphan in path.parent.glob(f"{_prefix(glob.escape(path.name))}*/"):
        try:
            handle = os.open(orphan, os.O_RDONLY)
        except OSError:
            continue
        with contextlib.suppress(OSError):  # its writer lives
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(orphan, ignore_errors=True)
        os.close(handle)


def is_temporary(name: str, path: Path) -> bool:
    """Tell whether the file ``name`` is, or is in, a temporary folder of ``path``."""
    return any(part.startswith(_prefix(path.name)) for part in Path(name).parts)


def _create(path: Path) -> tuple[Path, int]:
    while True:
        temporary = Path(tempfile.mkdtemp(prefix=_prefix(path.name), dir=path.parent))
        try:
            handle = os.open(temporary, os.O_RDONLY)
        except FileNotFoundError:  # somebody took it for an orphan
            continue
        with contextlib.suppress(OSError):  # a file system without locks: its orphans stay
            fcntl.flock(handle, fcntl.LOCK_EX)
        if temporary.exists():  # nobody took it for an orphan before it was locked
            return temporary, handle
        os.close(handle)


def _prefix(name: str) -> str:
    return f".{name}."
