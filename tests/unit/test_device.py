"""A GPU for each job, with pretended GPUs: what is held, what is given back."""

import fcntl
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
from kdnas.runtimes import instructions
from kdnas.training import device as module
from kdnas.training.device import claim
from kdnas.training.run import start_run

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
        pytest.raises(UserError, match='training.device is "gpu", but torch sees no GPU here'),
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
    ("precision", "capabilities", "hip", "expected"),
    [
        ("auto", [(7, 5)], None, False),  # a T4 emulates bf16
        ("auto", [(8, 0)], None, True),
        ("auto", [(9, 0)], "6.2", True),
        ("auto", [(8, 0), (7, 5)], None, False),  # which of them a job gets decides no bit
        ("bf16", [(7, 5)], None, True),
        ("float32", [(9, 0)], None, False),
    ],
)
def test_auto_is_bf16_where_all_gpus_have_it(monkeypatch, precision, capabilities, hip, expected):
    monkeypatch.setattr(torch.version, "hip", hip)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(capabilities))
    monkeypatch.setattr(torch.cuda, "get_device_capability", capabilities.__getitem__)
    assert module.use_autocast(precision, "cuda") is expected
    assert module.use_autocast(precision, "cpu") is (precision == "bf16")


@pytest.mark.parametrize(
    ("flags", "precision", "warned"),
    [({"avx2"}, "bf16", True), ({"avx512_bf16"}, "bf16", False), ({"avx2"}, "auto", False)],
)
def test_a_job_says_that_its_cpu_emulates_bf16(flags, precision, warned, monkeypatch, tmp_path):
    monkeypatch.setattr(instructions, "cpu_flags", lambda: flags)
    said = []
    with start_run(
        device="cpu",
        precision=precision,
        threads=1,
        checkpoints=tmp_path,
        checkpoint_minutes=1,
        report=said.append,
    ):
        pass
    assert [line.startswith("warning: training.precision is bf16") for line in said] == [True] * warned


TRAINING = {
    "device": "auto",
    "threads": 1,
    "precision": "float32",
    "checkpoints": "",
    "checkpoint_minutes": 1.0,
}


def test_a_run_claims_its_gpu_when_first_asked_and_gives_it_back(gpus):
    gpus[:] = ["a"]
    lines = []
    with start_run(**TRAINING, report=lines.append) as run:
        assert run.key["device"] == "cuda" and run.key["precision"] == "float32"
        with claim("gpu", 1):  # nobody holds it yet
            pass
        assert lines == []
        assert run.device == torch.device("cuda", 0) and run.device is run.device
        assert lines == ["training on cuda:0, float32, 1 threads"]
        assert not free(gpus[0])
    assert free(gpus[0])


def free(uuid):
    """Tell whether no job holds a GPU."""
    with open(module.LOCKS / f"gpu_{uuid}", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def test_a_run_that_fails_gives_its_gpu_back(gpus):
    gpus[:] = ["a"]
    with pytest.raises(ZeroDivisionError), start_run(**TRAINING) as run:
        1 / (run.device.index or 0)
    assert free("a")


def test_a_run_without_its_gpu_ends_before_it_reads_anything(gpus):
    gpus.clear()
    with (
        pytest.raises(UserError, match="torch sees no GPU here"),
        start_run(**TRAINING | {"device": "gpu"}),
    ):
        pytest.fail("it has begun")
    with start_run(**TRAINING) as run:
        assert run.key["device"] == run.device.type == "cpu"


def test_what_decides_bits_on_a_gpu_is_set_before_cuda_starts():
    code = (
        "import os, torch; from kdnas.training.device import settle\n"
        "settle(1)\n"
        "assert not torch.cuda.is_initialized()\n"
        "assert torch.are_deterministic_algorithms_enabled()\n"
        "assert not torch.utils.deterministic.fill_uninitialized_memory\n"
        "print(os.environ['CUBLAS_WORKSPACE_CONFIG'])"
    )
    for own, expected in (({}, ":4096:8"), ({"CUBLAS_WORKSPACE_CONFIG": ":16:8"}, ":16:8")):
        environment = {key: value for key, value in os.environ.items() if key != "CUBLAS_WORKSPACE_CONFIG"}
        process = subprocess.run(
            [sys.executable, "-c", code],
            env=environment | own,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert process.stdout.strip() == expected
