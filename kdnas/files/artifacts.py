"""Reading and writing of artifacts: atomic, checked, never pickled."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from kdnas.errors import UserError
from kdnas.files.temporaries import is_temporary, temporary_beside
from kdnas.sentences import reason


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name; the file that the block wrote there becomes ``path`` if the block succeeds.

    A block that raises leaves nothing behind, the remains of a killed one are removed by the next, and an
    existing ``path`` stays as it was. Raises UserError when the folder can't be written or the disk is full.
    """
    path = Path(path)
    with _temporary_folder(path) as folder:
        temporary = folder / path.name
        yield temporary
        make_readable(temporary)
        temporary.replace(path)


@contextlib.contextmanager
def atomic_folder(path: str | Path, keep: Callable[[Path], bool] = lambda path: False) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; rename it to ``path`` if the block succeeds.

    An existing ``path`` is replaced only then, and only where ``keep(path)`` is false. Otherwise like
    :func:`atomic_path`.
    """
    path = Path(path)
    with _temporary_folder(path) as folder:
        yield folder
        folder.chmod(0o777 & ~_umask())
        while not _renamed(folder, path) and not keep(path):
            with contextlib.suppress(FileNotFoundError):  # another writer of the same removes it too
                shutil.rmtree(path)


@contextlib.contextmanager
def _temporary_folder(path: Path) -> Iterator[Path]:
    """Yield a locked temporary folder beside ``path``; raises UserError if the system refuses one."""
    try:
        with temporary_beside(path) as folder:
            yield folder
    except SafetensorError as error:  # of its own making, no OSError, also when the disk is full
        raise UserError(f"cannot write {path}: {reason(error)}") from error
    except OSError as error:
        why = error.strerror or str(error)
        other = error.filename is not None and not is_temporary(str(error.filename), path)
        raise UserError(f"cannot write {path}: {f'{error.filename}: ' if other else ''}{why}") from error


def _renamed(temporary: Path, path: Path) -> bool:
    """Rename a folder; False where ``path`` is one with files in it."""
    try:
        temporary.rename(path)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True


def check_writable(folder: str | Path) -> None:
    """Raise UserError unless ``folder`` is one that can be written to, or can be made."""
    folder = Path(folder)
    place = next(path for path in (folder, *folder.parents) if path.exists())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise UserError(f"cannot write {folder}: {place} must be a folder that you may write to")


def make_readable(file: Path) -> None:
    """Give a file the mode of an ordinary new one; safetensors makes files that only their owner may read."""
    file.chmod(0o666 & ~_umask())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` atomically as UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` atomically as JSON with sorted keys; NaN and infinity are refused with ValueError."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON artifact; raises UserError if it is missing or damaged."""
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged ({error}); delete it and run the same command again") from error


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def folder_sha256(folder: str | Path) -> dict[str, str]:
    """Return the SHA-256 of each file in and below a folder by its path there, without hidden ones."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file() and path.name[0] != ".")
    return {file.relative_to(folder).as_posix(): file_sha256(file) for file in files}


def digest(value: Any) -> str:
    """Return the SHA-256 of a JSON-serialisable value, independent of the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
