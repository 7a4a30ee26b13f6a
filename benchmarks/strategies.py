"""How well each strategy predicts and searches, on made rewards whose truth is known.

    python benchmarks/strategies.py config/paper.yaml [--seeds 10]

The reward surface is made up: quality grows with depth and widths and saturates, head counts and activations
add a little at random, latency grows with the operations, and each evaluation adds noise to the quality. Of
each strategy: Kendall's tau after an episode, between its predictions and the true rewards of what it has not
evaluated, the share of the space whose true reward is below that of the best candidate by measured reward,
and how much more that is than with random search on the same surface.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.one_search import Course, by_episode, mean_text, run_search
from kdnas.config.check import check_config
from kdnas.search.reward import Reward
from kdnas.search.space import Architecture, SearchSpace, encoder_parameters
from kdnas.search.strategies import STRATEGIES

NOISE = 0.012  # standard deviation of a quality: an accuracy on 1,600 held-out rows
SMALL_EFFECT = 0.004
RANKED = 400  # architectures that tau is computed on, at most


def surface(space: SearchSpace, generator: np.random.Generator) -> dict[Architecture, tuple[float, float]]:
    """Return the true quality and latency ratio of every architecture."""
    effects = {
        choice: generator.normal(0, SMALL_EFFECT)
        for name in ("activation", "attention_heads")
        for choice in space.choices[name]
    }
    architectures = space.enumerate()
    largest = max(architectures, key=encoder_parameters)
    truth = {}
    for item in architectures:
        quality = 0.80 + effects[item.activation] + effects[item.attention_heads]
        quality -= 0.12 * math.exp(-3.0 * item.layers / largest.layers)
        quality -= 0.10 * math.exp(-2.5 * item.hidden_size / largest.hidden_size)
        quality -= 0.05 * math.exp(-2.0 * item.ffn_size / largest.ffn_size)
        truth[item] = quality, 0.05 + 0.95 * encoder_parameters(item) / encoder_parameters(largest)
    return truth


def search(name: str, config: dict[str, Any], seed: int) -> Course:
    """Run one search on the seed's surface."""
    settings, reward = config["search"] | {"seed": seed}, Reward.from_config(config["reward"])
    space = SearchSpace(settings["space"])
    truth = surface(space, np.random.default_rng([seed, 1]))
    order = np.random.default_rng(0).permutation(len(truth))[:RANKED]
    noise = np.random.default_rng([seed, 2])

    def measure(architecture: Architecture) -> tuple[float, float]:
        quality, latency = truth[architecture]
        return quality + noise.normal(0, NOISE), latency

    true_rewards = {item: reward.of(*of) for item, of in truth.items()}
    ranked = [list(truth)[place] for place in order]
    return run_search(
        name,
        space,
        settings=settings,
        measure=measure,
        reward=reward,
        true_rewards=true_rewards,
        ranked=ranked,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path, help="whose search and reward are run")
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    config, seeds = check_config(yaml.safe_load(options.config.read_text(encoding="utf-8"))), options.seeds
    episodes, candidates = config["search"]["episodes"], config["search"]["candidates"]
    print(f"{episodes} episodes of {candidates} candidates, {seeds} seeds: means (standard error)")
    places = {}
    for name in ["random", *(name for name in STRATEGIES if name != "random")]:
        courses = [search(name, config, seed) for seed in range(1, seeds + 1)]
        places[name] = np.array([course.places[-1] for course in courses])
        # paired: a seed's surface is the same for every strategy
        gain = (
            ""
            if name == "random"
            else f", by {mean_text(places[name] - places['random'])} more than random's"
        )
        taus = [course.taus for course in courses]
        text = by_episode(taus) if taus[0] else "predicts nothing"
        print(
            f"{name:8} winner better than {mean_text(places[name])} of the space{gain}; "
            f"tau by episode: {text}",
            flush=True,
        )


if __name__ == "__main__":
    main()
