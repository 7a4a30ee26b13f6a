"""The search table: what every strategy found with the same budget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.errors import UserError
from kdnas.search.history import architectures, best_row, read_history
from kdnas.search.one_hardware import mixed_hardware
from kdnas.search.predicted_rewards import predicted_candidates, rank_correlation
from kdnas.tables.table import Table, best_cells, number

QUALITY = {
    "accuracy": "primary metric",
    "loss": "1 − distillation loss",
    "agreement": "agreement with the teacher",
}
_SHARES = (25, 50, 75)


def search_table(
    histories: Mapping[str, str | Path], *, quality: str, timed_in: str, synthetic: bool
) -> Table:
    """Build the search table from the last ``history.csv`` of every strategy, in the order given.

    ``quality`` is the config's ``reward.quality``, ``timed_in`` says where latencies were measured. The best
    rewards after a quarter, a half and three quarters of the budget show how fast a strategy gets there.
    Kendall's tau ranks the rewards that a controller predicted against those obtained
    (kdnas.search.predicted_rewards). Means leave failed candidates out. Raises UserError for a missing or
    damaged file.
    """
    found = {strategy: read_history(path) for strategy, path in histories.items()}
    for strategy, history in found.items():
        if history.empty:
            raise UserError(f"{histories[strategy]} is empty; delete it and run the same command again")
    data = pd.DataFrame([_row(strategy, history) for strategy, history in found.items()])
    data["synthetic"] = synthetic
    data = data.astype(
        {"episode": "Int64", "candidate": "Int64", "parameters": "Int64"}
        | dict.fromkeys(("kendall_tau", "kendall_low", "kendall_high"), float)
    )
    latency = f"Latency ratio ({timed_in})"
    shown = pd.DataFrame(
        {
            "Strategy": data["strategy"],
            "Evaluated": data["evaluated"].astype(str),
            "Failed": data["failed"].astype(str),
            "Best reward": [number(value, 4) for value in data["best_reward"]],
            "Architecture": data["architecture"].fillna(""),
            "Quality": [number(value, 4) for value in data["quality"]],
            latency: [number(value, 3) for value in data["latency_ratio"]],
            "Episode": ["" if pd.isna(value) else str(value) for value in data["episode"]],
            "Mean reward": [number(value, 4) for value in data["mean_reward"]],
            "Last episode": [number(value, 4) for value in data["mean_reward_last_episode"]],
            "Kendall τ": [_tau_text(row) for row in data.itertuples()],
        }
    )
    best = {
        "Best reward": data["best_reward"],
        "Mean reward": data["mean_reward"],
        "Last episode": data["mean_reward_last_episode"],
    }
    return Table(
        name="search",
        title="What each search strategy found" + (" (synthetic data, not GLUE)" if synthetic else ""),
        data=data,
        shown=shown,
        notes=_notes(data, quality, synthetic) + mixed_hardware(found),
        bold=best_cells(best, range(len(data)), shown),
        left=("Architecture",),
    )


def _row(strategy: str, history: pd.DataFrame) -> dict[str, Any]:
    succeeded = history[history["status"] == "ok"]
    last = succeeded[succeeded["episode"] == history["episode"].max()]
    best = best_row(history)
    row = {
        "strategy": strategy,
        "episodes": int(history["episode"].max()),
        "evaluated": len(history),
        "distinct": len(set(architectures(history))),
        "failed": len(history) - len(succeeded),
        "best_reward": None,
        "architecture": None,
        "quality": None,
        "latency_ratio": None,
        "latency_ms": None,
        "parameters": None,
        "episode": None,
        "candidate": None,
    }
    if best is not None:
        (architecture,) = architectures(best.to_frame().T)
        row |= {name: best[name] for name in row if name in best.index}
        row |= {"best_reward": best["reward"], "architecture": architecture.short_name}
    for share in _SHARES:
        first = history.iloc[: math.ceil(len(history) * share / 100)]
        row[f"best_reward_at_{share}_percent"] = first.loc[first["status"] == "ok", "reward"].max()
    row |= {
        "mean_reward": succeeded["reward"].mean(),
        "mean_reward_last_episode": last["reward"].mean(),
    }
    predicted = predicted_candidates(history)
    correlation = rank_correlation(predicted)
    return row | {
        "kendall_candidates": len(predicted),
        "kendall_tau": correlation.tau,
        "kendall_low": correlation.low,
        "kendall_high": correlation.high,
        "kendall_reason": correlation.reason,
    }


def _tau_text(row: Any) -> str:
    if pd.isna(row.kendall_tau):
        return ""
    return f"{row.kendall_tau:.2f} [{row.kendall_low:.2f}, {row.kendall_high:.2f}]"


def _notes(data: pd.DataFrame, quality: str, synthetic: bool) -> list[str]:
    notes = []
    if synthetic:
        notes.append("SYNTHETIC DATA, NOT GLUE: the qualities and rewards are those of generated tasks.")
    if data["evaluated"].nunique() == 1:
        first = data.iloc[0]
        notes.append(
            f"The same budget for all: {first.evaluated} candidates in {first.episodes} episodes. Equal "
            "architectures share one evaluation and one latency from the store."
        )
    else:
        notes.append("The budgets differ, so the strategies can't be compared.")
    notes.append(
        f"Quality: {QUALITY[quality]} on the rows held out of the search task's training set. "
        "Latency ratio: to the teacher. Episode: where the best was found. Mean rewards leave failed "
        "candidates out."
    )
    notes.append("One search with one seed each: a difference between strategies may be chance.")
    for row in data[data["kendall_tau"].notna()].itertuples():
        notes.append(
            f"{row.strategy}: Kendall τ of predicted and obtained reward, with its 95 % bootstrap interval, "
            f"over pairs of one episode among the {row.kendall_candidates} candidates after the first, "
            "random slots included."
        )
    for row in data[data["kendall_reason"].notna()].itertuples():
        notes.append(f"{row.strategy}: no Kendall τ ({row.kendall_reason}).")
    return notes
