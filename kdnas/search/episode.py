"""Rewards of an episode's candidates, once they are evaluated and timed, as rows of the history."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from kdnas.search.history import COLUMNS
from kdnas.search.one_hardware import measured_on
from kdnas.search.reward import QUALITIES, Reward, failed_reward, latencies_by_architecture
from kdnas.search.space import Architecture


def extend_history(
    history: pd.DataFrame,
    candidates: dict[str, Any],
    *,
    evaluations: list[dict[str, Any]],
    latency: dict[str, Any],
    reward: Reward,
) -> pd.DataFrame:
    """Return ``history`` with the rows of an episode, rewarded by ``reward``.

    ``candidates``, ``evaluations`` and ``latency`` are the contents of the artifacts of docs/artifacts.md.
    A failed candidate gets the lowest reward. Raises UserError if there is no latency for the reward.
    """
    latencies = latencies_by_architecture(latency, reward.device)
    by_candidate = {entry["candidate"]: entry for entry in evaluations}
    hardware = measured_on(latency)
    rows = []
    for entry in candidates["candidates"]:
        evaluation = by_candidate[entry["candidate"]]
        architecture = Architecture.from_dict(entry["architecture"])
        timing = latencies[architecture]
        succeeded = evaluation["status"] == "ok"
        qualities = {f"quality_{name}": evaluation[f"quality_{name}"] for name in QUALITIES}
        quality = qualities[f"quality_{reward.quality}"]
        rows.append(
            {
                "episode": candidates["episode"],
                "candidate": entry["candidate"],
                **asdict(architecture),
                "origin": entry["origin"],
                "epsilon": candidates["epsilon"],
                "predicted_reward": entry["predicted_reward"],
                "status": evaluation["status"],
                "reason": evaluation["reason"],
                "quality": quality,
                **qualities,
                "latency_ms": timing["latency_ms"],
                "latency_ratio": timing["ratio"],
                "ratio_low": timing["ratio_low"],
                "ratio_high": timing["ratio_high"],
                "hardware": hardware,
                "reward": reward.of(quality, timing["ratio"]) if succeeded else None,
                "parameters": evaluation["parameters"],
            }
        )
    known = [*history["reward"].tolist(), *(row["reward"] for row in rows if row["reward"] is not None)]
    for row in rows:
        if row["reward"] is None:
            row["reward"] = failed_reward(known)
    new = pd.DataFrame(rows, columns=list(COLUMNS))
    return new if history.empty else pd.concat([history, new], ignore_index=True)
