"""Tables of docs/measurements/default_run.md."""

from __future__ import annotations

import pandas as pd

from benchmarks.doc_tables.layout import DATA, interval, minutes, seconds, table
from kdnas.runtimes import INT8, TORCH

DEFAULT_RUN = DATA / "default_run"


def runs() -> str:
    """Return how long the default run took."""
    rows = []
    for run in pd.read_csv(DEFAULT_RUN / "runs.csv").itertuples():
        times = (minutes(run.wall_s), minutes(run.cpu_s), seconds(run.first_line_s))
        rows.append((run.machine, f"`{run.commit}`", *times))
    return table(("machine", "commit", "wall clock", "CPU time", "first result"), rows)


def scores() -> str:
    """Return what the default run's students score, and their speed."""
    glue = pd.read_csv(DEFAULT_RUN / "glue.csv").set_index(["model", "label"])["score"]
    deployed = pd.read_csv(DEFAULT_RUN / "deployment.csv").set_index(["runtime", "model"])
    labels = list(dict.fromkeys(pd.read_csv(DEFAULT_RUN / "glue.csv").query("in_average")["label"]))
    rows = []
    for model in pd.read_csv(DEFAULT_RUN / "efficiency.csv").itertuples():
        name = f"`{model.model}`, hand-crafted" if model.origin == "hand_crafted" else f"`{model.model}`"
        points = [f"{glue[model.model, label]:.1f}" for label in labels]
        averages = [f"{deployed.loc[(runtime, model.model), 'score']:.1f}" for runtime in (TORCH, INT8)]
        int8 = deployed.loc[INT8, model.model]
        speeds = [
            interval(*(int8[f"{kind}{end}"] for end in ("", "_low", "_high")), digits=1)
            for kind in ("speedup", "speedup_same_runtime")
        ]
        if model.model == "teacher":
            speeds[1] = "1"
        shape = model.architecture.removesuffix("-gelu")
        rows.append((name, shape, *points, *averages, f"{model.parameters / 1e6:.1f} M", *speeds))
    heads = ("model", "architecture", *labels, "average", "in int8", "parameters")
    return table((*heads, "times the teacher in torch", "times the teacher in int8"), rows)


def searches() -> str:
    """Return what each strategy found in the default run."""
    rows = [
        (
            row.strategy,
            row.architecture,
            f"{row.quality:.3f}",
            f"{row.latency_ratio:.3f}",
            f"{row.best_reward:.4f}",
            f"{row.episode} of {row.episodes}",
            f"{row.mean_reward:.3f}",
        )
        for row in pd.read_csv(DEFAULT_RUN / "search.csv").itertuples()
    ]
    heads = ("strategy", "best architecture", "quality", "latency", "reward", "episode", "mean reward")
    return table(heads, rows)


def whole_space() -> str:
    """Return the five architectures of the highest reward in the default run's space."""
    every = pd.read_csv(DEFAULT_RUN / "whole_space.csv").query("status == 'ok'")
    rows = [
        (
            f"{row.layers}L-{row.hidden_size}H-{row.attention_heads}A-{row.ffn_size}F-{row.activation}",
            f"{row.quality:.3f}",
            f"{row.latency_ratio:.3f}",
            f"{row.reward:.4f}",
        )
        for row in every.nlargest(5, "reward").itertuples()
    ]
    return table(("architecture", "quality", "latency", "reward"), rows)


def replay() -> str:
    """Return what many searches find in the default run's space."""
    rows = []
    for row in pd.read_csv(DEFAULT_RUN / "replay_summary.csv").itertuples():
        gain = "" if pd.isna(row.gain) else f"{row.gain:.3f} ({row.gain_error:.3f})"
        rows.append((f"`{row.strategy}`", f"{row.found_best:.0%}", f"{row.place:.2f}", gain))
    heads = ("strategy", "found the best of all", "its best beats this share of the space")
    return table((*heads, "more than random's (standard error)"), rows)


def fidelity() -> str:
    """Return how the default run's proxy ranks its whole space."""
    rows = []
    for row in pd.read_csv(DEFAULT_RUN / "fidelity.csv").itertuples():
        name = row.predictor.replace("_", " ")
        if not pd.isna(row.proxy_epochs):
            name = f"proxy of {row.proxy_epochs:g} epochs from {row.initialisation}, {row.quality}"
        tau = interval(row.tau, row.tau_low, row.tau_high)
        rows.append((name, row.architectures, tau, f"{row.regret:.1f}"))
    return table(("predictor", "architectures", "Kendall's τ", "points lost by its first choice"), rows)


TABLES = {
    "default_run/runs": runs,
    "default_run/scores": scores,
    "default_run/searches": searches,
    "default_run/whole_space": whole_space,
    "default_run/replay": replay,
    "default_run/fidelity": fidelity,
}
