"""Tables of docs/tutorial.md, docs/measurements/refit.md and docs/deployment.md."""

from __future__ import annotations

import pandas as pd

from benchmarks.doc_tables.layout import DATA, interval, table
from kdnas.analysis.ranking import kendall_tau
from kdnas.runtimes import INT8

TUTORIAL = DATA / "tutorial"
REFIT = DATA / "refit"


def tutorial_models() -> str:
    """Return what the tutorial's models score in int8, and their size and speed."""
    deployed = pd.read_csv(TUTORIAL / "deployment.csv").set_index(["runtime", "model"])
    rows = []
    for row in pd.read_csv(TUTORIAL / "efficiency.csv").itertuples():
        torch, int8 = (deployed.loc[runtime, row.model] for runtime in ("torch", "onnxruntime_int8"))
        same = (int8[f"speedup_same_runtime{end}"] for end in ("", "_low", "_high"))
        rows.append(
            (
                f"`{row.model}`",
                row.architecture,
                f"{row.parameters / 1e6:.1f} M",
                f"{torch['score']:.1f}, {int8['score']:.1f}",
                f"{int8['latency_ms']:.2f}",
                interval(int8["speedup"], int8["speedup_low"], int8["speedup_high"]),
                "1.00" if row.model == "teacher" else interval(*same),
            )
        )
    heads = ("model", "architecture", "parameters", "accuracy in torch, int8", "ms in int8")
    return table((*heads, "times the teacher in torch", "times the teacher in int8"), rows)


def tutorial_candidates() -> str:
    """Return every candidate of the tutorial's search."""
    rows = [
        (
            row.episode,
            f"{row.layers}L-{row.hidden_size}H-{row.attention_heads}A-{row.ffn_size}F",
            row.origin,
            f"{row.quality:.3f}",
            f"{row.latency_ratio:.2f}",
            f"{row.reward:.3f}",
        )
        for row in pd.read_csv(TUTORIAL / "history.csv").itertuples()
    ]
    return table(("episode", "architecture", "proposed by", "quality", "latency", "reward"), rows)


def refit() -> str:
    """Return what students of the refit are, before and after training."""
    found = pd.read_csv(REFIT / "laptop.csv")
    heads = {
        "start": "narrowed",
        "trained": "narrowed, 75 steps",
        "refit_512": "refit, 512 rows",
        "refit_2048": "refit, 2,048 rows",
        "refit_trained": "refit, 75 steps",
        "refit_trained_1e-4": "refit, 75 steps at half the rate",
    }
    rows = []
    for shape, of_shape in found.groupby("shape", sort=False):
        values = of_shape.set_index("setting")
        percent = 100 * values[["quality_accuracy", "quality_agreement"]]
        cells = [
            "{:.1f}, {:.1f}".format(*percent.loc[name]) if name in percent.index else "" for name in heads
        ]
        rows.append((str(shape).removesuffix("-gelu"), *cells))
    return table(["shape", *heads.values()], rows)


def untrained() -> str:
    """Return how an evaluation without training ranks with fewer rows, and what it costs."""
    found = pd.read_csv(REFIT / "untrained" / "qualities.csv")
    spent = pd.read_csv(REFIT / "untrained" / "seconds.csv").set_index(["refit_rows", "tokens"])
    setting = ["refit_rows", "tokens", "judged_rows"]
    qualities = found.pivot(index="shape", columns=setting, values="quality")
    most = found[setting].max()
    truth = qualities[tuple(most)]
    rows = []
    for rows_, tokens in spent.index:
        seconds = spent.loc[rows_, tokens]
        for judged in (most["judged_rows"], 1024, 512):
            own = qualities[rows_, tokens, judged]
            error = (own - truth).std()  # beside what all have in common
            shared = seconds.drop("judging").sum() + seconds["judging"] * judged / most["judged_rows"]
            cells = (f"{rows_:,}", tokens, f"{judged:,}", f"{kendall_tau(own, truth):.2f}", f"{error:.3f}")
            rows.append((*cells, f"{shared / len(qualities):.0f}"))
    heads = ("rows to refit on", "tokens of each", "rows to judge on", "Kendall's τ", "error")
    return table((*heads, "CPU seconds a candidate"), rows)


def last_layer() -> str:
    """Return how much faster models are whose last layer computes the first token alone."""
    found = pd.read_csv(DATA / "last_layer.csv").set_index(["shape", "what"])
    rows = []
    for shape in found.index.unique("shape"):
        int8 = found.loc[shape, INT8]
        less = [
            interval(*(100 * (1 - own[end]) for end in ("ratio", "ratio_high", "ratio_low")), digits=0)
            for own in (found.loc[shape, what] for what in ("onnxruntime", INT8, "training step"))
        ]
        times = (f"{int8.whole_ms:.1f}", f"{int8.cut_ms:.1f}")
        rows.append((shape.removesuffix("-gelu"), *times, *less))
    heads = ("model", "ms in int8, whole", "ms in int8, cut", "less time in float32, %", "in int8, %")
    return table((*heads, "in a training step, %"), rows)


TABLES = {
    "deployment/last_layer": last_layer,
    "refit/shapes": refit,
    "refit/untrained": untrained,
    "tutorial/models": tutorial_models,
    "tutorial/candidates": tutorial_candidates,
}
