"""Which device a job trains on, and at what precision."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from kdnas.errors import UserError

LOCKS = Path(tempfile.gettempdir()) / f"kdnas-gpu-locks-{os.getuid()}"


def settle(threads: int) -> None:
    """Fix the CPU threads and whatever else decides the bits of a result, before CUDA starts."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it products differ from run to run
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # it would write NaN into all new memory, which costs time; no result reads memory before it is written
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # made at run time


def device_type(device: str) -> str:
    """Return torch's type for the config's ``training.device``, ``cuda`` or ``cpu``, and hold no GPU.

    Raises UserError for ``gpu`` where there is none.
    """
    if device == "cpu" or not torch.cuda.is_available():
        if device == "gpu":
            raise UserError('training.device is "gpu", but torch sees no GPU here; allowed: auto, cpu')
        return "cpu"
    return "cuda"


@contextlib.contextmanager
def claim(device: str, threads: int) -> Iterator[torch.device]:
    """Yield the device of a job and fix its CPU threads.

    ``device`` is the config's ``training.device``; when other jobs hold all GPUs, this waits. Raises
    UserError for ``gpu`` where there is none.
    """
    settle(threads)
    if device_type(device) == "cpu":
        yield torch.device("cpu")
        return
    with free_gpu() as index:
        yield torch.device("cuda", index)


@contextlib.contextmanager
def free_gpu() -> Iterator[int]:
    """Hold a GPU that no other job holds, as the current one, and yield its number; wait for one if need be.

    The lock is on a file, one a device, that the operating system gives back when the process ends, however
    it ends.
    """
    waiting = False
    LOCKS.mkdir(mode=0o700, exist_ok=True)
    while True:
        for index in range(torch.cuda.device_count()):
            # not its number: a cluster that hands out single GPUs numbers each job's from 0
            with open(LOCKS / f"gpu_{torch.cuda.get_device_properties(index).uuid}", "w") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    continue
                torch.cuda.set_device(index)
                yield index
                return
        if not waiting:
            print("waiting for a GPU: other jobs hold all of this machine's", flush=True)
            waiting = True
        time.sleep(1.0)


def use_autocast(precision: str, device: str) -> bool:
    """Tell whether to train in bf16 on a ``device`` of type ``cuda`` or ``cpu``.

    It is used where it is asked for, and with ``auto`` where all GPUs have it, so that no result depends on
    the GPU that a job gets.
    """
    if precision == "bf16":
        return True
    if precision != "auto" or device != "cuda":
        return False
    return all(_has_bf16(index) for index in range(torch.cuda.device_count()))


def _has_bf16(index: int) -> bool:
    # torch.cuda.is_bf16_supported counts GPUs before Ampere in, which emulate it slowly
    return torch.version.hip is not None or torch.cuda.get_device_capability(index) >= (8, 0)


def to_device(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return ``values``, which are on the CPU, on ``device``; this process does not wait for a GPU."""
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)
