"""What planning costs as experiments grow: time, memory and files of ``snakemake --dry-run``.

    python benchmarks/scale.py [--sizes 15x20 50x100 200x100] [--cohorts 4 20] [--experiments 10]

``config/paper.yaml`` with other numbers of episodes, candidates and cohorts, in a scratch folder: once from
nothing and once finished. Nothing is trained: the outputs are empty files, which Snakemake's own ``--touch``
records as made. The last rows are of the first size in a folder with ``--experiments`` finished ones.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
SPACE = {  # 21,000 architectures, as a search of 200 x 100 proposes 20,000 different ones
    "layers": list(range(3, 13)),
    "hidden_size": list(range(192, 769, 96)),
    "attention_heads": [2, 3, 4, 6, 12],
    "ffn_size": list(range(128, 2561, 128)),
    "activation": ["gelu", "relu", "silu"],
}
# `--touch` that makes what is missing, benchmark files too, and does not pause before each job
MAKE = """
from snakemake.executors.touch import Executor
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo

def make(self, job):
    for file in (*job.output, job.benchmark):
        file and file.touch_or_create()
    submitted = SubmittedJobInfo(job=job)
    self.report_job_submission(submitted)
    self.report_job_success(submitted)

Executor.run_job = make
"""
MAIN = "from snakemake.cli import main; main()"


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock and of the processor, and peak memory in MB, of one process."""

    wall: float
    cpu: float
    megabytes: float

    def __str__(self) -> str:
        return f"{self.wall:.0f} | {self.cpu:.1f} | {self.megabytes:.0f}"


def write_config(folder: Path, experiment: str, size: str, cohorts: int) -> None:
    """Write ``<experiment>.yaml``; ``size`` is episodes x candidates, as in ``15x20``."""
    config = yaml.safe_load((ROOT / "config" / "paper.yaml").read_text(encoding="utf-8"))
    episodes, candidates = map(int, size.split("x"))
    config["experiment"] = experiment
    config["search"] |= {"episodes": episodes, "candidates": candidates, "cohorts": cohorts, "space": SPACE}
    (folder / f"{experiment}.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")


def snakemake(folder: Path, experiment: str, *options: str, before: str = "") -> tuple[str, Cost]:
    """Run ``snakemake`` with ``options`` in ``folder``; return what it printed and its cost."""
    command = [
        sys.executable,
        "-c",
        before + MAIN,
        *options,
        "--cores",
        "2",
        "--snakefile",
        ROOT / "Snakefile",
    ]
    command += ["--directory", folder, "--workflow-profile", ROOT / "profiles" / "default"]
    command += ["--configfile", folder / f"{experiment}.yaml"]
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        output.seek(0)
        text = output.read()
    if status:
        sys.exit(text[-4000:])
    return text, Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def plan(folder: Path, experiment: str) -> tuple[int, Cost]:
    """Return the number of jobs that a dry run plans, and its cost."""
    text, cost = snakemake(folder, experiment, "--dry-run")
    total = re.search(r"^total +(\d+)$", text, re.MULTILINE)
    return int(total[1]) if total else 0, cost


def finish(folder: Path, experiment: str) -> None:
    """Make every file of an experiment, and Snakemake's records of them."""
    snakemake(folder, experiment, "--touch", "--quiet", "all", before=MAKE)


def records(folder: Path) -> str:
    """Return the number of Snakemake's records and their size."""
    sizes = [
        path.stat().st_size for path in (folder / ".snakemake" / "metadata").rglob("*") if path.is_file()
    ]
    return f"{len(sizes)} | {sum(sizes) / 1e6:.1f}"


def row(name: str, cohorts: int, folder: Path, experiment: str, finished: bool) -> None:
    jobs, cost = plan(folder, experiment)
    if finished == bool(jobs):
        sys.exit(f"{jobs} jobs planned for {experiment}")
    print(f"| {name} | {cohorts} | {jobs} | {cost} | {records(folder)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=["15x20", "50x100", "200x100"])
    parser.add_argument("--cohorts", nargs="+", type=int, default=[4, 20])
    parser.add_argument("--experiments", type=int, default=10)
    options = parser.parse_args()
    print(
        "| episodes x candidates | cohorts | jobs planned | wall s | CPU s | MB | records | MB of records |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for size in options.sizes:
        for cohorts in options.cohorts:
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch)
                write_config(folder, "one", size, cohorts)
                row(size, cohorts, folder, "one", finished=False)
                finish(folder, "one")
                row(size, cohorts, folder, "one", finished=True)
    if not options.experiments:
        return
    size, cohorts = options.sizes[0], options.cohorts[0]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        names = [f"experiment_{number}" for number in range(1, options.experiments + 1)]
        for name in names:
            write_config(folder, name, size, cohorts)
            finish(folder, name)
        write_config(folder, "another", size, cohorts)
        beside = f"{size}, {len(names)} experiments in the folder"
        row(beside, cohorts, folder, "another", finished=False)
        row(beside, cohorts, folder, names[0], finished=True)


if __name__ == "__main__":
    main()
