"""The files of a model's folder: one that is fetched or saved here, and one that comes from elsewhere."""

from __future__ import annotations

from pathlib import Path

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
TOKENIZER_CONFIG = "tokenizer_config.json"
CARD = "README.md"
META, DETAILS = "meta.json", "kdnas.json"  # notes of this project: of a fetched and of a trained model

# what the tokenizers of transformers read: settings, vocabularies, merges, SentencePiece models
TOKENIZER_SUFFIXES = (".json", ".txt", ".model", ".codes", ".bpe", ".spm", ".vocab", ".tiktoken")


def tokenizer_files(folder: str | Path) -> list[str]:
    """Return the names of the tokenizer's files in a folder that was fetched or saved here: all the rest."""
    others = (CONFIG, WEIGHTS, META, DETAILS)
    return sorted(name for name in file_names(folder) if name not in others)


def file_names(folder: str | Path) -> set[str]:
    """Return the names of a folder's files, without hidden ones such as Snakemake's."""
    return {path.name for path in Path(folder).iterdir() if path.is_file() and path.name[0] != "."}


def files_that_may_count(folder: str | Path) -> list[Path]:
    """Return the files in a folder from elsewhere that a model made of it may depend on.

    Only transformers knows which of them the tokenizer reads, and importing it takes seconds.
    """
    return [
        Path(folder) / name
        for name in sorted(file_names(folder))
        if name == WEIGHTS or name.endswith(TOKENIZER_SUFFIXES)
    ]
