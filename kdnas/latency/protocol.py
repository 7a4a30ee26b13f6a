"""How latency is measured, and on what."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kdnas.latency.cores import allowed_cpus, choose_cores

TORCH = "torch"  # the runtime that models are trained in
NO_GPU = "not measured: this machine has no GPU"  # the reason in a latency file


@dataclass(frozen=True)
class Protocol:
    """One batch shape on one kind of device, in one runtime (:mod:`kdnas.runtimes`).

    ``threads`` counts CPU threads and is None on a GPU.
    """

    device: str
    runtime: str
    batch_size: int
    sequence_length: int
    threads: int | None
    warmup: int
    min_rounds: int
    max_rounds: int
    interval: float

    @classmethod
    def from_config(cls, latency: dict[str, Any], device: str) -> Protocol:
        """Read it from the config's ``latency`` section for ``device``: ``cpu``, or ``gpu`` with torch."""
        names = ("batch_size", "sequence_length", "warmup", "min_rounds", "max_rounds", "interval")
        shared = {name: latency[name] for name in names}
        if device == "gpu":
            return cls(device=device, runtime=TORCH, threads=None, **shared)
        return cls(device=device, runtime=latency["runtime"], threads=latency["cpu_threads"], **shared)

    def to_dict(self) -> dict[str, Any]:
        """Return it as a plain dictionary."""
        return asdict(self)


def timed_in(latency: dict[str, Any], device: str) -> str:
    """Return in words where latencies of the config's ``latency`` section are measured on ``device``."""
    return place(device, Protocol.from_config(latency, device).runtime)


def place(device: str, runtime: str) -> str:
    """Return in words where something is timed: ``CPU``, or with another runtime than torch also this."""
    return device.upper() if runtime == TORCH else f"{device.upper()}, {runtime}"


def device_name(device: str) -> str:
    """Return the name of the processor or the current GPU."""
    import torch

    return torch.cuda.get_device_name() if device == "gpu" else _processor()


def hardware(protocol: Protocol) -> dict[str, Any]:
    """Return everything that decides how fast a model runs: device, cores, and the libraries' versions.

    ``core_kind`` and ``whole_cores`` describe the cores that are timed on
    (:class:`kdnas.latency.cores.Cores`), whose numbers do not matter. A GPU's entry names its ``host``
    processor, which starts the kernels: a small batch waits for it.
    """
    import torch
    import transformers

    cores = choose_cores(protocol.threads, allowed_cpus())
    gpu = protocol.device == "gpu"
    return {
        "device_name": device_name(protocol.device),
        "cores": None if gpu else os.cpu_count(),
        "core_kind": cores.kind,
        "whole_cores": None if gpu else cores.whole,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    } | ({"host": _processor()} if gpu else {})


def hardware_text(hardware: Mapping[str, Any]) -> str:
    """Return hardware in words: the device's name, then the other known facts, such as ``torch 2.13``."""
    others = [
        f"{key.replace('_', ' ')} {_word(value)}"
        for key, value in sorted(hardware.items())
        if key != "device_name" and value is not None
    ]
    return ", ".join([hardware["device_name"], *others])


def latency_content(protocol: Protocol, source: str, **found: Any) -> dict[str, Any]:
    """Return the content of ``latency.json`` (docs/artifacts.md); parts that are not ``found`` are empty."""
    empty: dict[str, Any] = {"hardware": None, "reason": None, "teacher": None, "models": []}
    return {"protocol": protocol.to_dict(), "source": source} | empty | found


def _word(value: Any) -> str:
    return str(value) if not isinstance(value, bool) else "yes" if value else "no"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
