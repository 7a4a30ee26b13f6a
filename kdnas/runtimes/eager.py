"""torch without compilation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch

from kdnas.latency.protocol import Protocol
from kdnas.latency.timers import make_timer
from kdnas.models.files import WEIGHTS
from kdnas.models.loading import load_classifier
from kdnas.runtimes.base import Batch, Deployed, Runtime

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class TorchRuntime(Runtime):
    """transformers and torch without compilation, as in training."""

    in_onnx = False
    file = WEIGHTS

    def __init__(self, model: Any, threads: int) -> None:
        torch.set_num_threads(threads)
        self.model = model.eval()

    @classmethod
    def of_files(cls, deployed: Deployed, threads: int) -> Self:
        """Load a trained classifier; raises UserError for a damaged file."""
        return cls(load_classifier(deployed.model), threads)

    @classmethod
    def of_network(cls, network: PreTrainedModel, threads: int) -> Self:
        """Take a classifier as it is."""
        return cls(network, threads)

    def logits(self, batch: Batch) -> np.ndarray:
        """Return the logits (rows, labels) in float32."""
        with torch.inference_mode():
            inputs = {name: torch.from_numpy(value) for name, value in batch.items()}
            found: np.ndarray = self.model(**inputs).logits.float().numpy()
        return found

    def timer(self, protocol: Protocol, vocabulary_size: int) -> Callable[[], float]:
        """Return the search's timer, so that latencies are comparable."""
        return make_timer(self.model, protocol, vocabulary_size)
