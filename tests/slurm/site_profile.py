"""The profile of the test's one-node cluster on top of profiles/slurm, and what its jobs were."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import cluster
import experiment
import yaml

PROFILE = experiment.ROOT / "profiles" / "slurm"
PARTITIONS = {"partitions": {"cpu": {"max_threads": cluster.CPUS}}}


@dataclass(frozen=True)
class Job:
    """A job as the controller remembers it; ``attempt`` counts those of one rule and wildcards from 1."""

    number: str
    rule: str
    wildcards: str
    attempt: int
    state: str
    mb: int
    minutes: int
    features: str
    restarts: int
    started: datetime
    ended: datetime

    def overlaps(self, other: Job) -> bool:
        """Tell whether the two ran at the same moment."""
        return self.started < other.ended and other.started < self.ended


def write_profile(folder: Path, jobs: int = 2, requests: dict[str, dict[str, Any]] | None = None) -> Path:
    """Write what this site has in place of the profile's SITE settings, and return its folder.

    It is a second profile, as docs/cluster.md advises; ``requests`` are more of ``set-resources``.
    """
    path = folder / "site"
    path.mkdir(exist_ok=True)
    resources = yaml.safe_load((PROFILE / "config.yaml").read_text(encoding="utf-8"))["set-resources"]
    resources = {rule: {**wanted, "constraint": cluster.FEATURE} for rule, wanted in resources.items()}
    for rule, wanted in (requests or {}).items():
        resources[rule] = resources.get(rule, {}) | wanted
    settings = {
        "jobs": jobs,
        "default-resources": {"nodes": 1},  # in place of the account: there are none
        "slurm-partition-config": "partitions.yaml",
        "set-resources": resources,
        "slurm-init-seconds-before-status-checks": 2,
        "latency-wait": 5,
    }
    (path / "config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (path / "partitions.yaml").write_text(yaml.safe_dump(PARTITIONS), encoding="utf-8")
    return path


def submit(folder: Path, profile: Path, *arguments: str) -> str:
    """Run the workflow in ``folder`` through SLURM; fail the test where it fails, else return its output."""
    options = ("--profile", str(PROFILE), "--profile", str(profile))
    return experiment.succeed(folder, *arguments, *options, cores=None)


def jobs(folder: Path) -> list[Job]:
    """Return all jobs that were submitted from ``folder``, the oldest first."""
    command = ["scontrol", "show", "job", "--oneliner", "--all"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found, attempts = [], {}
    for line in output.splitlines():
        fields = dict(re.findall(r"(\S+?)=(\S*)", line))
        if fields.get("WorkDir") != str(folder):
            continue
        rule, _, wildcards = fields["Comment"].removeprefix("rule_").partition("_wildcards_")
        attempts[rule, wildcards] = attempts.get((rule, wildcards), 0) + 1
        found.append(_job(fields, rule, wildcards, attempts[rule, wildcards]))
    return found


def _job(fields: dict[str, str], rule: str, wildcards: str, attempt: int) -> Job:
    times = (fields[name] for name in ("StartTime", "EndTime"))
    started, ended = (datetime.max if time == "Unknown" else datetime.fromisoformat(time) for time in times)
    limit = re.fullmatch(r"(?:(\d+)-)?(\d+):(\d+):(\d+)", fields["TimeLimit"])
    days, hours, minutes, _ = (int(part or 0) for part in limit.groups())
    memory = re.fullmatch(r"([\d.]+)([MG])", fields["MinMemoryNode"])
    return Job(
        fields["JobId"],
        rule,
        wildcards,
        attempt,
        fields["JobState"],
        round(float(memory[1]) * {"M": 1, "G": 1024}[memory[2]]),
        (days * 24 + hours) * 60 + minutes,
        fields["Features"],
        int(fields["Restarts"]),
        started,
        ended,
    )
