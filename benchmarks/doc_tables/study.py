"""Tables of docs/measurements/study.md: scores, and claims with intervals over seeds and rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from benchmarks.doc_tables.layout import DATA, interval, table
from kdnas.analysis.claims import Estimate, mean_interval
from kdnas.files.artifacts import read_json
from kdnas.runtimes import INT8, RUNTIMES, TORCH

STUDY = DATA / "study"
TASKS = ("mnli", "rte", "mrpc", "sst2", "cola", "stsb")
WITHOUT_COLA = tuple(task for task in TASKS if task != "cola")
LABELS = {"mnli": "MNLI-m", "rte": "RTE", "mrpc": "MRPC", "sst2": "SST-2", "cola": "CoLA", "stsb": "STS-B"}
DRAWS = 1000  # of development rows
TEACHER = "teacher"
SMALL, MIDDLE, LARGE = (f"constrained_budget_{budget}" for budget in ("0.22", "0.3", "0.4"))


def weighted_score(task: str, label: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the score in points of each draw (draws,): the mean of GLUE's metrics of the task.

    ``weights`` (draws, rows) count how often a row was drawn. Ranks are those of all rows.
    """
    if task == "stsb":
        pairs = ((label, predicted), (rankdata(label), rankdata(predicted)))
        return 100 * np.mean([_correlation(one, other, weights) for one, other in pairs], axis=0)
    right = weights @ (label == predicted) / weights.sum(axis=1)
    if task not in ("mrpc", "cola"):
        return 100 * right
    positive, called = label == 1, predicted == 1
    tp, fp, fn, tn = (
        weights @ (one & other)
        for one, other in (
            (positive, called),
            (~positive, called),
            (positive, ~called),
            (~positive, ~called),
        )
    )
    if task == "mrpc":
        return 100 * (right + 2 * tp / (2 * tp + fp + fn)) / 2
    spread = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return 100 * np.divide(tp * tn - fp * fn, spread, out=np.zeros_like(spread), where=spread > 0)


def _correlation(one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
    total = weights.sum(axis=1)
    means = [weights @ values / total for values in (one, other)]
    squares = [
        weights @ values**2 / total - mean**2 for values, mean in zip((one, other), means, strict=True)
    ]
    return (weights @ (one * other) / total - means[0] * means[1]) / np.sqrt(squares[0] * squares[1])


@dataclass(frozen=True)
class Found:
    """Scores in int8, in points: ``measured`` (seeds,) and ``drawn`` (draws,), by model and task.

    ``drawn`` is the mean over seeds; the same rows are drawn for all models. ``in_runtime`` has the scores
    that the workflow reported, by runtime.
    """

    seeds: tuple[int, ...]
    measured: Mapping[tuple[str, str], np.ndarray]
    drawn: Mapping[tuple[str, str], np.ndarray]
    in_runtime: Mapping[str, Mapping[tuple[str, str], np.ndarray]]

    def average(self, model: str, tasks: tuple[str, ...] = TASKS) -> np.ndarray:
        """Return a model's mean over ``tasks`` by seed."""
        return np.mean([self.measured[model, task] for task in tasks], axis=0)

    def difference(self, model: str, other: str) -> tuple[Estimate, Estimate]:
        """Return by how many points a model's average is above another's: by seeds, and by rows."""
        by_rows = np.mean([self.drawn[model, task] - self.drawn[other, task] for task in TASKS], axis=0)
        return _both(self.average(model) - self.average(other), by_rows)

    def share(self, model: str) -> tuple[Estimate, Estimate]:
        """Return the percent of the float teacher's average without CoLA that is kept: by seeds, by rows."""
        teacher = np.mean([self.in_runtime[TORCH][TEACHER, task] for task in WITHOUT_COLA], axis=0)
        own = np.mean([self.drawn[model, task] for task in WITHOUT_COLA], axis=0)
        drawn = np.mean([self.drawn[TEACHER, task] for task in WITHOUT_COLA], axis=0)
        # the teacher's rows are drawn in int8: its predictions in float32 are not kept
        scale = fmean(self.average(TEACHER, WITHOUT_COLA)) / fmean(teacher)
        return _both(100 * self.average(model, WITHOUT_COLA) / teacher, 100 * own / drawn * scale)


def _both(by_seed: np.ndarray, by_rows: np.ndarray) -> tuple[Estimate, Estimate]:
    low, high = np.percentile(by_rows, (2.5, 97.5))
    return mean_interval(by_seed), Estimate(float(by_seed.mean()), float(low), float(high))


@cache
def found() -> Found:
    """Read the raw files."""
    paths = {int(re.findall(r"\d+", path.stem)[0]): path for path in STUDY.glob("predictions_seed_*.parquet")}
    seeds = tuple(sorted(paths))
    frames = {seed: pd.read_parquet(paths[seed]) for seed in seeds}
    models = [name for name in frames[seeds[0]] if name not in ("task", "label")]
    weights = {}
    for number, task in enumerate(TASKS):
        rows = int((frames[seeds[0]]["task"] == task).sum())
        drawn = np.random.default_rng(number).integers(rows, size=(DRAWS, rows))
        counted = [np.bincount(draw, minlength=rows) for draw in drawn]
        weights[task] = np.vstack([np.ones(rows), *counted]).astype(np.float64)
    measured: dict[tuple[str, str], np.ndarray] = {}
    drawn_scores: dict[tuple[str, str], np.ndarray] = {}
    for task in TASKS:
        for model in models:
            by_seed = []
            for seed in seeds:
                rows = frames[seed][frames[seed]["task"] == task]
                label, predicted = (rows[name].to_numpy(np.float64) for name in ("label", model))
                by_seed.append(weighted_score(task, label, predicted, weights[task]))
            measured[model, task] = np.array([values[0] for values in by_seed])
            drawn_scores[model, task] = np.mean([values[1:] for values in by_seed], axis=0)
    scores = {seed: pd.read_csv(STUDY / f"scores_seed_{seed}.csv") for seed in seeds}
    in_runtime = {
        runtime: {
            (model, task): np.array([_score(scores[seed], model, runtime, task) for seed in seeds])
            for model in models
            for task in TASKS
        }
        for runtime in RUNTIMES
    }
    for model in models:  # the raw files have to agree with what the workflow reported
        for task in TASKS:
            reported = in_runtime[INT8][model, task]
            assert np.allclose(measured[model, task], reported, atol=1e-3), (model, task, reported)
    return Found(seeds, measured, drawn_scores, in_runtime)


def _score(scores: pd.DataFrame, model: str, runtime: str, task: str) -> float:
    rows = scores[(scores["model"] == model) & (scores["runtime"] == runtime) & (scores["task"] == task)]
    return float(rows[rows["split"] != "validation_mismatched"]["score"].iloc[0])


@cache
def timings() -> pd.DataFrame:
    """Return the latencies of the first seed's session by model and runtime."""
    timed = read_json(STUDY / f"latency_seed_{found().seeds[0]}.json")
    return pd.DataFrame(timed["models"]).set_index(["model", "runtime"])


def _speed(entry: Any, which: str, digits: int = 1) -> str:
    return interval(1 / entry[which], 1 / entry[f"{which}_high"], 1 / entry[f"{which}_low"], digits)


def _models() -> pd.DataFrame:
    return pd.read_csv(STUDY / "models.csv").set_index("model")


def models() -> str:
    """Return what each model is, its speed in int8, and what it keeps."""
    rows = []
    for name, model in _models().iterrows():
        timed = timings().loc[(name, INT8)]
        share = found().share(str(name))[0 if len(found().seeds) > 1 else 1]
        rows.append(
            (
                f"`{name}`",
                model.architecture.removesuffix("-gelu"),
                f"{model.parameters / 1e6:.1f} M",
                f"{timed.latency_ms:.2f} ms",
                _speed(timed, "ratio"),
                "1" if name == TEACHER else _speed(timed, "ratio_same_runtime"),
                f"{found().average(str(name)).mean():.1f}",
                f"{share.value:.1f}" if name == TEACHER else _shown(share),
            )
        )
    heads = ("model", "architecture", "parameters", "latency", "times the teacher in torch")
    heads += ("times the teacher in int8", "average", "share without CoLA, %")
    return table(heads, rows)


def _shown(found: Estimate) -> str:
    value, low, high = (
        float("nan") if number is None else number for number in (found.value, found.low, found.high)
    )
    return interval(value, low, high, 1)


def scores() -> str:
    """Return what each model scores on each task in int8."""
    rows = []
    for name in _models().index:
        cells = [f"{found().measured[name, task].mean():.1f}" for task in TASKS]
        rows.append((f"`{name}`", *cells, f"{found().average(name).mean():.1f}"))
    return table(("model", *LABELS.values(), "average"), rows)


def runtimes() -> str:
    """Return what models score in every runtime, their speed and the size of the file that is deployed."""
    sizes = pd.read_csv(STUDY / "deployment.csv").set_index(["model", "runtime"])["size_mb"]
    rows = []
    for name in (TEACHER, LARGE, MIDDLE, "bert_medium"):
        for runtime in RUNTIMES:
            timed, own = timings().loc[(name, runtime)], name == TEACHER
            score = np.mean([found().in_runtime[runtime][name, task] for task in TASKS])
            rows.append(
                (
                    f"`{name}`",
                    runtime,
                    f"{score:.1f}",
                    f"{timed.latency_ms:.2f}",
                    "1" if own and runtime == TORCH else _speed(timed, "ratio"),
                    "1" if own else _speed(timed, "ratio_same_runtime"),
                    f"{sizes[name, runtime]:.1f}",
                )
            )
    heads = ("model", "runtime", "average", "ms", "times the teacher in torch")
    return table((*heads, "times the teacher in the same runtime", "MB"), rows)


def _latency(model: str, other: str) -> str:
    own, base = (timings().loc[(name, INT8)].ratio_same_runtime for name in (model, other))
    return f"{own / base:.2f}"


def claims() -> str:
    """Return every expectation of the design beside what was measured."""
    wanted: list[tuple[str, str, str, Callable[[], tuple[Estimate, Estimate]], float]] = [
        ("A1", f"`{SMALL}` over `bert_small`", "+1.0", lambda: found().difference(SMALL, "bert_small"), 2.0),
        (
            "A2",
            f"`{LARGE}` over `bert_medium`",
            "+0.5",
            lambda: found().difference(LARGE, "bert_medium"),
            2.0,
        ),
        ("B1", f"`{LARGE}`, share without CoLA", "98.5 %", lambda: found().share(LARGE), 98.0),
        ("B2", f"`{MIDDLE}`, share without CoLA", "97.5 %", lambda: found().share(MIDDLE), 97.0),
        (
            "C",
            f"`{MIDDLE}` over `bert_medium`",
            "+0.2",
            lambda: found().difference(MIDDLE, "bert_medium"),
            -0.5,
        ),
    ]
    rows = []
    for name, what, expected, estimate, bound in wanted:
        seeds, drawn = estimate()
        by_seed = "one seed" if seeds.low is None else _shown(seeds)
        rows.append(
            (name, what, expected, f"{bound:+g}" if bound < 90 else f"{bound:g} %", _shown(drawn), by_seed)
        )
    heads = ("", "what", "expected", "bound", "measured, interval over rows", "interval over seeds")
    return table(heads, rows)


def pairs() -> str:
    """Return latency and size of the compared students, one over the other."""
    counted = _models()["parameters"]
    rows = [
        (f"`{one}` over `{other}`", _latency(one, other), f"{counted[one] / counted[other]:.2f}")
        for one, other in ((SMALL, "bert_small"), (LARGE, "bert_medium"), (MIDDLE, "bert_medium"))
    ]
    return table(("", "latency in int8", "parameters"), rows)


def cost() -> str:
    """Return what the run took, by rule, the five largest."""
    spent = pd.read_csv(STUDY / "cost.csv").nlargest(7, "cpu_hours")
    rows = [
        (
            f"`{row.rule}`",
            row.jobs,
            f"{60 * row.cpu_hours:.0f}",
            f"{row.longest_job_s / 60:.1f}",
            f"{row.peak_memory_mb / 1e3:.1f}",
        )
        for row in spent.itertuples()
    ]
    return table(("rule", "jobs", "CPU minutes", "longest job, minutes", "peak memory, GB"), rows)


TABLES = {
    "study/claims": claims,
    "study/pairs": pairs,
    "study/models": models,
    "study/scores": scores,
    "deployment/models": runtimes,
    "study/cost": cost,
}
