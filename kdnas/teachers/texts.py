"""What a teacher's tokenizer makes of a task's texts: tokens that it does not know, and what is cut off.

A model learns next to nothing from either, silently.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kdnas.data.frames import read_split
from kdnas.data.tasks import TRAIN, Definition, get_task
from kdnas.models.tokenizer import load_tokenizer

ROWS = 1000  # training rows that are looked at, spread over all
MUCH = 0.5  # from this share of unknown tokens on, a warning is given
CUT = 0.05  # from this share of rows that are cut on, too


def unknown_share(tokenizer: Any, texts: Sequence[str], max_length: int) -> float:
    """Return the share of unknown tokens among those of ``texts``, each cut to ``max_length`` tokens.

    It is 0 for a tokenizer without an unknown token, such as one of bytes.
    """
    encoded = tokenizer(list(texts), add_special_tokens=False, truncation=True, max_length=max_length)
    tokens = [token for ids in encoded["input_ids"] for token in ids]
    return tokens.count(tokenizer.unk_token_id) / max(1, len(tokens))


def cut_shares(tokenizer: Any, columns: Sequence[Sequence[str]], max_length: int) -> tuple[float, float]:
    """Return the share of rows that ``max_length`` cuts and the share of all tokens that this leaves out.

    ``columns`` are the texts of each text column, (rows,). Special tokens count.
    """
    encoded = tokenizer(*map(list, columns), truncation=False, verbose=False)  # no word of long inputs
    lengths = np.array([len(ids) for ids in encoded["input_ids"]])
    beyond = np.maximum(lengths - max_length, 0)
    return float((beyond > 0).mean()), float(beyond.sum() / lengths.sum())


def remark_texts(
    tokenizer_folder: Path,
    data_folder: Path,
    definition: Definition,
    *,
    max_length: int,
    warn: Callable[[str], None],
) -> None:
    """Print what ``max_length`` cuts off a task's training texts, and call ``warn`` where it is much.

    So it is too if half of their tokens, or more, are unknown.
    """
    task, train = get_task(definition), read_split(data_folder, TRAIN)
    rows = train.iloc[:: max(1, len(train) // ROWS)]
    columns = [rows[column].tolist() for column in task.text_columns]
    tokenizer = load_tokenizer(tokenizer_folder)
    share = unknown_share(tokenizer, [text for texts in columns for text in texts], max_length)
    if share >= MUCH:
        warn(
            f"{share:.0%} of the tokens in the training texts of {task.name} are unknown to the teacher's "
            "tokenizer, so no model here can tell them apart: choose a teacher whose tokenizer knows the "
            "language and the letters of the texts"
        )
    of_rows, of_tokens = cut_shares(tokenizer, columns, max_length)
    told = (
        f"teacher.max_length {max_length} cuts {of_rows:.1%} of the training rows of {task.name} and leaves "
        f"out {of_tokens:.1%} of their tokens (of {len(rows)} rows looked at)"
    )
    if of_rows >= CUT:
        warn(f"{told}: what is cut off, no model here sees")
    else:
        print(told)
