"""Temporary files and folders beside a path, each held by a lock for as long as its writer lives."""

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
def temporary_beside(path: Path, folder: bool) -> Iterator[Path]:
    """Yield a new file or ``folder`` beside ``path``; what is left of it in the end is removed.

    First those that killed writers of the same path left behind are removed. Raises OSError when the folder
    can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_orphans(path)
    temporary, handle = _create(path, folder)
    try:
        yield temporary
    finally:
        os.close(handle)
        _remove(temporary)


def _create(path: Path, folder: bool) -> tuple[Path, int]:
    prefix = f".{path.name}."
    while True:
        if folder:
            temporary = tempfile.mkdtemp(prefix=prefix, dir=path.parent)
            try:
                handle = os.open(temporary, os.O_RDONLY)
            except FileNotFoundError:  # somebody took it for an orphan
                continue
        else:
            handle, temporary = tempfile.mkstemp(prefix=prefix, suffix=path.suffix, dir=path.parent)
        with contextlib.suppress(OSError):  # a file system without locks: its orphans stay
            fcntl.flock(handle, fcntl.LOCK_EX)
        if Path(temporary).exists():  # nobody took it for an orphan before it was locked
            return Path(temporary), handle
        os.close(handle)


def _remove_orphans(path: Path) -> None:
    for orphan in path.parent.glob(f".{glob.escape(path.name)}.*"):
        try:
            handle = os.open(orphan, os.O_RDONLY)
        except OSError:
            continue
        with contextlib.suppress(OSError):  # its writer lives
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(orphan)
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
