"""One GPU a job, among processes: what is held, what waits, what is given back by a kill."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.only_gpu

_HOLD = """
import sys, time, torch
from kdnas.training.device import claim
started = time.perf_counter()
with claim("gpu", 1) as device:
    torch.ones(1, device=device).item()
    print("held", time.perf_counter() - started, flush=True)
    time.sleep(120)
"""
_KEY = """
from kdnas.training.run import start_run
settings = {"device": "auto", "precision": "auto", "threads": 1}
with start_run(**settings, checkpoints="", checkpoint_minutes=1.0) as run:
    print(run.key["device"], run.key["precision"])
"""


def process(code):
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def holders():
    """Jobs that hold every GPU of this machine, and the seconds that the first claim took."""
    jobs = [process(_HOLD) for _ in range(torch.cuda.device_count())]
    try:
        words = [job.stdout.readline().split() for job in jobs]
        assert {word[0] for word in words} == {"held"}
        yield jobs, float(words[0][1])
    finally:
        for job in jobs:
            job.kill()
            job.wait()


def test_a_job_waits_for_a_gpu_until_its_holder_is_killed(holders, figure):
    jobs, seconds = holders
    figure("claim of a free GPU, CUDA's start included", "gpu", f"{seconds:.1f} s")
    waiting = process(_HOLD)
    try:
        assert waiting.stdout.readline().startswith("waiting for a GPU")
        killed = time.perf_counter()
        jobs[0].send_signal(signal.SIGKILL)
        assert waiting.stdout.readline().startswith("held")
        figure("claim of a killed job's GPU", "gpu", f"{time.perf_counter() - killed:.1f} s")
    finally:
        waiting.kill()
        waiting.wait()


def test_what_the_store_is_asked_with_needs_no_gpu(holders):
    found = subprocess.run(
        [sys.executable, "-c", _KEY], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    device, precision = found.stdout.split()
    modern = all(
        torch.cuda.get_device_capability(index) >= (8, 0) for index in range(torch.cuda.device_count())
    )
    assert (device, precision) == ("cuda", "bf16" if modern or torch.version.hip else "float32")
