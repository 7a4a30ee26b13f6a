"""How latency is measured, and on what."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Protocol:
    """One batch shape on one kind of device; ``threads`` counts CPU threads and is None on a GPU."""

    device: str
    batch_size: int
    sequence_length: int
    threads: int | None
    warmup: int
    min_rounds: int
    max_rounds: int
    interval: float

    @classmethod
    def from_config(cls, latency: dict[str, Any], device: str) -> Protocol:
        """Read it from the config's ``latency`` section for ``device``: ``cpu`` or ``gpu``."""
        shared = ("batch_size", "sequence_length", "warmup", "min_rounds", "max_rounds", "interval")
        threads = latency["cpu_threads"] if device == "cpu" else None
        return cls(device=device, threads=threads, **{name: latency[name] for name in shared})

    def to_dict(self) -> dict[str, Any]:
        """Return it as a plain dictionary."""
        return asdict(self)


def hardware(device: str) -> dict[str, Any]:
    """Return the device's name and the versions of the libraries that run on it.

    A GPU has its ``host``'s processor too, which starts the kernels: a small batch waits for it.
    """
    import torch
    import transformers

    gpu = device == "gpu"
    return {
        "device_name": torch.cuda.get_device_name() if gpu else _processor(),
        "cores": None if gpu else os.cpu_count(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    } | ({"host": _processor()} if gpu else {})


def latency_content(protocol: Protocol, source: str, **found: Any) -> dict[str, Any]:
    """Return the content of ``latency.json`` (docs/artifacts.md); what is not ``found`` is empty."""
    empty = {"hardware": None, "reason": None, "teacher": None, "models": []}
    return {"protocol": protocol.to_dict(), "source": source} | empty | found


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
