"""A warning for texts without tokens of their own: a model learns next to nothing from them, silently."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kdnas.data.frames import read_split
from kdnas.data.tasks import TRAIN, Definition, get_task
from kdnas.models.tokenizer import load_tokenizer

ROWS = 1000  # training rows that are looked at, spread over all
MUCH = 0.5  # from this share of unknown tokens on, a warning is given


def unknown_share(tokenizer: Any, texts: Sequence[str], max_length: int) -> float:
    """Return the share of unknown tokens among those of ``texts``, each cut to ``max_length`` tokens.

    It is 0 for a tokenizer without an unknown token, such as one of bytes.
    """
    encoded = tokenizer(list(texts), add_special_tokens=False, truncation=True, max_length=max_length)
    tokens = [token for ids in encoded["input_ids"] for token in ids]
    return tokens.count(tokenizer.unk_token_id) / max(1, len(tokens))


def remark_unknown(
    tokenizer_folder: Path,
    data_folder: Path,
    definition: Definition,
    *,
    max_length: int,
    warn: Callable[[str], None],
) -> None:
    """Call ``warn`` if half of the tokens in a task's training texts, or more, are unknown."""
    task, train = get_task(definition), read_split(data_folder, TRAIN)
    rows = train.iloc[:: max(1, len(train) // ROWS)]
    texts = [text for column in task.text_columns for text in rows[column]]
    share = unknown_share(load_tokenizer(tokenizer_folder), texts, max_length)
    if share >= MUCH:
        warn(
            f"{share:.0%} of the tokens in the training texts of {task.name} are unknown to the teacher's "
            "tokenizer, so no model here can tell them apart: choose a teacher whose tokenizer knows the "
            "language and the letters of the texts"
        )
