"""The estimate as a table, alone or beside the measurements of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.errors import UserError
from kdnas.estimate.calibration import Machine
from kdnas.estimate.work import HeavyJob
from kdnas.plan import jobs as planned_jobs
from kdnas.tables.cost import cost_table
from kdnas.tables.table import number

LIGHT_SECONDS = 4.0  # of a job that neither trains nor times: fetching on the disk, sampling, tables, figures
LIGHT_BYTES = 300e6
PROFILES = (  # claim all cores
    "profile_space",
    "profile_latency",
    "profile_hand_crafted",
    "profile_students",
    "profile_deployment",
)
EPISODES = (  # each waits for those of the episode before
    "sample_candidates",
    "screen_candidates",
    "keep_candidates",
    "distill_candidates",
    "update_controller",
)
TRAININGS = (
    "adopt_teacher",
    "finetune_search_teacher",
    "finetune_teacher",
    "screen_candidates",
    "distill_candidates",
    "evaluate_fidelity",
    "distill_hand_crafted",
    "distill_student",
    "distill_glue",
)


@dataclass(frozen=True)
class Cost:
    """The cost of a rule's jobs together; ``chain_s`` is the longest chain of jobs that wait for each other.

    ``memory`` (bytes) is the largest job's, ``disk`` (bytes) the sum; ``slots`` is how many jobs run at once.
    """

    rule: str
    jobs: int
    seconds: float
    chain_s: float
    slots: int
    threads: int
    memory: float
    disk: float

    @property
    def wall_s(self) -> float:
        """Seconds of the rule's jobs with nothing else beside them, at best."""
        return max(self.chain_s, self.seconds / self.slots)


def costs(
    config: dict[str, Any], jobs: list[HeavyJob], machine: Machine, *, cores: int, teacher_bytes: int
) -> list[Cost]:
    """Return the cost of every rule on ``cores`` cores; ``jobs`` are the heavy ones (kdnas.estimate.work).

    ``teacher_bytes`` is the size of the pretrained teacher on the disk.
    """
    threads = config["training"]["threads"]
    training_slots = max(1, cores // threads)
    if machine.device == "gpu":
        training_slots = min(training_slots, machine.gpus)
    episodes = config["search"]["episodes"]
    rows = []
    counts = Counter(job.rule for job in planned_jobs(config))
    for rule, count in counts.items():
        heavy = [job.load for job in jobs if job.rule == rule]
        seconds = [machine.seconds(load.passes) for load in heavy] or [LIGHT_SECONDS] * count
        slots, chain = (training_slots, max(seconds)) if rule in TRAININGS else (cores, max(seconds))
        if rule in PROFILES:
            slots, chain = 1, sum(seconds)
        elif rule in EPISODES:
            chain = episodes * max(seconds)
        memory = max((machine.start_bytes + load.memory for load in heavy), default=LIGHT_BYTES)
        disk = teacher_bytes if rule == "fetch_teacher" else sum(load.disk for load in heavy)
        used = threads if rule in TRAININGS else 1
        rows.append(Cost(rule, count, sum(seconds), chain, slots, used, memory, disk))
    return rows


def wall_clock(rows: list[Cost]) -> tuple[float, float]:
    """Return seconds of the whole run: if rules overlap as well as they can, and if they do not at all."""
    chain = sum(row.chain_s for row in rows)
    work = sum(row.seconds / row.slots for row in rows)
    return max(chain, work), sum(row.wall_s for row in rows)


def estimate_text(rows: list[Cost], machine: Machine) -> str:
    """Return the estimate as a table of rules with a total."""
    low, high = wall_clock(rows)
    on_gpu = machine.device == "gpu"
    table = pd.DataFrame(
        [
            {
                "rule": row.rule,
                "jobs": row.jobs,
                "core hours": number(row.seconds * row.threads / 3600, 2),
                "GPU hours": number(row.seconds / 3600 if row.rule in TRAININGS else 0.0, 2),
                "wall clock": duration(row.wall_s),
                "peak memory": _size(row.memory),
                "disk": _size(row.disk) if row.disk else "",
            }
            for row in rows
        ]
    )
    total = {
        "rule": "total",
        "jobs": sum(row.jobs for row in rows),
        "core hours": number(sum(row.seconds * row.threads for row in rows) / 3600, 2),
        "GPU hours": number(sum(row.seconds for row in rows if row.rule in TRAININGS) / 3600, 2),
        "wall clock": " to ".join(dict.fromkeys((duration(low), duration(high)))),
        "peak memory": _size(max(row.memory for row in rows)),
        "disk": _size(sum(row.disk for row in rows)),
    }
    table.loc[len(table)] = total
    return (table if on_gpu else table.drop(columns="GPU hours")).to_string(index=False)


def measured_costs(folder: Path) -> pd.DataFrame:
    """Return the measurements in the benchmark files of a results folder, one row a rule (kdnas.tables.cost).

    Raises UserError if there are none.
    """
    benchmarks: dict[str, list[Path]] = {}
    for path in sorted((folder / "benchmarks").rglob("*.tsv")):
        rule = path.relative_to(folder / "benchmarks").parts[0].removesuffix(".tsv")
        benchmarks.setdefault(rule, []).append(path)
    if not benchmarks:
        raise UserError(
            f"{folder} has no benchmark files; allowed: the results of a run, results/<experiment>"
        )
    return cost_table(benchmarks).data.set_index("rule").drop(index="total")


def comparison_text(rows: list[Cost], measured: pd.DataFrame) -> str:
    """Return the estimate beside the measured costs, one row a rule; cells of jobs yet to run are empty.

    A sentence after the table compares the core hours of the measured jobs.
    """
    table = []
    estimated_hours = measured_hours = 0.0
    for row in rows:
        of_rule: Any = measured.loc[row.rule] if row.rule in measured.index else None
        jobs = int(of_rule["jobs"]) if of_rule is not None else 0
        if jobs and pd.notna(of_rule["cpu_hours"]):
            estimated_hours += row.seconds * row.threads * jobs / row.jobs / 3600
            measured_hours += of_rule["cpu_hours"]
        table.append(
            {
                "rule": row.rule,
                "jobs": row.jobs,
                "measured": str(jobs),
                "min/job": number(row.seconds / row.jobs / 60, 2),
                "measured ": number(of_rule["wall_clock_s"] / jobs / 60, 2) if jobs else "",
                "core min/job": number(row.seconds * row.threads / row.jobs / 60, 2),
                "measured  ": number(of_rule["cpu_hours"] / jobs * 60, 2) if jobs else "",
                "peak memory": _size(row.memory),
                "measured   ": _size(of_rule["peak_memory_mb"] * 2**20) if jobs else "",
            }
        )
    return (
        f"{pd.DataFrame(table).to_string(index=False)}\n\nOf the measured jobs together: "
        f"{estimated_hours:.2f} core hours estimated, {measured_hours:.2f} measured."
    )


def duration(seconds: float) -> str:
    """Return a duration in the units that a person would use."""
    if seconds < 90:
        return f"{ceil(seconds)} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} d"


def _size(count: float) -> str:
    """Return bytes in MB or GB (powers of 1000)."""
    if pd.isna(count):
        return ""
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
