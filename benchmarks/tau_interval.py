"""How often the bootstrap interval of the table ``fidelity`` holds the true Kendall's tau.

    python benchmarks/tau_interval.py [--repeats 300]

Pairs are drawn from a bivariate normal distribution, whose tau is 2 / pi * arcsin(correlation).
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kdnas.analysis.ranking import tau_interval  # noqa: E402

PAIRS = (5, 10, 20)
TAUS = (0.0, 0.3, 0.6, 0.8, 0.9)


def row(pairs: int, tau: float, repeats: int) -> str:
    """Return a Markdown row: how often the interval held the truth, in percent, and its mean width."""
    generator = np.random.default_rng([pairs, round(10 * tau)])
    correlation = math.sin(math.pi * tau / 2)
    held, widths = 0, []
    for _ in range(repeats):
        x, noise = generator.normal(size=(2, pairs))
        y = correlation * x + math.sqrt(1 - correlation**2) * noise
        low, high, _ = tau_interval(x, y)
        held += low <= tau <= high
        widths.append(high - low)
    return f"| {pairs} | {tau} | {100 * held / repeats:.1f} | {np.mean(widths):.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=300)
    repeats = parser.parse_args().repeats
    print("| architectures | true τ | interval holds it (%) | mean width |")
    print("|---:|---:|---:|---:|")
    for pairs in PAIRS:
        for tau in TAUS:
            print(row(pairs, tau, repeats), flush=True)


if __name__ == "__main__":
    main()
