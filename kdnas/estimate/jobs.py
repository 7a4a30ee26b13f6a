"""The jobs of a whole run, counted by rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnas.names import student_names

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
DEVICES = 2  # profile_students measures the CPU and the GPU


def count_jobs(config: dict[str, Any]) -> dict[str, int]:
    """Return the jobs of each rule that a run from nothing has, target rules left out.

    ``config`` is a checked configuration. A table or a figure is one job; they are told by their scripts.
    """
    search = config["search"]
    seeds = len(config["seeds"])
    tasks = len(config["data"]["tasks"])
    students = len(student_names(config))
    episodes = len(search["strategies"]) * search["episodes"]
    counts = {
        "fetch_task": tasks,
        "build_proxy": 1,
        "fetch_teacher": 1,
        "finetune_teacher": tasks * seeds,
        "sample_candidates": episodes,
        "distill_candidates": episodes * search["cohorts"],
        "profile_latency": episodes,
        "update_controller": episodes,
        "select_students": 1,
        "distill_student": students * seeds,
        "distill_glue": students * (tasks - 1) * seeds,
        "profile_students": DEVICES,
    }
    outputs = sorted(path.stem for kind in ("table", "figure") for path in SCRIPTS.glob(f"{kind}_*.py"))
    return {rule: count for rule, count in counts.items() if count} | dict.fromkeys(outputs, 1)
