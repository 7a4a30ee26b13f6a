"""What ends the training of one model and not that of the others."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from kdnas.training.learner import Learner

# cuBLAS and cuDNN have words of their own for a GPU that is full
_OUT_OF_MEMORY = ("DefaultCPUAllocator", "out of memory", "ALLOC_FAILED")


class TrainingFailed(Exception):
    """A model's training can't go on; the message is the reason that is recorded."""


def out_of_memory(error: BaseException) -> bool:
    """Tell whether ``error`` means that the device or the machine has no memory left."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(
        words in str(error) for words in _OUT_OF_MEMORY
    )


@contextlib.contextmanager
def only_this_one_fails(learner: Learner, where: str) -> Iterator[None]:
    """Mark ``learner`` as failed and free its memory if it runs out of that or diverges.

    ``where`` says when, for the reason that is recorded.
    """
    try:
        yield
    except TrainingFailed as error:
        learner.failed = str(error)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        learner.failed = f"out of memory {where}"
    if learner.failed is not None:
        learner.free()
