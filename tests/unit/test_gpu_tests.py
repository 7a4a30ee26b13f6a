"""The tests of `make test-gpu` themselves, on the CPU with tiny networks: a GPU is seldom at hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_they_run_where_there_is_no_gpu():
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--confcutdir",
        "tests/gpu",
        "tests/gpu",
        "--device",
        "cpu",
    ]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout
