"""Everything that a training job reads: tokenised splits on one shared, compact vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.data.tasks import Task
from kdnas.models.tokenizer import load_tokenizer
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
    config: Any,
) -> TrainingData:
    """Tokenise all frames with the teacher's tokenizer and cut the vocabulary to what they use.

    ``config`` is the model's. That the tokenizer is the model's was checked where it was fetched
    (:mod:`kdnas.models.agreement`).
    """
    tokenizer: Any = load_tokenizer(tokenizer_folder)
    encoded = {name: encode(frame, task, tokenizer, max_length) for name, frame in scored.items()}
    rows = encode(train, task, tokenizer, max_length)
    everything = [ids for part in (rows, *encoded.values()) for ids in part.token_ids]
    # RoBERTa's positions go by the model's own pad_token_id, which may be another than the tokenizer's
    largest_special = max(tokenizer.pad_token_id, config.pad_token_id or 0)
    vocabulary = Vocabulary(everything, largest_special, config.vocab_size)
    return TrainingData(
        rows.compact(vocabulary),
        {name: part.compact(vocabulary) for name, part in encoded.items()},
        vocabulary,
    )
