"""Checksums of artifacts: a job refuses an input that is not what an earlier job wrote, and says what to do.

They are in ``R/checksums/``, one JSON file for each artifact, under the artifact's own path in ``R``, the
results folder of an experiment: ``rule`` (that made it) and ``files`` (the SHA-256 of each file of a folder
by its name; the name is empty for an artifact that is a file).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kdnas.errors import UserError
from kdnas.files.artifacts import file_sha256, folder_sha256, read_json, write_json


def record(results: str | Path, artifacts: Iterable[str | Path], rule: str) -> None:
    """Write down the checksums of ``artifacts`` in the folder ``results``, just made by ``rule``."""
    for artifact in map(Path, artifacts):
        files = folder_sha256(artifact) if artifact.is_dir() else {"": file_sha256(artifact)}
        write_json(_record_path(Path(results), artifact), {"rule": rule, "files": files})


def check(results: str | Path, artifacts: Iterable[str | Path]) -> None:
    """Raise UserError for the first of ``artifacts`` whose content is not what its rule wrote.

    An artifact that is missing, outside the folder ``results`` or without a record is not checked.
    """
    for artifact in map(Path, artifacts):
        if not artifact.is_relative_to(results) or not artifact.exists():
            continue
        record_path = _record_path(Path(results), artifact)
        if record_path.is_file():
            _check(artifact, record_path)


def _check(artifact: Path, record_path: Path) -> None:
    try:
        entry = read_json(record_path)
        rule, files = entry["rule"], dict(entry["files"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{record_path} is damaged; delete it and run the same command again") from error
    for name, sha256 in files.items():
        file = artifact / name
        if not file.is_file():
            found = "missing"
        elif _sha256(file) != sha256:
            found = f"damaged: its SHA-256 is not the one in {record_path}"
        else:
            continue
        raise UserError(
            f"{file} is {found}; delete {artifact} and run the same command again: rule {rule} makes it anew"
        )


def _sha256(file: Path) -> str:
    try:
        return file_sha256(file)
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror or error}") from error


def _record_path(results: Path, artifact: Path) -> Path:
    return results / "checksums" / f"{artifact.relative_to(results)}.json"
