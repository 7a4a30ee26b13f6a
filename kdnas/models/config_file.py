"""A model folder's ``config.json``, without transformers, whose import takes seconds."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from kdnas.files.artifacts import read_json

# what transformers leaves out where it is BERT's default
LEFT_OUT = {"vocab_size": 30522, "max_position_embeddings": 512, "type_vocab_size": 2, "hidden_act": "gelu"}


def read_config_file(folder: str | Path) -> SimpleNamespace:
    """Return the values as attributes, like a transformers configuration's; UserError without the file."""
    return SimpleNamespace(**(LEFT_OUT | read_json(Path(folder) / "config.json")))
