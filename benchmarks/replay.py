"""How well each strategy searches a tabular benchmark, over many searches.

    python benchmarks/replay.py table.csv config/laptop.yaml benchmarks/tabular/space.yaml \\
        --quality 75_steps_accuracy --output replay

The table holds every architecture of the configs' space, so a search needs no training: another seed is
another search. Every strategy searches with every seed. Rewards that were measured once are taken for the
truth. Files in the folder ``--output``:

- ``summary.csv``, a row each strategy, which is printed too: medians over the searches of the simple regret
  (the best reward of the space less the best found), with the 95 % interval of the median, and of the share
  of the space's hypervolume; after how many evaluations its median regret reaches random search's last one;
  the mean share of the space that its best beats, with what that is more than random's of the same seeds
  (standard error); how many searches found the best of all; Kendall's tau of predictions on what was not
  evaluated yet, by episode.
- ``curves.csv``, medians and intervals after each evaluation and, with ``--seconds``, by hours of training.
- ``curves.png``.
- ``budgets.csv``, with ``--budgets`` of the latency ratio: a row each strategy and budget with what the best
  student within it lacks to the space's best (mean and its 95 % interval), how often it is the space's best,
  how much it is better than random's of the same seeds, and how much better than the size rule's pick: the
  largest layers times hidden size within the budget, the mean of equals. The curves then have what is
  lacking too, the mean over the budgets.

The hypervolume's reference point is the worst quality and the highest latency ratio of the table.

With ``--screen`` every strategy searches once more, as ``..._screened``: it proposes ``--screened``
architectures an episode, and those of the highest rewards by that column become its candidates.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy comes: the processes share the cores
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pandas as pd

from benchmarks.one_search import Course, by_episode, run_search
from benchmarks.replay_figure import SCREENED, curves_figure
from kdnas.analysis.anytime import (
    Reference,
    best_within,
    first_at_most,
    hypervolume,
    hypervolumes,
    median_interval,
    simple_regret,
)
from kdnas.benchmark.table import TabularBenchmark
from kdnas.config.check import check_config
from kdnas.config.reading import read_configs
from kdnas.errors import UserError
from kdnas.search.history import architectures
from kdnas.search.reward import Reward
from kdnas.search.space import SearchSpace
from kdnas.search.strategies import AIMING, STRATEGIES

RANDOM = "random"
SHARES = (25, 50)  # of the budget, in percent, at which the summary has the regret too
HOURS = 200  # points of a curve by hours


@dataclass(frozen=True)
class Landscape:
    """What a space's architectures measure: quality, latency ratio and seconds of training by architecture.

    A quality of NaN is a training that failed; ``seconds`` is empty where the table has none. ``screen`` has
    the qualities and seconds of what is judged without training, empty where nothing is.
    """

    search: dict[str, Any]
    reward: Reward
    quality: dict[Any, float]
    ratio: dict[Any, float]
    seconds: dict[Any, float]
    screen: dict[Any, float] = field(default_factory=dict)
    screen_seconds: dict[Any, float] = field(default_factory=dict)
    budgets: tuple[float, ...] = ()  # of the latency ratio

    @property
    def rewards(self) -> dict[Any, float]:
        """The reward of each architecture; of a failed one minus infinity."""
        return {
            item: -math.inf if math.isnan(quality) else self.reward.of(quality, self.ratio[item])
            for item, quality in self.quality.items()
        }

    @property
    def best_within(self) -> np.ndarray:
        """The best quality within each budget (budgets,)."""
        quality, ratio = (np.array(list(values.values())) for values in (self.quality, self.ratio))
        return np.array([np.nanmax(quality[ratio <= budget]) for budget in self.budgets])

    def by_size(self, budget: float) -> float:
        """Return the mean quality of the largest of layers times hidden size within a budget."""
        sizes = {
            shape: shape.layers * shape.hidden_size for shape in self.quality if self.ratio[shape] <= budget
        }
        largest = max(sizes.values())
        return float(np.mean([self.quality[shape] for shape, size in sizes.items() if size == largest]))

    def screening_reward(self, item: Any) -> float:
        """Return the reward of an architecture as it starts."""
        return self.reward.of(self.screen[item], self.ratio[item])

    @property
    def reference(self) -> Reference:
        """The point that hypervolumes are measured from."""
        return Reference(np.nanmin(list(self.quality.values())), max(self.ratio.values()))


@dataclass(frozen=True)
class Found:
    """What one search had found after each evaluation, and how it went by episode."""

    regret: np.ndarray
    hypervolume: np.ndarray  # as a share of the space's
    hours: np.ndarray  # of training, empty where they are not known
    place: float
    taus: list[float]
    seconds: float  # that the replay took
    lacks: np.ndarray  # (budgets, evaluations): the best quality within each budget less the best found


def replay(landscape: Landscape, job: tuple[str, int]) -> Found:
    """Run the search of a strategy and a seed."""
    (name, seed), started = job, time.perf_counter()
    rewards, screens = landscape.rewards, name.endswith(SCREENED)
    course = run_search(
        name.removesuffix(SCREENED),
        SearchSpace(landscape.search["space"]),
        settings=landscape.search
        | {"seed": seed, "budgets": [{"latency_ratio": budget} for budget in landscape.budgets]}
        | ({} if screens else {"screened": 0}),
        measure=lambda item: (landscape.quality[item], landscape.ratio[item]),
        reward=landscape.reward,
        true_rewards=rewards,
        ranked=[item for item, value in rewards.items() if value > -math.inf],
        screen=landscape.screening_reward if screens else None,
    )
    every = np.array(list(landscape.quality.values())), np.array(list(landscape.ratio.values()))
    return Found(
        regret=simple_regret(course.history, max(rewards.values())),
        hypervolume=hypervolumes(course.history, landscape.reference)
        / hypervolume(*every, landscape.reference),
        hours=_hours(landscape, course),
        place=course.places[-1],
        taus=course.taus,
        seconds=time.perf_counter() - started,
        lacks=_lacks(landscape, course),
    )


def _hours(landscape: Landscape, course: Course) -> np.ndarray:
    """Return the hours of training up to each evaluation; an episode's screening counts in its first."""
    if not landscape.seconds:
        return np.array([])
    seconds = np.array([landscape.seconds[item] for item in architectures(course.history)])
    episodes = course.history["episode"].to_numpy()
    firsts = np.flatnonzero(np.diff(episodes, prepend=0))
    for first, looked_at in zip(firsts, np.array_split(course.screened, len(firsts)), strict=True):
        seconds[first] += sum(landscape.screen_seconds[item] for item in looked_at)
    return np.nancumsum(seconds) / 3600


def _lacks(landscape: Landscape, course: Course) -> np.ndarray:
    """Return what ``Found.lacks`` holds; where nothing is within a budget yet, the worst quality counts."""
    found = best_within(course.history, landscape.budgets)
    return landscape.best_within[:, None] - np.where(np.isnan(found), landscape.reference.quality, found)


def curves(found: dict[str, list[Found]]) -> pd.DataFrame:
    """Return medians and intervals: a row each strategy, measure, unit of the axis and place on it."""
    frames = []
    for name, searches in found.items():
        measures = {
            name: [getattr(search, name) for search in searches] for name in ("regret", "hypervolume")
        }
        if len(searches[0].lacks):
            measures["lack"] = [search.lacks.mean(axis=0) for search in searches]
        for measure, courses in measures.items():
            values = np.array(courses)
            evaluations = np.arange(1, values.shape[1] + 1)
            frames.append(_curve(name, measure, "evaluations", evaluations, values))
            if searches[0].hours.size:
                ends = [search.hours for search in searches]
                grid = np.linspace(max(end[0] for end in ends), min(end[-1] for end in ends), HOURS)
                at = [np.searchsorted(end, grid, side="right") - 1 for end in ends]
                stepped = np.array([row[place] for row, place in zip(values, at, strict=True)])
                frames.append(_curve(name, measure, "hours", grid, stepped))
    return pd.concat(frames, ignore_index=True)


def _curve(strategy: str, measure: str, unit: str, at: np.ndarray, values: np.ndarray) -> pd.DataFrame:
    median, low, high = median_interval(values)
    columns = {"strategy": strategy, "measure": measure, "unit": unit, "at": at}
    return pd.DataFrame(columns | {"median": median, "low": low, "high": high})


def summary(found: dict[str, list[Found]]) -> pd.DataFrame:
    """Return a row each strategy."""
    medians = {
        name: median_interval(np.array([search.regret for search in searches]))
        for name, searches in found.items()
    }
    places = {name: np.array([search.place for search in searches]) for name, searches in found.items()}
    rows = []
    for name, searches in found.items():
        median, low, high = medians[name]
        volume, volume_low, volume_high = median_interval(np.array([s.hypervolume[-1] for s in searches]))
        gain = places[name] - places[RANDOM]
        rows.append(
            {
                "strategy": name,
                "searches": len(searches),
                "evaluations": len(median),
                **{f"regret_at_{share}_percent": median[_after(share, len(median))] for share in SHARES},
                "regret": median[-1],
                "regret_low": low[-1],
                "regret_high": high[-1],
                "reaches_random_after": first_at_most(median, medians[RANDOM][0][-1]),
                "hypervolume": volume,
                "hypervolume_low": volume_low,
                "hypervolume_high": volume_high,
                "found_best": np.mean([search.regret[-1] == 0 for search in searches]),
                **_reaches_random(found, name),
                "place": places[name].mean(),
                "gain": None if name == RANDOM else gain.mean(),
                "gain_error": None if name == RANDOM else gain.std(ddof=1) / math.sqrt(len(gain)),
                "taus": by_episode([search.taus for search in searches]) if searches[0].taus else None,
                "seconds_a_search": np.mean([search.seconds for search in searches]),
            }
        )
    return pd.DataFrame(rows)


def _reaches_random(found: dict[str, list[Found]], name: str) -> dict[str, float]:
    """Return after how many evaluations a strategy lacks as little within the budgets as random's end."""
    if not len(found[name][0].lacks):
        return {}
    own, of_random = (
        np.median([search.lacks.mean(axis=0) for search in found[who]], axis=0) for who in (name, RANDOM)
    )
    return {"within_budgets_after": first_at_most(own, of_random[-1])}


def within_budgets(found: dict[str, list[Found]], landscape: Landscape) -> pd.DataFrame:
    """Return a row each strategy and budget, for the best quality within it."""
    rows = []
    for place, (budget, best) in enumerate(zip(landscape.budgets, landscape.best_within, strict=True)):
        size = landscape.by_size(budget)
        of_random = np.array([search.lacks[place, -1] for search in found[RANDOM]])
        for name, searches in found.items():
            lacks = np.array([search.lacks[place, -1] for search in searches])
            row: dict[str, Any] = {"strategy": name, "budget": budget, "best": best, "by_size": size}
            row |= {"found_best": np.mean(lacks == 0), "searches": len(lacks)}
            gained = {"lacks": lacks, "over_random": of_random - lacks, "over_size": best - size - lacks}
            for what, gains in gained.items():
                mean, error = np.mean(gains), np.std(gains, ddof=1) / math.sqrt(len(gains))
                row |= {what: mean, f"{what}_low": mean - 1.96 * error, f"{what}_high": mean + 1.96 * error}
            rows.append(row)
    return pd.DataFrame(rows)


def _after(share: int, evaluations: int) -> int:
    """Return the place of the last evaluation within a share of the budget."""
    return math.ceil(evaluations * share / 100) - 1


def read_landscape(options: argparse.Namespace) -> Landscape:
    """Return what the command line asks for."""
    config = check_config(read_configs(options.configs))
    search = config["search"]
    search |= {
        name: getattr(options, name)
        for name in ("episodes", "candidates", "screened")
        if getattr(options, name)
    }
    table, space = TabularBenchmark.read(options.table), SearchSpace(search["space"]).enumerate()
    return Landscape(
        search,
        Reward.from_config(config["reward"]),
        quality=table.of(options.quality, space),
        ratio=table.of(options.latency, space),
        seconds=table.of(options.seconds, space) if options.seconds else {},
        screen=table.of(options.screen, space) if options.screen else {},
        screen_seconds=table.of(options.screen_seconds, space) if options.screen_seconds else {},
        budgets=tuple(options.budgets),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path, help="CSV file, or the history of a search of the whole space")
    parser.add_argument("configs", type=Path, nargs="+", help="whose search is run, later ones overriding")
    parser.add_argument("--quality", required=True, help="column of the quality")
    parser.add_argument("--latency", default="latency_ratio_torch", help="column of the latency ratio")
    parser.add_argument("--seconds", help="column of the seconds of training")
    parser.add_argument("--strategies", nargs="+", choices=list(STRATEGIES), help="instead of all")
    parser.add_argument("--searches", type=int, default=200, help="of each strategy, with the seeds from 1")
    parser.add_argument("--episodes", type=int, help="instead of the configs'")
    parser.add_argument("--candidates", type=int, help="an episode, instead of the configs'")
    parser.add_argument("--screen", help="column of the quality without training")
    parser.add_argument("--screen-seconds", help="column of the seconds that it takes")
    parser.add_argument("--screened", type=int, help="architectures an episode, instead of the configs'")
    parser.add_argument("--budgets", type=float, nargs="*", default=[], help="of the latency ratio")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--output", type=Path, required=True, help="folder")
    options = parser.parse_args()
    if set(options.strategies or ()) & set(AIMING) and not options.budgets:
        parser.error(f"--strategies {AIMING[0]} needs --budgets")
    if options.screen and options.seconds and not options.screen_seconds:
        parser.error("--screen with --seconds needs --screen-seconds")
    try:
        landscape = read_landscape(options)
    except UserError as error:
        sys.exit(f"replay.py: {error}")
    found = {}
    pool = ProcessPoolExecutor(options.processes, multiprocessing.get_context("spawn"))
    with pool:
        asked = options.strategies or [name for name in STRATEGIES if options.budgets or name not in AIMING]
        names = list(dict.fromkeys((RANDOM, *asked)))
        for name in [*names, *(f"{name}{SCREENED}" for name in names if options.screen)]:
            jobs = [(name, seed) for seed in range(1, options.searches + 1)]
            found[name] = list(pool.map(partial(replay, landscape), jobs, chunksize=5))
            print(f"{name}: {options.searches} searches", file=sys.stderr, flush=True)
    options.output.mkdir(parents=True, exist_ok=True)
    table, drawn = summary(found), curves(found)
    if landscape.budgets:
        within = within_budgets(found, landscape)
        within.to_csv(options.output / "budgets.csv", index=False, lineterminator="\n", float_format="%.6g")
    table.to_csv(options.output / "summary.csv", index=False, lineterminator="\n")
    drawn.to_csv(options.output / "curves.csv", index=False, lineterminator="\n", float_format="%.6g")
    curves_figure(drawn).savefig(options.output / "curves.png")
    print(table.round(4).to_string(index=False))


if __name__ == "__main__":
    main()
