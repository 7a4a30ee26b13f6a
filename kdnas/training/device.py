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


@contextlib.contextmanager
def claim(device: str, threads: int) -> Iterator[torch.device]:
    """Yield the device of a job and fix its CPU threads.

    ``device`` is the config's ``training.device``; when other jobs hold all GPUs, this waits. Raises
    UserError for ``gpu`` where there is none.
    """
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    if device == "gpu" and not torch.cuda.is_available():
        raise UserError('training.device is "gpu", but this machine has none; allowed: auto, cpu')
    if device == "cpu" or not torch.cuda.is_available():
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


def use_autocast(precision: str, device: torch.device) -> bool:
    """Tell whether to train in bf16: where asked for, or by ``auto`` on a GPU that has it."""
    if precision == "bf16":
        return True
    return precision == "auto" and device.type == "cuda" and _has_bf16(device)


def _has_bf16(device: torch.device) -> bool:
    # torch.cuda.is_bf16_supported counts GPUs before Ampere in, which emulate it slowly
    return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)
