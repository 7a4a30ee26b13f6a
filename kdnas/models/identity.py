"""One digest for the content of a model's folder, or of some tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch

from kdnas.files.artifacts import digest, file_sha256, read_json
from kdnas.models.files import CONFIG, WEIGHTS, tokenizer_files

# which library wrote it, and where: no result depends on these
_OF_WRITER = ("transformers_version", "_name_or_path")


def model_digest(folder: Path) -> str:
    """Return a digest of a folder's weights, configuration and tokenizer: of everything that training reads.

    The weights alone do not tell two models apart whose tokenizers or numbers of heads differ.
    """
    config = read_json(folder / CONFIG)
    return digest(
        {
            "config": {name: value for name, value in config.items() if name not in _OF_WRITER},
            "files": {name: file_sha256(folder / name) for name in (WEIGHTS, *tokenizer_files(folder))},
        }
    )


def tensors_sha256(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the SHA-256 of tensors and their names, in the order of the names."""
    total = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        total.update(name.encode())
        total.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
