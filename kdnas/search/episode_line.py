"""The line that tells a person at a glance where the search is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from kdnas.search.history import best_row
from kdnas.search.selection import select_within_budget
from kdnas.search.selection_rules import budget_rule
from kdnas.search.space import Architecture


def episode_line(
    strategy: str,
    *,
    episode: int,
    episodes: int,
    history: pd.DataFrame,
    budgets: Sequence[Mapping[str, float]] = (),
) -> str:
    """Return one line on the episode just finished and the best so far, by reward or within ``budgets``."""
    now = history[history["episode"] == episode]
    failed = int((now["status"] == "failed").sum())
    line = f"{strategy}: episode {episode}/{episodes}, {len(now)} candidates"
    if failed:
        line += f" ({failed} failed)"
    best = best_row(history)
    if best is None:
        return f"{line}, none has succeeded so far"
    if not budgets:
        return f"{line}, best reward so far {best['reward']:.4f}: {_described(best)}"
    found = []
    for budget in budgets:
        row, inside = select_within_budget(history, budget)
        found.append(f"{budget_rule(dict(budget)).name} {_described(row) if inside else 'none inside'}")
    return f"{line}, best so far: {'; '.join(found)}"


def _described(row: pd.Series) -> str:
    return (
        f"{Architecture.from_dict(row).short_name}, quality {row['quality']:.3f}, "
        f"{row['latency_ratio']:.2f} of the teacher's latency"
    )
