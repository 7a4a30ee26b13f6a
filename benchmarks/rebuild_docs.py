"""Make the tables in docs/ that come from committed raw files.

    python benchmarks/rebuild_docs.py

Writes a table wherever a page of docs/ has these two marks; NAME is a key of TABLES:

    <!-- made by benchmarks/rebuild_docs.py: NAME -->
    <!-- end -->

The raw files are the workflow's own tables and what the benchmarks print, under docs/measurements/. A new
table is one function and one line in TABLES.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kdnas.analysis.ranking import kendall_tau, tau_interval
from kdnas.runtimes import INT8, TORCH

DOCS = Path(__file__).resolve().parents[1] / "docs"
DEFAULT_RUN = DOCS / "measurements" / "default_run"
DEPLOYMENT = DOCS / "measurements" / "data" / "deployment"
TABULAR = DOCS / "measurements" / "data" / "tabular"
REFIT = DOCS / "measurements" / "data" / "refit"
TUTORIAL = DOCS / "measurements" / "data" / "tutorial"
AGREEMENT = "no_steps_512_agreement"
TRAINED = {  # proxies of the tabular benchmark, and what the docs call them
    "no_steps_512": "refit on 512 rows, no step",
    "no_steps_2048": "refit on 2,048 rows, no step",
    "25_steps": "refit on 512 rows, 25 steps",
    "75_steps": "refit on 512 rows, 75 steps",
}
PROXIES = TRAINED | {"size": "layers times hidden size", "parameters": "parameters"}
MARKED = re.compile(r"(<!-- made by benchmarks/rebuild_docs\.py: (\S+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
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


def deployment() -> str:
    """Return what the default run's models score in every runtime, and their speed."""
    rows = []
    for row in pd.read_csv(DEPLOYMENT / "deployment.csv").itertuples():
        torch = interval(row.speedup, row.speedup_low, row.speedup_high)
        same = interval(row.speedup_same_runtime, row.speedup_same_runtime_low, row.speedup_same_runtime_high)
        own = row.model == "teacher"
        rows.append(
            (
                row.model if own else f"`{row.model}`",
                row.runtime,
                f"{row.score:.1f}",
                f"{row.latency_ms:.2f}",
                "1.00" if own and row.runtime == "torch" else torch,
                "1.00" if own else same,
                f"{row.size_mb:.1f}",
            )
        )
    heads = (
        "model",
        "runtime",
        "average",
        "ms",
        "speed-up",
        "over the teacher in the same runtime",
        "MB",
    )
    return table(heads, rows)


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
                f"{row.reaches_random_after:g}",
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
    found["size"] = found["layers"] * found["hidden_size"]
    rows = []
    for budget in (0.15, 0.3, 0.4):
        for name, order in (("best untrained", [AGREEMENT]), ("size rule", ["size", AGREEMENT])):
            best = _best_within(found, INT8, budget, order)
            columns = [AGREEMENT, "full_agreement_seed_1", "full_accuracy_seed_1"]
            cells = [f"{100 * best[column]:.1f}" for column in columns]
            latency = f"{best[f'latency_ratio_{INT8}']:.2f}"
            rows.append((f"{budget:g}", name, _shape(best), latency, *cells))
    heads = ("budget", "picked by", "student", "latency", "agreement untrained", "agreement", "accuracy")
    return table(heads, rows)


def _best_within(found: pd.DataFrame, runtime: str, budget: float, order: list[str]) -> pd.Series:
    """Return the last row by ``order`` of those within a budget of the latency ratio in ``runtime``."""
    within = found[found[f"latency_ratio_{runtime}"] <= budget]
    return within.sort_values(order, kind="stable").iloc[-1]


def _shape(row: pd.Series) -> str:
    return f"{row.layers}L-{row.hidden_size}H-{row.attention_heads}A-{row.ffn_size}F"


def _tau(one: pd.Series, other: pd.Series) -> str:
    """Return Kendall's tau with its interval."""
    known = one.notna() & other.notna()
    low, high, _ = tau_interval(one[known], other[known])
    return interval(kendall_tau(one[known], other[known]), low, high)


TABLES: dict[str, Callable[[], str]] = {
    "deployment/models": deployment,
    "default_run/runs": runs,
    "default_run/scores": scores,
    "default_run/searches": searches,
    "default_run/whole_space": whole_space,
    "default_run/replay": replay,
    "default_run/fidelity": fidelity,
    "refit/shapes": refit,
    "benchmark/rankings": tabular_rankings,
    "benchmark/fronts": tabular_fronts,
    "benchmark/budgets": tabular_budgets,
    "benchmark/replay": tabular_replay,
    "benchmark/within": tabular_within,
    "benchmark/fidelity": tabular_fidelity,
    "benchmark/picks": tabular_picks,
    "tutorial/models": tutorial_models,
    "tutorial/candidates": tutorial_candidates,
}


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a GitHub Markdown table."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *([str(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def interval(value: float, low: float, high: float, digits: int = 2) -> str:
    """Return a number with its interval, if it has one."""
    shown, *ends = (f"{round(number, digits) + 0.0:.{digits}f}" for number in (value, low, high))  # no -0.0
    return shown if pd.isna(low) else f"{shown} [{', '.join(ends)}]"


def seconds(value: float) -> str:
    """Return seconds as text, empty for none."""
    return "" if pd.isna(value) else f"{value:.0f} s"


def minutes(value: float) -> str:
    """Return seconds as minutes and seconds, empty for none."""
    return "" if pd.isna(value) else f"{value // 60:.0f} min {value % 60:.0f} s"


def rebuilt(page: str) -> str:
    """Return the text of a page with all its tables made anew."""

    def made(found: re.Match) -> str:
        mark, name, _, end = found.groups()
        if name not in TABLES:
            sys.exit(f"no table is called {name}; there are: {', '.join(TABLES)}")
        return f"{mark}\n{TABLES[name]()}\n{end}"

    return MARKED.sub(made, page)


def main() -> None:
    """Rewrite every page that changes, and name it."""
    for path in sorted(DOCS.rglob("*.md")):
        before = path.read_text(encoding="utf-8")
        if (after := rebuilt(before)) != before:
            path.write_text(after, encoding="utf-8")
            print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
