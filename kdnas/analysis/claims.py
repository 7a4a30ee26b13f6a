"""The claims of the paper's abstract, judged on a run: estimates with intervals, bounds and verdicts.

Claim A: as fast as a hand-crafted student, and better. Claim B: faster than the teacher, and nearly as good.
Claim C: as good as the hand-crafted student, and faster and smaller. Source: Trivedi et al. 2023, arXiv
2303.09639v1, abstract.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

from kdnas.analysis.scores import seed_averages
from kdnas.latency.rounds import ratio
from kdnas.search.selection_rules import no_slower_than, no_worse_than

HOLDS, DOES_NOT_HOLD, CANNOT_BE_TOLD = "holds", "does not hold", "cannot be told here"
# where the paper says equal; both are our choice
EQUAL_SCORE = 0.5  # points below the baseline's average
EQUAL_LATENCY = 0.05  # share above the baseline's latency
OVERALL, OVERALL_WITHOUT_GPU = "overall", "overall_without_gpu"


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    ``reason`` says why the number or its interval is missing. An ``exact`` number needs no interval.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    exact: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class Quantity:
    """One number of a claim: the paper's, and the bound that this run's has to keep.

    ``paper`` is None where the abstract says nothing: such a number stands in for one that was not measured.
    """

    name: str
    paper: float | None
    bound: float
    at_least: bool = False
    device: str | None = None


CLAIMS: dict[str, tuple[Quantity, ...]] = {
    "A": (
        Quantity("gpu_latency_to_baseline", 1.0, 1 + EQUAL_LATENCY, device="gpu"),
        Quantity("cpu_latency_to_baseline", None, 1 + EQUAL_LATENCY, device="cpu"),
        Quantity("score_over_baseline", 2.0, 2.0, at_least=True),
    ),
    "B": (
        Quantity("gpu_speedup", 1.4, 1.4, at_least=True, device="gpu"),
        Quantity("cpu_speedup", 3.2, 3.2, at_least=True, device="cpu"),
        Quantity("teacher_share_without_cola", 97.0, 97.0, at_least=True),
    ),
    "C": (
        Quantity("gpu_latency_to_baseline", 0.85, 0.85, device="gpu"),
        Quantity("cpu_latency_to_baseline", 0.80, 0.80, device="cpu"),
        Quantity("parameters_to_baseline", 0.8, 0.8),
        Quantity("score_over_baseline", 0.0, -EQUAL_SCORE, at_least=True),
    ),
}


@dataclass(frozen=True)
class Evidence:
    """The results of a run that the claims are judged by.

    ``scores`` come from :func:`kdnas.analysis.scores.seed_scores`; ``tasks`` are those of every average;
    ``parameters`` are counts by model; ``students`` are contents of ``architecture.json`` by name,
    ``profiles`` those of ``latency/{device}.json`` by device; ``searched_on`` is the device whose latencies
    the search knew.
    """

    scores: pd.DataFrame
    tasks: Sequence[str]
    parameters: Mapping[str, int]
    students: Mapping[str, dict[str, Any]]
    profiles: Mapping[str, dict[str, Any]]
    searched_on: str


def mean_interval(values: Sequence[float]) -> Estimate:
    """Return the mean of one value a seed (n,) with Student's t interval, n - 1 degrees of freedom."""
    values = np.asarray(values, dtype=float)
    if not len(values):
        return Estimate(reason="no seed with every task")
    mean = float(values.mean())
    if len(values) < 2:
        return Estimate(mean, reason="one seed")
    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Estimate(mean, mean - half, mean + half)


def judge(estimate: Estimate, quantity: Quantity) -> tuple[str, str | None]:
    """Return the verdict on a number and, where there is more to say, the reason.

    It holds if the whole interval keeps the bound, does not hold if no part of it does.
    """
    if estimate.value is None or (estimate.low is None and not estimate.exact):
        return CANNOT_BE_TOLD, estimate.reason
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    keeps = [
        value >= quantity.bound if quantity.at_least else value <= quantity.bound for value in (low, high)
    ]
    if all(keeps):
        return HOLDS, estimate.reason
    better = low > 0 and quantity.name == "score_over_baseline"
    if not any(keeps):
        return DOES_NOT_HOLD, "better than the baseline, but by less" if better else estimate.reason
    reason = f"the bound {quantity.bound:g} is inside the interval"
    return CANNOT_BE_TOLD, f"better than the baseline, but {reason}" if better else reason


def latency_to_baseline(profile: Mapping[str, Any], student: str, baseline: str) -> Estimate:
    """Return a student's latency over the baseline's: the median over the rounds that timed both."""
    if profile["reason"] is not None:
        return Estimate(reason=profile["reason"])
    own, other = (_entry(profile, model) for model in (student, baseline))
    if own["ratio_low"] is None:
        value = own["ratio"] / other["ratio"]
        return Estimate(value, exact=True, reason="by the latency table, not measured")
    found = ratio(own["times_ms"], other["times_ms"])
    return Estimate(found.median, found.low, found.high)


def speedup(profile: Mapping[str, Any], student: str) -> Estimate:
    """Return a student's speed-up over the teacher: one over the ratio of the latencies."""
    if profile["reason"] is not None:
        return Estimate(reason=profile["reason"])
    entry = _entry(profile, student)
    if entry["ratio_low"] is None:
        return Estimate(1 / entry["ratio"], exact=True, reason="by the latency table, not measured")
    return Estimate(1 / entry["ratio"], 1 / entry["ratio_high"], 1 / entry["ratio_low"])


def _entry(profile: Mapping[str, Any], model: str) -> dict[str, Any]:
    return next(entry for entry in profile["models"] if entry["model"] == model)


def score_over_baseline(
    scores: pd.DataFrame, tasks: Sequence[str], *, student: str, baseline: str
) -> Estimate:
    """Return how many points a student's average is above the baseline's, paired by seed.

    ``scores`` and ``tasks`` are those of :class:`Evidence`.
    """
    own, other = _paired(scores, student, baseline, _without(tasks, "wnli"))
    return mean_interval(own - other)


def teacher_share_without_cola(scores: pd.DataFrame, tasks: Sequence[str], student: str) -> Estimate:
    """Return the share of the teacher's average that a student keeps, in percent, paired by seed.

    ``scores`` and ``tasks`` are those of :class:`Evidence`.
    """
    own, teacher = _paired(scores, student, "teacher", _without(tasks, "cola", "wnli"))
    if (teacher <= 0).any():
        return Estimate(reason="the teacher's average is not above 0")
    return mean_interval(100 * own / teacher)


def _without(tasks: Sequence[str], *left_out: str) -> list[str]:
    return [task for task in tasks if task not in left_out]


def _paired(
    scores: pd.DataFrame, model: str, other: str, tasks: Sequence[str]
) -> tuple[pd.Series, pd.Series]:
    averages = [seed_averages(scores, name, tasks) for name in (model, other)]
    both = pd.concat(averages, axis="columns", join="inner", keys=["model", "other"])
    return both["model"], both["other"]


def student_of_claim(claim: str, evidence: Evidence, strategy: str, baseline: str) -> str:
    """Return the student of a strategy that a claim is judged on, chosen without the numbers that judge it.

    A: the best that is no slower than the baseline. C: the fastest that is no worse. B: of the strategy's
    students that reach the paper's speed-up by the search's own latencies, the one of the highest proxy
    quality (of equals the faster); where none does, the fastest.
    """
    if claim == "A":
        return no_slower_than(baseline).student(strategy)
    if claim == "C":
        return no_worse_than(baseline).student(strategy)
    own = [student for student in evidence.students.values() if student["origin"] == strategy]
    needed = next(quantity.bound for quantity in CLAIMS["B"] if quantity.device == evidence.searched_on)
    fast = [student for student in own if 1 / student["latency_ratio"] >= needed]
    if fast:
        return min(fast, key=lambda student: (-student["quality"], student["latency_ratio"]))["student"]
    return min(own, key=lambda student: student["latency_ratio"])["student"]


def judge_claims(evidence: Evidence, strategies: Sequence[str], baseline: str) -> list[dict[str, Any]]:
    """Return one row a claim, strategy and quantity, each followed by the claim's overall verdict.

    A claim holds if all that the abstract says of it does, and does not hold if any part does not. Where no
    GPU was measured, a second overall verdict is on all quantities but those of the GPU.
    """
    rows = []
    for claim, quantities in CLAIMS.items():
        for strategy in strategies:
            student = student_of_claim(claim, evidence, strategy, baseline)
            base = {"claim": claim, "strategy": strategy, "student": student, "baseline": baseline}
            judged: list[dict[str, Any]] = []
            for quantity in quantities:
                estimate = _estimate(quantity, evidence, student, baseline)
                verdict, reason = judge(estimate, quantity)
                judged.append(
                    base
                    | {
                        "quantity": quantity.name,
                        "paper": quantity.paper,
                        "bound": quantity.bound,
                        "value": estimate.value,
                        "low": estimate.low,
                        "high": estimate.high,
                        "verdict": verdict,
                        "reason": reason,
                    }
                )
            rows += judged
            of_paper = [row for row in judged if row["paper"] is not None]
            rows.append(base | {"quantity": OVERALL} | _overall(of_paper))
            if evidence.profiles["gpu"]["reason"] is not None:
                others = [
                    row for row, quantity in zip(judged, quantities, strict=True) if quantity.device != "gpu"
                ]
                rows.append(base | {"quantity": OVERALL_WITHOUT_GPU} | _overall(others))
    return rows


def _estimate(quantity: Quantity, evidence: Evidence, student: str, baseline: str) -> Estimate:
    if quantity.device is not None:
        profile = evidence.profiles[quantity.device]
        if quantity.name.endswith("_speedup"):
            return speedup(profile, student)
        return latency_to_baseline(profile, student, baseline)
    if quantity.name == "parameters_to_baseline":
        return Estimate(evidence.parameters[student] / evidence.parameters[baseline], exact=True)
    if quantity.name == "score_over_baseline":
        return score_over_baseline(evidence.scores, evidence.tasks, student=student, baseline=baseline)
    return teacher_share_without_cola(evidence.scores, evidence.tasks, student)


def _overall(rows: Sequence[Mapping[str, Any]]) -> dict[str, str | None]:
    for verdict in (DOES_NOT_HOLD, CANNOT_BE_TOLD):
        names = [row["quantity"] for row in rows if row["verdict"] == verdict]
        if names:
            return {"verdict": verdict, "reason": ", ".join(names)}
    return {"verdict": HOLDS, "reason": None}
