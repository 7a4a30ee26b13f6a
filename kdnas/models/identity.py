"""What a model's folder holds, as one digest."""

from __future__ import annotations

from pathlib import Path

from kdnas.files.artifacts import digest, file_sha256, read_json
from kdnas.models.files import CONFIG, WEIGHTS, tokenizer_files

# which library wrote it, and where: no result depends on these
_OF_WRITER = ("transformers_version", "_name_or_path")


def model_digest(folder: Path) -> str:
    """Return a digest of a folder's weights, configuration and tokenizer: of all that training reads of it.

    The weights alone do not tell two models apart whose tokenizers or numbers of heads differ.
    """
    config = read_json(folder / CONFIG)
    return digest(
        {
            "config": {name: value for name, value in config.items() if name not in _OF_WRITER},
            "files": {name: file_sha256(folder / name) for name in (WEIGHTS, *tokenizer_files(folder))},
        }
    )
