"""Runs that are killed again and again end with the bytes of a run that nobody touched."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from experiment import command_line, copy_run, reproducible, succeed, write_config, write_experiment

KILLS = int(os.environ.get("KILLS", "30"))
SEED = int(os.environ.get("KILLS_SEED", "1"))
LONGEST_SECONDS = 25.0  # from one start to the next kill


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    """The tiny experiment before anything ran, with checkpoints each second."""
    folder = tmp_path_factory.mktemp("inputs")
    write_experiment(folder)
    write_config(folder, {"training": {"checkpoint_minutes": 1 / 60}})
    return folder


@pytest.fixture(scope="module")
def untouched(inputs, tmp_path_factory) -> dict[str, str]:
    """The digests of a run without a kill."""
    folder = copy_run(inputs, tmp_path_factory.mktemp("untouched") / "run")
    succeed(folder)
    return reproducible(folder)


def test_killed_runs_end_with_the_same_bytes(inputs, untouched, tmp_path_factory):
    moments = random.Random(SEED)
    kills = []
    while sum(kills) < KILLS:
        folder = copy_run(inputs, tmp_path_factory.mktemp("killed") / "run")
        kills.append(run_with_kills(folder, moments))
        assert reproducible(folder) == untouched
        assert not [path for path in (folder / "results").rglob("*") if is_left_over(path)]
        print(f"run {len(kills)}: killed {kills[-1]} times, the same {len(untouched)} files")


def run_with_kills(folder: Path, moments: random.Random) -> int:
    """Run the workflow to its end, killing it at random moments; return how often."""
    kills = 0
    while True:
        with open(folder / "output.log", "a", encoding="utf-8") as output:
            run = subprocess.Popen(
                command_line(folder), cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            try:
                run.wait(moments.uniform(1.0, LONGEST_SECONDS))
            except subprocess.TimeoutExpired:
                kill_all_in(folder)
                run.wait()
        if run.returncode == 0:
            return kills
        assert run.returncode == -signal.SIGKILL, (folder / "output.log").read_text()[-3000:]
        kills += 1
        succeed(folder, "--unlock")


def kill_all_in(folder: Path) -> None:
    """Send SIGKILL to every process that works in ``folder``, until there is none."""
    while found := [process for process in processes() if works_in(process, folder)]:
        for process in found:
            with_no_complaint(os.kill, process, signal.SIGKILL)
        time.sleep(0.05)


def processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def works_in(process: int, folder: Path) -> bool:
    state = with_no_complaint(Path(f"/proc/{process}/stat").read_bytes)
    place = with_no_complaint(os.readlink, f"/proc/{process}/cwd")
    return state is not None and state.rpartition(b")")[2].split()[0] != b"Z" and place == str(folder)


def with_no_complaint(function, *arguments):
    """Call a function on a process that may have ended meanwhile; None where it did."""
    try:
        return function(*arguments)
    except OSError:
        return None


def is_left_over(path: Path) -> bool:
    """Tell a checkpoint or a half-written file or folder, whose job is done."""
    hidden = path.name.startswith(".") and path.name != ".snakemake_timestamp"
    return hidden or "checkpoints" in path.parts[:-1]
