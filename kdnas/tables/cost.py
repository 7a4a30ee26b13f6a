"""The cost table: time and memory of every rule, from Snakemake's benchmark files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from kdnas.errors import UserError
from kdnas.files.csv_file import read_csv
from kdnas.tables.table import Table, number


def cost_table(benchmarks: Mapping[str, Sequence[str | Path]]) -> Table:
    """Build the cost table from the benchmark files of every rule; a rule without a job has no row.

    One row a rule, in the order given, and the total. Wall-clock time is the sum over jobs, CPU hours are
    user and system time, peak memory is the largest resident set of any job (MB of 2^20 bytes, Snakemake's).
    A job that ends before it could be sampled has a wall-clock time only. Raises UserError for a missing or
    damaged file.
    """
    by_rule = {rule: pd.concat(map(_read, paths)) for rule, paths in benchmarks.items() if paths}
    rows = [_row(rule, jobs) for rule, jobs in by_rule.items()]
    data = pd.DataFrame([*rows, _row("total", pd.concat(by_rule.values()))])
    shown = pd.DataFrame(
        {
            "Rule": data["rule"],
            "Jobs": data["jobs"].astype(str),
            "Wall clock (s)": [number(value, 1) for value in data["wall_clock_s"]],
            "Longest job (s)": [number(value, 1) for value in data["longest_job_s"]],
            "CPU hours": [number(value, 3) for value in data["cpu_hours"]],
            "Peak memory (MB)": [number(value, 0) for value in data["peak_memory_mb"]],
        }
    )
    notes = [
        "Measured by Snakemake, so this table differs from run to run.",
        "Wall clock is the sum over jobs, some of which ran side by side. A resumed job counts from its last "
        "start only; evaluations from the store count in the run that made them.",
    ]
    unsampled = int(data["unsampled_jobs"].iloc[-1])
    if unsampled:
        notes.append(
            f"CPU hours and memory leave out the jobs that ended before they could be sampled ({unsampled})."
        )
    return Table(
        name="cost",
        title="Time and memory of every rule",
        data=data,
        shown=shown,
        notes=notes,
        bold={(len(data) - 1, column) for column in shown.columns},
    )


def _read(path: str | Path) -> pd.DataFrame:
    # Snakemake writes NA for what it could not sample
    jobs = read_csv(path, sep="\t", na_values=["NA", "-"])
    columns = ["s", "max_rss", "cpu_time"]
    if jobs.empty or not set(columns) <= set(jobs):
        raise UserError(
            f"{path} is damaged (no {', '.join(columns)}); delete it and run the same command again"
        )
    return jobs[columns]


def _row(rule: str, jobs: pd.DataFrame) -> dict[str, object]:
    return {
        "rule": rule,
        "jobs": len(jobs),
        "wall_clock_s": jobs["s"].sum(),
        "longest_job_s": jobs["s"].max(),
        "cpu_hours": jobs["cpu_time"].sum(min_count=1) / 3600,
        "peak_memory_mb": jobs["max_rss"].max(),
        "unsampled_jobs": int(jobs["cpu_time"].isna().sum()),
    }
