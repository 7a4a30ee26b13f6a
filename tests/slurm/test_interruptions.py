"""Jobs that SLURM ends go on from where they were, and one that asked for too little gets more."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest
from experiment import RESULTS, copy_run, snakemake, write_config
from site_profile import PROFILE, Job, jobs, submit, write_profile

# long enough to be met at work; only a signal makes a checkpoint
LONG = {
    "teacher": {"training": {"epochs": 100}},
    "training": {"checkpoint_minutes": 60},
    "seeds": [5, 1, 2, 3, 4],  # the first one's is a rule of its own
}
SEEDS = {"limit": 1, "cancelled": 2, "requeued": 3, "step": 4}
WAIT_SECONDS = 240


@pytest.fixture(scope="module")
def interrupted(inputs, tmp_path_factory) -> Path:
    """A run with four long trainings, each of which was interrupted in its own way."""
    folder = copy_run(inputs, tmp_path_factory.mktemp("interrupted") / "run")
    write_config(folder, LONG)
    targets = [f"{RESULTS}/teacher/mnli/seed_{seed}/metrics.json" for seed in SEEDS.values()]
    profile = write_profile(folder, jobs=4)
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(submit, folder, profile, *targets)
        try:
            _interrupt(folder, run)
        finally:
            run.result()
    return folder


def _interrupt(folder: Path, run) -> None:
    at_work = {}
    deadline = time.monotonic() + WAIT_SECONDS
    while len(at_work) < len(SEEDS) and time.monotonic() < deadline and not run.done():
        for how in SEEDS.keys() - at_work.keys():
            if re.search(r"^step \d+", _log(folder, how), re.MULTILINE):
                at_work[how] = _attempts(folder, how)[0]
                _end(how, at_work[how].number)
        time.sleep(0.5)
    assert len(at_work) == len(SEEDS), at_work


def _end(how: str, number: str) -> None:
    if how == "limit":
        # moves the time limit of the job to a moment from now, which must not have passed at the controller
        _scontrol("update", f"JobId={number}", "EndTime=now+3")
        Thread(target=_rest_until_ended, args=(number,)).start()
    elif how == "cancelled":
        subprocess.run(["scancel", number], check=True)
    elif how == "requeued":
        _scontrol("requeue", number)
    else:
        # the one process that SLURM with cgroups signals: the step's own, a child of its slurmstepd
        os.kill(_step_process(number), signal.SIGTERM)


def _rest_until_ended(number: str) -> None:
    """Let the training rest until SLURM, which looks at time limits every half minute, has told it to end."""
    training = _step_process(number)
    while below := _children(training):
        (training,) = below
    os.kill(training, signal.SIGSTOP)
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while _state(number) == "RUNNING" and time.monotonic() < deadline:
            time.sleep(0.5)
    finally:
        with suppress(ProcessLookupError):  # SLURM itself lets go on what it ends
            os.kill(training, signal.SIGCONT)


def _state(number: str) -> str:
    command = ["squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={number}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _scontrol(*arguments: str) -> None:
    subprocess.run(["scontrol", *arguments], check=True)


def _step_process(number: str) -> int:
    """Return the process of a job's first step: the only child of its slurmstepd."""
    (manager,) = (pid for pid, _, command in _processes() if command.startswith(f"slurmstepd: [{number}.0]"))
    (process,) = _children(manager)
    return process


def _children(parent: int) -> list[int]:
    return [pid for pid, above, _ in _processes() if above == parent]


def _processes() -> list[tuple[int, int, str]]:
    output = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    rows = (line.split(maxsplit=2) for line in output.splitlines()[1:])
    return [(int(pid), int(parent), command) for pid, parent, command in rows]


def _log(folder: Path, how: str) -> str:
    path = folder / RESULTS / "logs" / "finetune_teacher" / f"mnli_seed_{SEEDS[how]}.log"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _attempts(folder: Path, how: str) -> list[Job]:
    wildcards = f"mnli_{SEEDS[how]}"
    return [job for job in jobs(folder) if (job.rule, job.wildcards) == ("finetune_teacher", wildcards)]


@pytest.mark.parametrize(
    ("how", "states", "restarts"),
    [
        ("limit", ["TIMEOUT", "COMPLETED"], 0),
        ("cancelled", ["CANCELLED", "COMPLETED"], 0),
        ("requeued", ["COMPLETED"], 1),
        ("step", ["FAILED", "COMPLETED"], 0),
    ],
)
def test_goes_on_from_its_checkpoint(interrupted, how, states, restarts):
    attempts = _attempts(interrupted, how)
    assert [job.state for job in attempts] == states
    assert attempts[-1].restarts == restarts
    step, steps = map(int, re.search(r"resumes at step (\d+) of (\d+)", _log(interrupted, how)).groups())
    assert 0 < step < steps
    assert (interrupted / RESULTS / "teacher" / "mnli" / f"seed_{SEEDS[how]}" / "metrics.json").is_file()
    assert not list((interrupted / RESULTS / "checkpoints").glob("*.safetensors"))


def test_next_attempt_asks_for_more(interrupted):
    first, second = _attempts(interrupted, "cancelled")
    assert second.mb == 2 * first.mb
    assert second.minutes == 2 * first.minutes


def test_job_that_finds_an_edited_configuration_says_so_and_makes_nothing(fresh):
    target, base = f"{RESULTS}/teacher/mnli/seed_1/metrics.json", fresh / RESULTS / "teacher" / "base"
    profile = write_profile(fresh, jobs=1)
    options = ("--profile", str(PROFILE), "--profile", str(profile), "--retries", "0")
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(snakemake, fresh, target, *options, cores=None)
        while (
            not base.exists() and not run.done()
        ):  # made by a job of the run itself, before the first submitted
            time.sleep(0.05)
        write_config(fresh, {"teacher": {"max_length": 12}})
    process = run.result()
    assert process.returncode == 1, process.stdout
    said = [path.read_text(encoding="utf-8") for path in fresh.rglob("*.log") if "slurm" in str(path)]
    assert any(f"kdnas: the configuration of {RESULTS} changed" in text for text in said), (
        said,
        process.stdout,
    )
    assert not (fresh / target).exists()


def test_too_little_memory_is_followed_by_more(fresh):
    write_config(fresh, {"students": {"matched": ["narrow"]}})
    # less than the job's own Snakemake takes: SLURM looks once a second, and the script may be quicker
    profile = write_profile(fresh, requests={"profile_hand_crafted": {"mem_mb": "60 * 30 ** (attempt - 1)"}})
    submit(fresh, profile, f"{RESULTS}/search/hand_crafted/latency.json")
    killed, finished = jobs(fresh)
    assert (killed.mb, finished.mb) == (60, 1800)
    assert (killed.state == "COMPLETED", finished.state) == (False, "COMPLETED")
