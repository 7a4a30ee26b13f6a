"""Which of the evaluated architectures become students."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from kdnas.search.baselines import Baseline
from kdnas.search.history import best_row, check_any_succeeded
from kdnas.search.selection_rules import SelectionRule
from kdnas.search.space import Architecture

FLOAT32_BYTES = 4


def costs(history: pd.DataFrame) -> pd.DataFrame:
    """Return what a budget may limit of each row: ``latency_ratio``, ``parameters`` and ``size_mb``."""
    known = history[["latency_ratio", "parameters"]].astype(float)
    return known.assign(size_mb=FLOAT32_BYTES * known["parameters"] / 1e6)


def select_best(history: pd.DataFrame) -> pd.Series:
    """Return the row of the highest reward; UserError if every candidate failed."""
    check_any_succeeded(history, "the search")
    return best_row(history)


def select_within_budget(history: pd.DataFrame, budget: Mapping[str, float]) -> tuple[pd.Series, bool]:
    """Return the row of the best quality that exceeds nothing in ``budget``, and True.

    ``budget`` bounds one or more of ``latency_ratio``, ``parameters`` and ``size_mb``, the weights' size in
    float32 (10^6 bytes). Of equal qualities the faster wins. When no row is inside the budget: the row
    that exceeds it by the smallest factor (of a latency alone the fastest), and False.
    """
    check_any_succeeded(history, "the search")
    succeeded = history[history["status"] == "ok"]
    used = costs(succeeded)[list(budget)].div(pd.Series(budget)).max(axis="columns")
    inside = succeeded[used <= 1]
    if inside.empty:
        return succeeded.loc[used.idxmin()], False
    ordered = inside.sort_values(["quality", "latency_ratio"], ascending=[False, True], kind="stable")
    return ordered.iloc[0], True


def pareto_front(history: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that no other row beats in both quality and latency ratio, fastest first."""
    succeeded = history[history["status"] == "ok"]
    ordered = succeeded.sort_values(["latency_ratio", "quality"], ascending=[True, False], kind="stable")
    best_before = ordered["quality"].cummax().shift(fill_value=float("-inf"))
    return ordered[ordered["quality"] > best_before]


def select_no_worse(history: pd.DataFrame, quality: float) -> tuple[pd.Series, bool]:
    """Return the row of the lowest latency ratio whose quality is at least ``quality``, and True.

    Of equally fast ones the better wins. When no row is good enough: the best quality, of equals the faster,
    and False.
    """
    check_any_succeeded(history, "the search")
    succeeded = history[history["status"] == "ok"]
    good = succeeded[succeeded["quality"] >= quality]
    if good.empty:
        by_quality = succeeded.sort_values(
            ["quality", "latency_ratio"], ascending=[False, True], kind="stable"
        )
        return by_quality.iloc[0], False
    ordered = good.sort_values(["latency_ratio", "quality"], ascending=[True, False], kind="stable")
    return ordered.iloc[0], True


def select_student(
    history: pd.DataFrame, *, strategy: str, rule: SelectionRule, baselines: dict[str, Baseline]
) -> dict[str, Any]:
    """Return the content of ``architecture.json`` (docs/artifacts.md) of the student that a rule selects.

    ``history`` is the strategy's whole one; ``baselines`` holds the hand-crafted student that the rule names,
    if any. Raises UserError if every candidate failed.
    """
    row, shortfall = _select(history, rule, baselines)
    return {
        "student": rule.student(strategy),
        "origin": strategy,
        "rule": rule.name + (f" ({shortfall})" if shortfall else ""),
        "architecture": Architecture.from_dict(row).to_dict(),
        "episode": int(row["episode"]),
        "candidate": int(row["candidate"]),
        "reward": float(row["reward"]),
        "quality": float(row["quality"]),
        "latency_ratio": float(row["latency_ratio"]),
    }


def hand_crafted_student(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the content of ``architecture.json`` of an item of ``students.hand_crafted``."""
    return {
        "student": entry["name"],
        "origin": "hand_crafted",
        "rule": "hand_crafted",
        "architecture": Architecture.from_dict(entry).to_dict(),
        **dict.fromkeys(("episode", "candidate", "reward", "quality", "latency_ratio")),
    }


def _select(
    history: pd.DataFrame, rule: SelectionRule, baselines: dict[str, Baseline]
) -> tuple[pd.Series, str]:
    """Return the row that a rule chooses and, where none qualifies, a note on the substitute."""
    bound: Any = rule.bound  # a budget, or a hand-crafted student's name
    if rule.kind == "best":
        return select_best(history), ""
    if rule.kind == "budget":
        row, inside = select_within_budget(history, bound)
        return row, "" if inside else "none inside: nearest"
    if rule.kind == "no_slower_than":
        row, inside = select_within_budget(history, {"latency_ratio": baselines[bound].latency_ratio})
        return row, "" if inside else "none as fast: fastest"
    row, good = select_no_worse(history, baselines[bound].quality)
    return row, "" if good else "none as good: best"
