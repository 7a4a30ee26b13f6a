"""Two ``snakemake`` commands at once: on one experiment, and on two that share the store."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from experiment import NAME, RESULTS, command_line, digests, snakemake, succeed, write_config

MODEL = "students/narrow/mnli/seed_1"


def begin(folder: Path, target: str) -> subprocess.Popen[str]:
    """Start the workflow and return once it holds its lock."""
    process = subprocess.Popen(
        command_line(folder, target, cores=1),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    locks = folder / ".snakemake" / "locks"
    while process.poll() is None and not (locks.is_dir() and any(locks.iterdir())):
        time.sleep(0.1)
    return process


def test_the_second_command_is_refused_and_the_first_undisturbed(fresh):
    target = f"{RESULTS}/teacher/stsb/seed_1/metrics.json"
    first = begin(fresh, target)
    second = snakemake(fresh, target)
    assert first.poll() is None, first.communicate()[0]
    assert second.returncode == 1, second.stdout
    assert "Directory cannot be locked" in second.stdout
    assert "--unlock" in second.stdout
    output = first.communicate()[0]
    assert first.returncode == 0, output
    assert (fresh / target).is_file()
    assert "Nothing to be done" in succeed(fresh, target)


def test_two_experiments_at_once_share_the_store(fresh):
    begun = [begin(fresh, f"{RESULTS}/{MODEL}/metrics.json")]  # it has read its config by now
    write_config(fresh, {"experiment": "other"})
    begun.append(begin(fresh, f"results/other/{MODEL}/metrics.json"))
    for process in begun:
        output = process.communicate()[0]
        assert process.returncode == 0, output
    one, other = (made(fresh / "results" / name / MODEL) for name in (NAME, "other"))
    assert one == other
    assert {"metrics.json", "model/model.safetensors", "model/config.json"} <= one.keys()


def made(folder: Path) -> dict[str, str]:
    """Return the digests of all files but Snakemake's own."""
    return {name: value for name, value in digests(folder).items() if "snakemake_timestamp" not in name}
