"""Training on the part of the vocabulary that the data uses.

A word piece that no row holds gets no gradient and no weight decay, so its embedding stays as it is.
Leaving such rows out during training is therefore exact, and saves most of an optimiser step and of its
memory for a small student, whose embedding matrix is most of its parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from kdnas.models.loading import base_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Vocabulary:
    """The word pieces in use, in ascending order, with every id up to ``last_fixed``.

    None of these is renumbered: the tokenizer pads with an id, and the model's code looks for one.
    """

    def __init__(self, token_ids: Iterable[np.ndarray], last_fixed: int, size: int) -> None:
        used = [np.arange(last_fixed + 1), *(np.unique(ids) for ids in token_ids)]
        self.used = np.unique(np.concatenate(used))
        self.lookup = np.full(size, -1, dtype=np.int64)
        self.lookup[self.used] = np.arange(len(self.used))

    def shrink(self, model: PreTrainedModel) -> torch.Tensor:
        """Cut the word embedding to the pieces in use; return the whole matrix for :meth:`restore`."""
        whole = base_model(model).get_input_embeddings()
        weight = whole.weight.detach()
        kept = weight[torch.from_numpy(self.used).to(weight.device)].clone()
        padding = -1 if whole.padding_idx is None else int(self.lookup[whole.padding_idx])
        _put(model, kept, None if padding < 0 else padding)
        model.config.vocab_size = len(self.used)
        return weight

    @contextmanager
    def shrunk(self, model: PreTrainedModel) -> Iterator[None]:
        """Cut the word embedding for the time of a ``with``, in which nothing trains it."""
        whole = self.shrink(model)
        try:
            yield
        finally:
            self.restore(model, whole)

    def restore(self, model: PreTrainedModel, whole: torch.Tensor) -> None:
        """Put the trained rows back into the whole matrix and the matrix back into the model."""
        trained = base_model(model).get_input_embeddings()
        weight = whole.clone()
        weight[torch.from_numpy(self.used).to(whole.device)] = trained.weight.detach().to(whole.device)
        padding = trained.padding_idx
        _put(model, weight, None if padding is None else int(self.used[padding]))
        model.config.vocab_size = len(weight)


def _put(model: PreTrainedModel, weight: torch.Tensor, padding: int | None) -> None:
    """Make ``weight`` (pieces, width) a model's word embedding, in which ``padding`` gets no gradient."""
    table = nn.Embedding(len(weight), weight.shape[1], padding_idx=padding, _weight=weight)
    base_model(model).set_input_embeddings(table)
