"""Names that the config decides: of students, and of episodes on disk."""

from __future__ import annotations

from typing import Any


def episode_name(number: int) -> str:
    """Return the folder of an episode (from 1), as in ``episode_03``."""
    return f"episode_{number:02d}"


def budget_name(share: float) -> str:
    """Return the rule of a latency budget, as in ``budget_0.5``."""
    return f"budget_{share:g}"


def searched_names(strategy: str, latency_budgets: list[float]) -> dict[str, float | None]:
    """Return the students of a strategy's search: name to latency budget, None for the best reward."""
    names: dict[str, float | None] = {f"{strategy}_best": None}
    return names | {f"{strategy}_{budget_name(share)}": share for share in latency_budgets}


def student_names(config: dict[str, Any]) -> list[str]:
    """Return the names of all students, searched ones first, in the order of the config."""
    students = config["students"]
    names = [
        name
        for strategy in config["search"]["strategies"]
        for name in searched_names(strategy, students["latency_budgets"])
    ]
    return names + [student["name"] for student in students["hand_crafted"]]
