"""Everything that a training job reads: tokenised splits on one shared, compact vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.data.tasks import Task
from kdnas.errors import UserError
from kdnas.models.loading import load_tokenizer
from kdnas.models.vocabulary import Vocabulary
from kdnas.training.batches import Encoded, encode


@dataclass
class TrainingData:
    """The training rows, the splits that are scored, and the vocabulary that all of them use."""

    train: Encoded
    scored: dict[str, Encoded]
    vocabulary: Vocabulary


def load_data(
    train: pd.DataFrame,
    scored: dict[str, pd.DataFrame],
    task: Task,
    tokenizer_folder: str | Path,
    max_length: int,
    vocabulary_size: int,
) -> TrainingData:
    """Tokenise all frames with the teacher's tokenizer and cut the vocabulary to what they use.

    Raises UserError for a tokenizer without padding, or one whose tokens are not among the
    ``vocabulary_size`` of the model.
    """
    tokenizer: Any = load_tokenizer(tokenizer_folder)
    if tokenizer.pad_token_id is None:
        raise UserError(f"the tokenizer in {tokenizer_folder} has no pad_token; allowed: one that has")
    encoded = {name: encode(frame, task, tokenizer, max_length) for name, frame in scored.items()}
    rows = encode(train, task, tokenizer, max_length)
    everything = [ids for part in (rows, *encoded.values()) for ids in part.token_ids]
    largest = max(int(ids.max()) for ids in everything)
    if largest >= vocabulary_size:
        raise UserError(
            f"the tokenizer in {tokenizer_folder} gives a text the token {largest}; allowed: below the "
            f"model's vocab_size {vocabulary_size}"
        )
    vocabulary = Vocabulary(everything, tokenizer.pad_token_id, vocabulary_size)
    return TrainingData(
        rows.compact(vocabulary),
        {name: part.compact(vocabulary) for name, part in encoded.items()},
        vocabulary,
    )
