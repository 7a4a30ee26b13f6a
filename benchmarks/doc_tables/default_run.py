"""Tables of docs/measurements/default_run.md."""

from __future__ import annotations

import re
import sys

import pandas as pd

from benchmarks.doc_tables.layout import DOCS, interval, minutes, seconds, table

DEFAULT_RUN = DOCS / "measurements" / "default_run"
REPLAYED = re.compile(
    r"(?P<strategy>\w+) +best so far better than (?P<places>[\d. ]+)"
    r"(?:, (?P<gain>\S+ \(\S+\)) more than random's)?; the best of all found by (?P<found>\d+%)"
    r"(?:; tau by episode: (?P<taus>[-\d. a-z]+))?"
)


def runs() -> str:
    """Return how long the default run took."""
    rows = []
    for run in pd.read_csv(DEFAULT_RUN / "runs.csv").itertuples():
        times = (minutes(run.wall_s), minutes(run.cpu_s), seconds(run.first_line_s))
        rows.append((run.run, run.machine, run.rows_a_task, f"`{run.command}`", run.beside, *times))
    heads = (
        "run",
        "machine",
        "rows a task",
        "command",
        "beside it",
        "wall clock",
        "CPU time",
        "first result",
    )
    return table(heads, rows)


def scores() -> str:
    """Return what the default run's students score, and their speed."""
    glue = pd.read_csv(DEFAULT_RUN / "glue.csv").set_index(["model", "label"])["score"]
    efficiency = pd.read_csv(DEFAULT_RUN / "efficiency.csv")
    labels = list(dict.fromkeys(pd.read_csv(DEFAULT_RUN / "glue.csv").query("in_average")["label"]))
    rows = []
    for model in efficiency.itertuples():
        name = f"`{model.model}`, hand-crafted" if model.origin == "hand_crafted" else f"`{model.model}`"
        points = [f"{glue[model.model, label]:.1f}" for label in (*labels, "Avg.")]
        speed = interval(model.cpu_speedup, model.cpu_speedup_low, model.cpu_speedup_high)
        rows.append((name, model.architecture, *points, f"{model.parameters / 1e6:.1f} M", speed))
    return table(("model", "architecture", *labels, "average", "parameters", "CPU speed-up"), rows)


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
    quality = ""
    for line in (DEFAULT_RUN / "replay.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("quality: "):
            quality = line.removeprefix("quality: ").partition(",")[0]
        elif found := REPLAYED.fullmatch(line):
            best, last = found["found"].replace("%", " %"), found["places"].split()[-1]
            rows.append((quality, found["strategy"], best, last, found["gain"] or "", found["taus"] or ""))
        else:
            sys.exit(f"{DEFAULT_RUN.name}/replay.txt: not a line of benchmarks/replay.py: {line}")
    heads = (
        "quality",
        "strategy",
        "found the best of all",
        "its best beats this share of the space",
        "gain over random (standard error)",
        "τ of predictions by episode",
    )
    return table(heads, rows)


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
