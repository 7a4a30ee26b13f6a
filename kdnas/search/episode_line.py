"""The line that tells a person at a glance where the search is."""

from __future__ import annotations

import pandas as pd

from kdnas.search.history import best_row
from kdnas.search.space import Architecture


def episode_line(strategy: str, *, episode: int, episodes: int, history: pd.DataFrame) -> str:
    """Return one line on the episode just finished and on the best reward so far."""
    now = history[history["episode"] == episode]
    failed = int((now["status"] == "failed").sum())
    line = f"{strategy}: episode {episode}/{episodes}, {len(now)} candidates"
    if failed:
        line += f" ({failed} failed)"
    best = best_row(history)
    if best is None:
        return f"{line}, none has succeeded so far"
    return (
        f"{line}, best reward so far {best['reward']:.4f}: {Architecture.from_dict(best).short_name}, "
        f"quality {best['quality']:.3f}, {best['latency_ratio']:.2f} of the teacher's latency"
    )
