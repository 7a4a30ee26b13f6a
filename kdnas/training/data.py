"""The input of a training: tokenised rows on one compact vocabulary, and batches of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from kdnas.data.kinds import Kind
from kdnas.data.tasks import Task
from kdnas.models.families import family_of
from kdnas.models.tokenizer import TOKEN_TYPES, load_tokenizer
from kdnas.models.vocabulary import Vocabulary
from kdnas.training.device import to_device

if TYPE_CHECKING:
    import pandas as pd

BUCKET = 50  # batches that are sorted by length together


@dataclass
class Encoded:
    """Tokenised rows: ``token_ids`` and ``token_types`` one array a row.

    ``labels`` are targets, (rows,) or (rows, labels) (:mod:`kdnas.data.kinds`).
    """

    token_ids: list[np.ndarray]
    token_types: list[np.ndarray] | None
    labels: np.ndarray
    padding_id: int

    def __len__(self) -> int:
        return len(self.token_ids)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row, shape (rows,)."""
        return np.array([len(ids) for ids in self.token_ids])

    def compact(self, vocabulary: Vocabulary) -> Encoded:
        """Return the same rows with the ids of ``vocabulary``."""
        ids = [vocabulary.lookup[row] for row in self.token_ids]
        return Encoded(ids, self.token_types, self.labels, int(vocabulary.lookup[self.padding_id]))


def encode(frame: pd.DataFrame, task: Task, tokenizer: Any, *, max_length: int) -> Encoded:
    """Tokenise the text columns of ``frame``, cut to ``max_length`` tokens.

    There are token types where the ``model_input_names`` of ``tokenizer`` have them.
    """
    texts = [frame[column].tolist() for column in task.text_columns]
    encoded = tokenizer(
        *texts,
        truncation=True,
        max_length=max_length,
        padding=False,
        return_token_type_ids=TOKEN_TYPES in tokenizer.model_input_names,
    )
    types = encoded.get(TOKEN_TYPES)
    return Encoded(
        [np.array(ids) for ids in encoded["input_ids"]],
        None if types is None else [np.array(row) for row in types],
        task.kind.targets(frame["label"]),
        tokenizer.pad_token_id,
    )


def epoch_batches(lengths: np.ndarray, batch_size: int, *, seed: int, epoch: int) -> list[np.ndarray]:
    """Return the row numbers of each batch of ``epoch``: shuffled, with rows of like length together."""
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), batch_size * BUCKET):
        bucket = order[start : start + batch_size * BUCKET]
        bucket = bucket[np.argsort(lengths[bucket], kind="stable")]
        batches += [bucket[i : i + batch_size] for i in range(0, len(bucket), batch_size)]
    return [batches[i] for i in generator.permutation(len(batches))]


def collate(encoded: Encoded, rows: np.ndarray, device: torch.device) -> dict[str, torch.Tensor]:
    """Return one padded batch: ``input_ids`` and ``attention_mask`` (batch, tokens), and ``labels``.

    For a GPU also ``padded``, which is on the CPU: whether any token is padding.
    """
    width = max(len(encoded.token_ids[row]) for row in rows)
    ids = np.full((len(rows), width), encoded.padding_id, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    types = np.zeros((len(rows), width), dtype=np.int64)
    for position, row in enumerate(rows):
        length = len(encoded.token_ids[row])
        ids[position, :length] = encoded.token_ids[row]
        mask[position, :length] = 1
        if encoded.token_types is not None:
            types[position, :length] = encoded.token_types[row]
    padded = not mask.all()
    batch = {"input_ids": ids, "attention_mask": mask, "labels": encoded.labels[rows]}
    if encoded.token_types is not None:
        batch["token_type_ids"] = types
    tensors = {name: to_device(torch.from_numpy(value), device) for name, value in batch.items()}
    return tensors | ({"padded": torch.tensor(padded)} if device.type == "cuda" else {})


def with_pseudo_labels(data: Encoded, *, labelled: int, logits: torch.Tensor, kind: Kind) -> Encoded:
    """Return ``data`` with pseudo-labels (Lee 2013) on all rows but the first ``labelled``.

    ``logits`` (rows, labels) are the teacher's on all rows; a pseudo-label is what they say.
    """
    labels = data.labels.copy()
    labels[labelled:] = kind.answers(logits.numpy())[labelled:]
    return replace(data, labels=labels)


@dataclass
class TrainingData:
    """The training rows, the splits that are scored, and the vocabulary that all of them use."""

    train: Encoded
    scored: dict[str, Encoded]
    vocabulary: Vocabulary


def load_data(
    train: pd.DataFrame,
    scored: dict[str, pd.DataFrame],
    *,
    task: Task,
    tokenizer_folder: str | Path,
    max_length: int,
    config: Any,
) -> TrainingData:
    """Tokenise all frames with the teacher's tokenizer and cut the vocabulary to the word pieces in use.

    That the tokenizer is the model's was checked where it was fetched (:mod:`kdnas.teachers.agreement`).

    Args:
        train: the training rows.
        scored: the rows of each split that is scored.
        task: whose text columns they have.
        tokenizer_folder: holds the tokenizer.
        max_length: tokens that texts are cut to.
        config: the model's transformers configuration.
    """
    tokenizer: Any = load_tokenizer(tokenizer_folder)
    encoded = {name: encode(frame, task, tokenizer, max_length=max_length) for name, frame in scored.items()}
    rows = encode(train, task, tokenizer, max_length=max_length)
    everything = [ids for part in (rows, *encoded.values()) for ids in part.token_ids]
    everything.append(np.array([tokenizer.pad_token_id]))
    last_fixed = family_of(config.model_type).last_fixed_id(config, tokenizer.pad_token_id)
    vocabulary = Vocabulary(everything, last_fixed, config.vocab_size)
    return TrainingData(
        rows.compact(vocabulary),
        {name: part.compact(vocabulary) for name, part in encoded.items()},
        vocabulary,
    )
