"""Copying the pretrained teacher into the results; the only model code that may use a network."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kdnas.errors import UserError
from kdnas.files.artifacts import atomic_folder, file_sha256, read_json, write_json
from kdnas.models.families import check_family
from kdnas.models.files import CARD, CONFIG, META, TOKENIZER_SUFFIXES, WEIGHTS, file_names
from kdnas.sentences import shown

SHARDS = f"{WEIGHTS}.index.json"
_SUFFICIENT = ("tokenizer.json", "vocab.txt", "vocab.json")  # one is enough, without SentencePiece's library

# settings of config.json about how to run a model, not about the model itself: here the defaults apply
_HOW_TO_RUN = (
    "return_dict",
    "chunk_size_feed_forward",
    "output_attentions",
    "output_hidden_states",
    "torchscript",
)

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class TeacherSource:
    """Where the pretrained teacher comes from: the config's ``teacher`` without its training.

    ``source`` is ``package``, ``local`` or ``hub``; ``sha256`` is that of the weights, None for any.
    """

    source: str
    name: str
    revision: str | None
    sha256: str | None

    @classmethod
    def from_config(cls, teacher: Mapping[str, Any]) -> TeacherSource:
        """Read it from the config's ``teacher`` section."""
        return cls(**{name: teacher[name] for name in cls.__dataclass_fields__})

    @property
    def origin(self) -> dict[str, Any]:
        """Where a teacher comes from, for ``meta.json``; of a local folder's path the last part."""
        name = Path(self.name).name if self.source == "local" else self.name
        return {"source": self.source, "name": name, "revision": self.revision}


def fetch_teacher(
    teacher: TeacherSource, target: str | Path, check: Callable[[dict[str, Any], Facts], None]
) -> None:
    """Copy the teacher's configuration, weights and tokenizer to the folder ``target``.

    ``check`` gets the model's own configuration and the facts that
    :func:`kdnas.teachers.agreement.check_agreement` finds (at first none), and may refuse them. Raises
    UserError if the model is not there, is not of the BERT family, has no safetensors weights, if its
    checksum differs, or if its configuration, weights and tokenizer disagree.
    """
    # transformers takes seconds
    from kdnas.teachers.agreement import check_agreement, names_of_tokenizer, open_tokenizer

    source = {"package": package_folder, "local": local_folder, "hub": _hub}[teacher.source](teacher)
    described = f"teacher {teacher.name} ({teacher.source})"
    config = _check_config(source, described)
    check(config, {})
    sha256 = _check_weights(source, described)
    if teacher.sha256 not in (None, sha256):
        raise UserError(
            f"the weights of {described} have SHA-256 {sha256}, but teacher.sha256 is {teacher.sha256}; "
            "allowed: the SHA-256 of the weights, or null to skip the check"
        )
    if not file_names(source).intersection(_SUFFICIENT):
        raise UserError(
            f"{described} has no tokenizer that can be read; allowed: one of {', '.join(_SUFFICIENT)} in its "
            "folder (transformers turns a SentencePiece model into a tokenizer.json: load it, then save it)"
        )
    opened = open_tokenizer(source, described)
    tokenizer = names_of_tokenizer(source, opened)
    with atomic_folder(target) as folder:
        for name in (CONFIG, WEIGHTS, *tokenizer):
            shutil.copyfile(source / name, folder / name)
        if config != what_it_is(config):
            write_json(folder / CONFIG, what_it_is(config))
        facts = check_agreement(folder, opened, described)
        check(config, facts)
        found = {"sha256": sha256, "licence": stated_licence(source), **facts}
        write_json(folder / META, teacher.origin | found)


def what_it_is(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's configuration without the settings that only say how to run it."""
    return {key: value for key, value in config.items() if key not in _HOW_TO_RUN}


def stated_licence(folder: Path) -> str | None:
    """Return the licence in the metadata of a model's card; None if there is none."""
    from huggingface_hub import metadata_load

    try:
        metadata = metadata_load(folder / CARD)
    except (OSError, ValueError, yaml.YAMLError):
        return None
    licence = metadata.get("license") if isinstance(metadata, dict) else None
    return licence if isinstance(licence, str) else None


def _check_config(source: Path, described: str) -> dict[str, Any]:
    if not (source / CONFIG).is_file():
        raise UserError(f"{described} has no {CONFIG}; allowed: the folder of a transformers model")
    config = read_json(source / CONFIG)
    if not isinstance(config, dict):
        raise UserError(f"{CONFIG} of {described} holds a {type(config).__name__}; allowed: a JSON object")
    check_family(config.get("model_type"), described)
    return config


def _check_weights(source: Path, described: str) -> str:
    """Return the SHA-256 of the weights; raises UserError unless there is one whole file of them."""
    weights = source / WEIGHTS
    if not weights.is_file():
        if (source / SHARDS).is_file():
            raise UserError(
                f"{described} has its weights in shards ({SHARDS}); allowed: one {WEIGHTS} (load the model "
                "with the class that config.json names under architectures, then "
                'save_pretrained(FOLDER, max_shard_size="1000GB"), and name that folder in teacher.name)'
            )
        raise UserError(f"{described} has no {WEIGHTS}; allowed: weights in this format, no pickle")
    _check_header(weights, described)
    return file_sha256(weights)


def _check_header(weights: Path, described: str) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, "pt") as tensors:
            tensors.keys()
    except (SafetensorError, OSError) as error:
        raise UserError(f"{WEIGHTS} of {described} is damaged: {error}") from error


def package_folder(teacher: TeacherSource) -> Path:
    """Return the folder with the weights in the package ``teacher.name``; UserError if there is none."""
    name = teacher.name
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            f"teacher.name is {shown(name)}, but no such package is installed; install it or set "
            "teacher.source"
        )
    root = Path(next(iter(spec.submodule_search_locations)))
    folders = sorted(path.parent for path in root.rglob(WEIGHTS))
    if not folders:
        raise UserError(f"teacher.name is {shown(name)}, but that package contains no {WEIGHTS}")
    return folders[0]


def local_folder(teacher: TeacherSource) -> Path:
    """Return the folder ``teacher.name``; raises UserError if there is none."""
    folder = Path(teacher.name)
    if not folder.is_dir():
        raise UserError(f"teacher.name is {shown(teacher.name)}, but there is no such folder")
    return folder


def _hub(teacher: TeacherSource) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return Path(
            snapshot_download(
                teacher.name,
                revision=teacher.revision,
                allow_patterns=[WEIGHTS, CARD, *(f"*{suffix}" for suffix in TOKENIZER_SUFFIXES)],
            )
        )
    except RepositoryNotFoundError as error:
        raise UserError(
            f"teacher.name is {shown(teacher.name)}, but the hub has no such model, or none that you may read"
        ) from error
    except Exception as error:  # the client repeats a request by itself; in the end it raises many classes
        raise UserError(
            f"teacher {teacher.name} at revision {teacher.revision} could not be fetched from the hub "
            f"({type(error).__name__}); check the network or use teacher.source local"
        ) from error
