"""Tables of docs/benchmark.md."""

from __future__ import annotations

import itertools
from typing import Any

import pandas as pd

from benchmarks.doc_tables.layout import DATA, interval, table
from kdnas.analysis.ranking import kendall_tau, tau_interval
from kdnas.runtimes import INT8, TORCH

TABULAR = DATA / "tabular"
AGREEMENT = "no_steps_512_agreement"
TRAINED = {  # proxies of the tabular benchmark, and what the docs call them
    "no_steps_512": "refit on 512 rows, no step",
    "no_steps_2048": "refit on 2,048 rows, no step",
    "25_steps": "refit on 512 rows, 25 steps",
    "75_steps": "refit on 512 rows, 75 steps",
}
PICKED = {  # by the latencies of exports with whole last layers: the best untrained, and by the size rule
    "0.15": ("6L-96H-3A-288F", "3L-224H-7A-192F"),
    "0.3": ("6L-192H-6A-288F", "6L-224H-7A-192F"),
    "0.4": ("6L-256H-8A-384F", "5L-352H-11A-96F"),
}
PROXIES = TRAINED | {"size": "layers times hidden size", "parameters": "parameters"}


def tabular_rankings() -> str:
    """Return how alike the runtimes, sizes and the untrained quality order the benchmark's architectures."""
    found = pd.read_csv(TABULAR / "minilm_mnli.csv")
    found["size"] = found["layers"] * found["hidden_size"]
    timed = [name for name in found if name.startswith("latency_ratio_")]
    names = {name: f"latency in {name.removeprefix('latency_ratio_')}" for name in timed}
    names |= {"size": "layers times hidden size", "parameters": "parameters"}
    names |= {AGREEMENT: "agreement without training"}
    pairs = list(itertools.combinations(timed, 2))
    pairs += [(AGREEMENT, other) for other in ("size", "parameters")]
    rows = []
    for one, other in pairs:
        rows.append((names[one], names[other], _tau(found[one], found[other])))
    for layers, same in found.groupby("layers"):
        tau = _tau(same[AGREEMENT], same["size"])
        rows.append((f"{names[AGREEMENT]}, {layers} layers", "hidden size", tau))
    return table(("between", "and", "Kendall's τ"), rows)


def tabular_fronts() -> str:
    """Return what searching by another runtime's latency costs in int8, at equal agreement.

    Each student of int8's front is compared with the fastest one in int8, on the other front, that agrees as
    often.
    """
    found = pd.read_csv(TABULAR / "minilm_mnli.csv")
    in_int8 = found[f"latency_ratio_{INT8}"]
    own = _front(found, INT8)
    rows = []
    for runtime in (TORCH, "onnxruntime", INT8):
        front = _front(found, runtime)
        as_good = [front[found.loc[front, AGREEMENT] >= found.loc[place, AGREEMENT]] for place in own]
        more = [
            in_int8[places].min() / in_int8[place] - 1 for place, places in zip(own, as_good, strict=True)
        ]
        cells = (len(front), len(front.intersection(own)), f"{sum(more) / len(more):.1%}", f"{max(more):.1%}")
        rows.append((f"`{runtime}`", *map(str, cells)))
    return table(("front in", "students", "also in int8's", "more int8 latency, mean", "most"), rows)


def _front(found: pd.DataFrame, runtime: str) -> pd.Index:
    """Return the rows that no faster one in ``runtime`` equals in agreement."""
    latency = f"latency_ratio_{runtime}"
    ordered = found.sort_values([latency, AGREEMENT], ascending=[True, False], kind="stable")[AGREEMENT]
    return ordered.index[ordered > ordered.cummax().shift(fill_value=-1)]


def tabular_budgets() -> str:
    """Return what is the best within each latency budget, by search in int8 or torch and by the size rule."""
    found = pd.read_csv(TABULAR / "minilm_mnli.csv")
    found["size"] = found["layers"] * found["hidden_size"]
    rows = []
    for budget in (0.15, 0.2, 0.3, 0.4, 0.5):
        cells = []
        for runtime, order in ((INT8, [AGREEMENT]), (TORCH, [AGREEMENT]), (INT8, ["size", AGREEMENT])):
            best = _best_within(found, runtime, budget, order)
            cells.append(f"{_shape(best)}: {100 * best[AGREEMENT]:.1f}, {best[f'latency_ratio_{INT8}']:.2f}")
        rows.append((f"{budget:g}", *cells))
    return table(("budget", "best by int8", "best by torch", "largest by layers times hidden size"), rows)


def tabular_replay() -> str:
    """Return how the strategies search the benchmark."""
    rows = []
    for row in pd.read_csv(TABULAR / "replay_summary.csv").itertuples():
        rows.append(
            (
                f"`{row.strategy}`",
                f"{row.regret:.3f} [{row.regret_low:.3f}, {row.regret_high:.3f}]",
                f"{row.reaches_random_after:g}".replace("inf", "never"),
                f"{row.within_budgets_after:g}".replace("inf", "never"),
                f"{row.hypervolume:.3f} [{row.hypervolume_low:.3f}, {row.hypervolume_high:.3f}]",
                f"{row.found_best:.0%}",
            )
        )
    heads = (
        "strategy",
        "regret",
        "evaluations to random's",
        "the same within budgets",
        "hypervolume",
        "found the best",
    )
    return table(heads, rows)


def tabular_within() -> str:
    """Return what the best student within each budget lacks to the space's best, in points, by strategy."""
    found = pd.read_csv(TABULAR / "replay_budgets.csv")
    rows = []
    for strategy, own in found.groupby("strategy", sort=False):
        columns = zip(own["lacks"], own["lacks_low"], own["lacks_high"], strict=True)
        rows.append((f"`{strategy}`", *(interval(*(100 * value for value in cells), 1) for cells in columns)))
    each = found.drop_duplicates("budget")
    rows.append(("the size rule", *(f"{100 * value:.1f}" for value in each["best"] - each["by_size"])))
    return table(("search", *(f"within {budget:g}" for budget in each["budget"])), rows)


def tabular_fidelity() -> str:
    """Return how well each way to look at an architecture ranks what full distillation makes of it."""
    found = pd.read_csv(TABULAR / "minilm_mnli.csv")
    found["size"] = found["layers"] * found["hidden_size"]
    # the sample that spreads over the sizes; what was picked within a budget would bias it
    found = found[found["full_accuracy_seed_1"].notna() & found["75_steps_loss"].notna()]
    rows = []
    for of_full in ("accuracy", "agreement"):
        full = found[f"full_{of_full}_seed_1"]
        for proxy, name in PROXIES.items():
            columns = [f"{proxy}_{quality}" for quality in ("loss", "accuracy", "agreement")]
            cells = [_tau(full, found[column]) if column in found else "" for column in columns]
            rows.append((of_full, name, *(cells if proxy in TRAINED else [_tau(full, found[proxy]), "", ""])))
    heads = ("after full distillation", "looked at", "τ by 1 − loss", "by accuracy", "by agreement")
    return table(heads, rows)


def tabular_picks() -> str:
    """Return what full distillation makes of a budget's best untrained student, and of the size rule's."""
    found = pd.read_csv(TABULAR / "minilm_mnli.csv")
    found.index = pd.Index(map(_shape, found.itertuples()))
    rows = []
    for budget, picks in PICKED.items():
        for name, shape in zip(("best untrained", "size rule"), picks, strict=True):
            columns = [AGREEMENT, "full_agreement_seed_1", "full_accuracy_seed_1"]
            cells = [f"{100 * found.loc[shape, column]:.1f}" for column in columns]
            rows.append((budget, name, shape, f"{found.loc[shape, f'latency_ratio_{INT8}']:.2f}", *cells))
    heads = (
        "budget",
        "picked by",
        "student",
        "latency today",
        "agreement untrained",
        "agreement",
        "accuracy",
    )
    return table(heads, rows)


def _best_within(found: pd.DataFrame, runtime: str, budget: float, order: list[str]) -> pd.Series:
    """Return the last row by ``order`` of those within a budget of the latency ratio in ``runtime``."""
    within = found[found[f"latency_ratio_{runtime}"] <= budget]
    return within.sort_values(order, kind="stable").iloc[-1]


def _shape(row: Any) -> str:
    return f"{row.layers}L-{row.hidden_size}H-{row.attention_heads}A-{row.ffn_size}F"


def _tau(one: pd.Series, other: pd.Series) -> str:
    """Return Kendall's tau with its interval."""
    known = one.notna() & other.notna()
    low, high, _ = tau_interval(one[known], other[known])
    return interval(kendall_tau(one[known], other[known]), low, high)


TABLES = {
    "benchmark/rankings": tabular_rankings,
    "benchmark/fronts": tabular_fronts,
    "benchmark/budgets": tabular_budgets,
    "benchmark/replay": tabular_replay,
    "benchmark/within": tabular_within,
    "benchmark/fidelity": tabular_fidelity,
    "benchmark/picks": tabular_picks,
}
