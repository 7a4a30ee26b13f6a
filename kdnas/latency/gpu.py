"""Whether a latency that could not be measured without a GPU can be measured now.

A "no" needs no import of torch.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kdnas.errors import UserError
from kdnas.files.artifacts import read_json
from kdnas.latency.protocol import NO_GPU

DRIVERS = ("nvidia[0-9]*", "kfd", "dxg")  # in /dev: NVIDIA's, AMD's, that of Windows' Linux


def awaits_gpu(file: str | Path, promised: bool, here: bool) -> bool:
    """Tell whether a latency file says that there was no GPU, and the job that makes it would have one now.

    ``promised`` says that the job has one wherever it runs, ``here`` that it runs on this machine.
    """
    try:
        content = read_json(file)
    except UserError:  # missing, or damaged, which the job that reads it reports
        return False
    if not isinstance(content, dict) or content.get("reason") != NO_GPU:
        return False
    return promised or (here and has_driver() and torch_sees_gpu())


def has_driver(devices: Path = Path("/dev")) -> bool:
    """Tell whether a GPU's driver is there: torch alone knows whether it can be used, but takes seconds."""
    return any(True for pattern in DRIVERS for _ in devices.glob(pattern))


def torch_sees_gpu() -> bool:
    """Ask torch in a process of its own, so that this one starts no CUDA."""
    code = "import sys, torch; sys.exit(not torch.cuda.is_available())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
