"""What a classifier runs in: one class a runtime in the files beside this one, and one line here."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING

from kdnas.latency.protocol import TORCH

if TYPE_CHECKING:
    from kdnas.runtimes.base import Deployed, Runtime

INT8 = "onnxruntime_int8"
# by the name in latency.runtime and deployment.runtimes; as text, because torch takes seconds to import
RUNTIMES = {
    TORCH: "kdnas.runtimes.eager:TorchRuntime",
    "onnxruntime": "kdnas.runtimes.onnx_runtime:OnnxRuntime",
    INT8: "kdnas.runtimes.onnx_runtime:OnnxRuntimeInt8",
}


def runtime_class(name: str) -> type[Runtime]:
    """Return the class of the runtime ``name``; raises UserError if what it needs is not installed."""
    found: type[Runtime] = resolve_name(RUNTIMES[name])
    found.check_installed(name)
    return found


def open_runtime(name: str, deployed: Deployed, threads: int) -> Runtime:
    """Load a trained model into a runtime; raises UserError if that is not installed or a file is damaged."""
    return runtime_class(name).of_files(deployed, threads)


__all__ = ["INT8", "RUNTIMES", "TORCH", "open_runtime", "runtime_class"]
