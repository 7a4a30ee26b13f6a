"""How well each strategy predicts and searches real rewards, over many searches.

    python benchmarks/replay.py results/whole/search/random/episode_09/history.csv \\
        config/laptop.yaml benchmarks/study.yaml benchmarks/small.yaml [--seeds 50]

The history holds every architecture of the configs' space (benchmarks/whole.yaml makes it), so a search
needs no training: another seed draws other random candidates and begins with another controller. For each
quality, of each strategy, after each episode: the share of the space whose reward is below that of the best
candidate so far, and Kendall's tau between predictions and rewards of what was not evaluated yet; at the end
the gain over the random search of the same seed, and how many searches found the best architecture of all. A
reward that was measured once is taken for the truth.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.one_search import by_episode, mean_text, run_search
from kdnas.config.check import check_config
from kdnas.config.reading import read_configs
from kdnas.search.history import architectures, read_history
from kdnas.search.reward import Reward
from kdnas.search.space import SearchSpace
from kdnas.search.strategies import STRATEGIES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("history", type=Path, help="history.csv of a search of the whole space")
    parser.add_argument("configs", type=Path, nargs="+", help="whose search is run, later ones overriding")
    parser.add_argument("--seeds", type=int, default=50)
    options = parser.parse_args()
    config = check_config(read_configs(options.configs))
    history = read_history(options.history)
    space = SearchSpace(config["search"]["space"])
    reward = Reward.from_config(config["reward"])
    for quality in ("accuracy", "loss"):
        columns = history[f"quality_{quality}"], history["latency_ratio"]
        table = dict(zip(architectures(history), zip(*columns, strict=True), strict=True))
        if absent := [item for item in space.enumerate() if item not in table]:
            sys.exit(f"{options.history} lacks {len(absent)} of the space's architectures, {absent[0]} first")
        table = {item: table[item] for item in space.enumerate()}
        rewards = {item: reward.of(*of) for item, of in table.items()}
        print(f"quality: {quality}, {len(table)} architectures")
        places = {}
        for name in ["random", *(name for name in STRATEGIES if name != "random")]:
            courses = [
                run_search(
                    name,
                    space,
                    settings=config["search"] | {"seed": seed},
                    measure=table.__getitem__,
                    reward=reward,
                    true_rewards=rewards,
                    ranked=list(table),
                )
                for seed in range(1, options.seeds + 1)
            ]
            places[name] = np.array([course.places[-1] for course in courses])
            best = np.mean(places[name] == (len(table) - 1) / len(table))
            gain = f", {mean_text(places[name] - places['random'])} more than random's"
            taus = [course.taus for course in courses]
            predicts = f"; tau by episode: {by_episode(taus)}" if taus[0] else ""
            print(
                f"{name:8} best so far better than {by_episode([course.places for course in courses])}"
                f"{'' if name == 'random' else gain}; the best of all found by {best:.0%}{predicts}",
                flush=True,
            )


if __name__ == "__main__":
    main()
