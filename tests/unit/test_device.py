"""A GPU for each job, with pretended GPUs: what is held, what is given back."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from kdnas.errors import UserError
from kdnas.training import device as module
from kdnas.training.device import claim

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def gpus(monkeypatch, tmp_path):
    """Pretend to have the GPUs whose uuids are in the list that this gives."""
    present = ["a", "b"]
    monkeypatch.setattr(module, "LOCKS", tmp_path / "locks")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(present))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(present))
    monkeypatch.setattr(torch.cuda, "set_device", lambda index: None)
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda index: SimpleNamespace(uuid=present[index])
    )
    return present


def test_two_jobs_get_two_gpus_and_the_third_waits_for_the_first_to_end(gpus, capsys):
    third = []

    def job():
        with claim("auto", 1) as device:
            third.append(device.index)

    with claim("gpu", 1) as second:
        with claim("auto", 1) as first:
            waiting = threading.Thread(target=job)
            waiting.start()
            waiting.join(2.5)
            assert waiting.is_alive() and not third
            assert {first.index, second.index} == {0, 1}
            assert capsys.readouterr().out.count("waiting for a GPU") == 1
        waiting.join(10)
        assert third == [first.index]


def test_a_gpu_is_known_by_what_it_is_and_not_by_its_number(gpus):
    with claim("gpu", 1) as first:
        held = gpus[first.index]
        gpus.reverse()
        with claim("gpu", 1) as second:
            assert gpus[second.index] != held


def test_a_killed_job_gives_its_gpu_back(gpus):
    gpus[:] = ["a"]
    module.LOCKS.mkdir()
    code = (
        "import fcntl, sys, time\n"
        "file = open(sys.argv[1], 'w'); fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, module.LOCKS / "gpu_a"], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    threading.Timer(1.0, holder.send_signal, [signal.SIGKILL]).start()
    with claim("gpu", 1) as device:
        assert holder.wait(5) == -signal.SIGKILL
        assert device.index == 0


def test_without_a_gpu_auto_is_the_cpu_and_gpu_is_refused(gpus):
    gpus.clear()
    with claim("auto", 1) as device:
        assert device.type == "cpu"
    with (
        pytest.raises(UserError, match='training.device is "gpu", but this machine has none'),
        claim("gpu", 1),
    ):
        pass


def test_threads_are_the_configs_and_not_what_a_scheduler_leaves():
    """Snakemake tells a job with fewer cores than threads in the environment; bits depend on the number."""
    code = (
        "import torch; from kdnas.training.device import claim\n"
        "with claim('cpu', 2): print(torch.__config__.parallel_info())"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    process = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    assert set(re.findall(r"get_(?:num|max)_threads\(\) : (\d+)", process.stdout)) == {"2"}


@pytest.mark.parametrize(
    ("precision", "capability", "hip", "expected"),
    [
        ("auto", (7, 5), None, False),  # a T4 emulates bf16
        ("auto", (8, 0), None, True),
        ("auto", (9, 0), "6.2", True),
        ("bf16", (7, 5), None, True),
        ("float32", (9, 0), None, False),
    ],
)
def test_auto_is_bf16_where_the_jobs_own_gpu_has_it(monkeypatch, precision, capability, hip, expected):
    second = torch.device("cuda", 1)
    monkeypatch.setattr(torch.version, "hip", hip)
    monkeypatch.setattr(torch.cuda, "get_device_capability", {second: capability}.__getitem__)
    assert module.use_autocast(precision, second) is expected
