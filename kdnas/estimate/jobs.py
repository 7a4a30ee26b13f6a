"""The jobs of a whole run, counted by rule."""

from __future__ import annotations

from typing import Any

from kdnas.analysis.fidelity import settings
from kdnas.names import (
    adopted_tasks,
    draws_from_space,
    figure_names,
    hand_crafted_students,
    searched_students,
    student_names,
    table_names,
    taught_tasks,
    times_whole_space,
)

DEVICES = 2  # profile_students measures the CPU and the GPU


def count_jobs(config: dict[str, Any]) -> dict[str, int]:
    """Return the jobs of each rule that a run from nothing has, target rules left out.

    ``config`` is a checked configuration.
    """
    search = config["search"]
    seeds = len(config["seeds"])
    tasks = len(config["data"]["tasks"])
    taught = taught_tasks(config)
    first = int(search["task"] in taught)
    students = len(student_names(config))
    episodes = len(search["strategies"]) * search["episodes"]
    whole_space = times_whole_space(config)
    counts = {
        "fetch_task": tasks,
        "build_proxy": int(draws_from_space(config)),
        "fetch_teacher": 1,
        "adopt_teacher": len(adopted_tasks(config)) * seeds,
        "finetune_search_teacher": first,
        "finetune_teacher": len(taught) * seeds - first,
        "sample_candidates": episodes,
        "distill_candidates": episodes * search["cohorts"],
        "profile_space": int(whole_space),
        "profile_latency": 0 if whole_space else episodes,
        "update_controller": episodes,
        "sample_fidelity": min(1, config["fidelity"]["architectures"]),
        "evaluate_fidelity": len(settings(config["fidelity"])),
        "distill_hand_crafted": min(1, len(config["students"]["matched"])),
        "profile_hand_crafted": 0 if whole_space else min(1, len(config["students"]["matched"])),
        "select_student": len(searched_students(config)),
        "hand_craft_student": len(hand_crafted_students(config)),
        "distill_student": students * seeds,
        "distill_glue": students * (tasks - 1) * seeds,
        "profile_students": DEVICES,
    }
    outputs = [f"table_{name}" for name in table_names(config)]
    outputs += [f"figure_{name}" for name in figure_names(config)]
    outputs += ["record_run"]
    return {rule: count for rule, count in counts.items() if count} | dict.fromkeys(outputs, 1)
