"""What a trained classifier runs in: one class a runtime, and one line in ``RUNTIMES``."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kdnas.errors import UserError
from kdnas.latency.protocol import Protocol
from kdnas.models.files import WEIGHTS
from kdnas.sentences import reason

TORCH = "torch"  # the reference: what models are trained and scored in
# int8 is "quantized" for optimum, and for transformers.js, whose default in browsers it is
ONNX, ONNX_INT8 = "model.onnx", "model_quantized.onnx"
Batch = Mapping[str, np.ndarray]  # inputs by their names, each (rows, tokens) int64


@dataclass(frozen=True)
class Deployed:
    """A trained classifier: its transformers folder ``model``, and the folder ``onnx`` of its ONNX files."""

    model: Path
    onnx: Path


class Runtime(ABC):
    """A classifier on the CPU, ready to run."""

    packages: ClassVar[tuple[str, ...]] = ()  # that requirements.txt has for this runtime
    in_onnx: ClassVar[bool] = True
    file: ClassVar[str]  # that it reads, in one of the two folders
    rows_at_once: ClassVar[int | None] = None  # where the rows of a batch influence each other's logits

    @abstractmethod
    def __init__(self, deployed: Deployed, threads: int) -> None:
        """Load the model; raises UserError for a damaged file."""

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
    def path(cls, deployed: Deployed) -> Path:
        """Return the file that it reads the model from."""
        return (deployed.onnx if cls.in_onnx else deployed.model) / cls.file


class Torch(Runtime):
    """transformers and torch without compilation, as in training."""

    in_onnx = False
    file = WEIGHTS

    def __init__(self, deployed: Deployed, threads: int) -> None:
        import torch

        from kdnas.models.loading import load_classifier

        torch.set_num_threads(threads)
        self.model: Any = load_classifier(deployed.model).eval()

    def logits(self, batch: Batch) -> np.ndarray:
        """Return the logits (rows, labels) in float32."""
        import torch

        with torch.inference_mode():
            inputs = {name: torch.from_numpy(value) for name, value in batch.items()}
            return self.model(**inputs).logits.float().numpy()

    def timer(self, protocol: Protocol, vocabulary_size: int) -> Callable[[], float]:
        """Return the search's timer, so that latencies are comparable."""
        from kdnas.latency.timers import make_timer

        return make_timer(self.model, protocol, vocabulary_size)


class OnnxRuntime(Runtime):
    """ONNX Runtime's CPU provider in float32."""

    packages = ("onnx", "onnxruntime")
    file = ONNX

    def __init__(self, deployed: Deployed, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # threads that wait for work would take the cores of what else runs
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        file = self.path(deployed)
        try:
            self.session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # of its own kinds, which have no common base
            raise UserError(
                f"{file} is damaged ({reason(error)}); delete {file.parents[1]} and run the same command "
                "again"
            ) from error
        self.names = [value.name for value in self.session.get_inputs()]

    def logits(self, batch: Batch) -> np.ndarray:
        """Return the logits (rows, labels) in float32."""
        (logits,) = self.session.run(["logits"], {name: batch[name] for name in self.names})
        return logits


class OnnxRuntimeInt8(OnnxRuntime):
    """The same with int8 weights and inputs that are quantised as they come."""

    file = ONNX_INT8
    rows_at_once = 1  # the scale of a product's inputs is that of the whole batch


# by the name in deployment.runtimes
RUNTIMES: dict[str, type[Runtime]] = {
    TORCH: Torch,
    "onnxruntime": OnnxRuntime,
    "onnxruntime_int8": OnnxRuntimeInt8,
}


def open_runtime(name: str, deployed: Deployed, threads: int) -> Runtime:
    """Load a model into a runtime; raises UserError if that is not installed or a file is damaged."""
    runtime = RUNTIMES[name]
    needs(*runtime.packages, runtime=name)
    return runtime(deployed, threads)


def needs(*packages: str, runtime: str | None = None) -> None:
    """Raise UserError for the first of ``packages`` that is not installed."""
    for package in packages:
        if util.find_spec(package) is None:
            what = f"deployment.runtimes has {runtime}" if runtime else "deployment.runtimes is set"
            raise UserError(
                f"{what}, which needs the package {package}, and that is not installed; install "
                "requirements/requirements.txt, or set deployment.runtimes to []"
            )


def versions(names: list[str]) -> dict[str, str]:
    """Return the versions of the packages that the runtimes ``names`` need."""
    packages = {package for name in names for package in RUNTIMES[name].packages}
    return {package: metadata.version(package) for package in sorted(packages)}


def _random_batch(protocol: Protocol, vocabulary_size: int) -> dict[str, np.ndarray]:
    shape = (protocol.batch_size, protocol.sequence_length)
    # ids above 5 are never padding in the BERT family
    ids = np.random.default_rng(0).integers(6, vocabulary_size, shape, dtype=np.int64)
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
