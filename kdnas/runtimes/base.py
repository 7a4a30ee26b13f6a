"""What all runtimes have in common."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from kdnas.errors import UserError
from kdnas.latency.protocol import Protocol

if TYPE_CHECKING:
    from transformers import PreTrainedModel

COPY = "model"  # a transformers folder beside ONNX files, of a model with fewer pieces
Batch = Mapping[str, np.ndarray]  # inputs by their names, each (rows, tokens) int64


@dataclass(frozen=True)
class Deployed:
    """A trained classifier: its transformers folder ``model``, and the folder ``onnx`` of its ONNX files."""

    model: Path
    onnx: Path

    @classmethod
    def found(cls, source: Path, onnx: Path) -> Deployed:
        """Return the model behind the files in ``onnx``: ``source``, or the copy that was made of it."""
        return cls(onnx / COPY if (onnx / COPY).is_dir() else source, onnx)


class Runtime(ABC):
    """A classifier on the CPU, ready to run."""

    packages: ClassVar[tuple[str, ...]] = ()  # that requirements.txt has for this runtime
    in_onnx: ClassVar[bool] = True
    file: ClassVar[str]  # that it reads, in one of the two folders
    rows_at_once: ClassVar[int | None] = None  # where the rows of a batch influence each other's logits

    @classmethod
    @abstractmethod
    def of_files(cls, deployed: Deployed, threads: int) -> Self:
        """Load a trained classifier; raises UserError for a damaged file."""

    @classmethod
    @abstractmethod
    def of_network(cls, network: PreTrainedModel, threads: int) -> Self:
        """Take a classifier as it is in memory, to time it: its weights may be any.

        Raises UserError if it has an operator that the runtime lacks.
        """

    @abstractmethod
    def logits(self, batch: Batch) -> np.ndarray:
        """Return the logits (rows, labels) in float32."""

    def timer(self, protocol: Protocol, vocabulary_size: int) -> Callable[[], float]:
        """Return a function that runs one pass on full-length random tokens and returns milliseconds."""
        batch = _random_batch(protocol, vocabulary_size)

        def timed() -> float:
            started = time.perf_counter()
            self.logits(batch)
            return (time.perf_counter() - started) * 1e3

        return timed

    @classmethod
    def check_installed(cls, name: str) -> None:
        """Raise UserError where a package is missing; ``name`` is the runtime's in the configuration."""
        needs(*cls.packages, what=f"the runtime {name}")

    @classmethod
    def hardware(cls) -> dict[str, str | None]:
        """Return what decides its speed beside the machine and torch: versions, instruction sets."""
        return {package: metadata.version(package) for package in cls.packages}

    @classmethod
    def path(cls, deployed: Deployed) -> Path:
        """Return the file that it reads the model from."""
        return (deployed.onnx if cls.in_onnx else deployed.model) / cls.file


def needs(*packages: str, what: str = "an ONNX file") -> None:
    """Raise UserError for the first of ``packages`` that is not installed; ``what`` needs them."""
    for package in packages:
        if util.find_spec(package) is None:
            raise UserError(
                f"{what} needs the package {package}, which is not installed; install "
                "requirements/requirements.txt, or choose latency.runtime and deployment.runtimes without it"
            )


def _random_batch(protocol: Protocol, vocabulary_size: int) -> dict[str, np.ndarray]:
    shape = (protocol.batch_size, protocol.sequence_length)
    # ids above 5 are never padding in the BERT family
    ids = np.random.default_rng(0).integers(6, vocabulary_size, shape, dtype=np.int64)
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
