"""ONNX Runtime's CPU provider, in float32 and in int8."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from kdnas.errors import UserError
from kdnas.runtimes.base import Batch, Deployed, Runtime
from kdnas.runtimes.instructions import int8_instructions
from kdnas.runtimes.quantise import quantise_quickly
from kdnas.sentences import reason

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# int8 is "quantized" for optimum, and for transformers.js, whose default in browsers it is
ONNX, ONNX_INT8 = "model.onnx", "model_quantized.onnx"


class OnnxRuntime(Runtime):
    """ONNX Runtime's CPU provider in float32."""

    packages = ("onnx", "onnxruntime")
    file = ONNX

    def __init__(self, session: Any) -> None:
        self.session = session
        self.names = [value.name for value in session.get_inputs()]

    @classmethod
    def of_files(cls, deployed: Deployed, threads: int) -> Self:
        """Load a trained classifier; raises UserError for a damaged file."""
        file = cls.path(deployed)
        try:
            return cls(_session(file, threads))
        except Exception as error:  # of its own kinds, which have no common base
            raise UserError(
                f"{file} is damaged ({reason(error)}); delete {file.parents[1]} and run the same command "
                "again"
            ) from error

    @classmethod
    def of_network(cls, network: PreTrainedModel, threads: int) -> Self:
        """Export a classifier, to time it: its weights may be any.

        Raises UserError if it has an operator that cannot be exported.
        """
        from kdnas.runtimes.export import export_network  # torch, which a client does without

        with TemporaryDirectory() as folder:
            file = Path(folder) / ONNX
            called = f"an untrained {network.config.model_type}"
            export_network(network, file, names=("input_ids", "attention_mask"), called=called)
            return cls(_session(cls._prepared(file), threads))

    @classmethod
    def _prepared(cls, file: Path) -> Path:
        """Return the file to run, made from a float32 one."""
        return file

    def logits(self, batch: Batch) -> np.ndarray:
        """Return the logits (rows, labels) in float32."""
        (logits,) = self.session.run(["logits"], {name: batch[name] for name in self.names})
        return logits


class OnnxRuntimeInt8(OnnxRuntime):
    """The same with int8 weights and inputs that are quantised as they come."""

    file = ONNX_INT8
    rows_at_once = 1  # the scale of a product's inputs is that of the whole batch

    @classmethod
    def hardware(cls) -> dict[str, str | None]:
        """Return the versions of the packages, and the instruction sets that int8 uses."""
        return super().hardware() | {"instructions": int8_instructions()}

    @classmethod
    def _prepared(cls, file: Path) -> Path:
        target = file.with_name(ONNX_INT8)
        quantise_quickly(file, target)
        return target


def _session(file: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # threads that wait for work would take the cores of what else runs
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
