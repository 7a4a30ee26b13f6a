"""From a task's drawing function to its splits: labels in fixed shares, and no text twice."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from kdnas.errors import UserError
from synthetic_glue.lexicon import Domain

# So many draws in vain in a row mean that the generator has no more distinct texts.
_PATIENCE = 3000

Label = Any  # a class code (int), or a score (float)


@dataclass(frozen=True)
class Task:
    """A GLUE task that can be generated.

    ``draw(rng, domain, label)`` returns the texts of one row, in the order of ``columns``; ``shares`` gives
    each label's share of a split; ``domains`` the domains of each validation split. The training set is
    made of the first split's domains.
    """

    columns: tuple[str, ...]
    shares: Mapping[Label, float]
    draw: Callable[[random.Random, Domain, Label], tuple[str, ...]]
    domains: Mapping[str, tuple[Domain, ...]]


def _labels(rng: random.Random, shares: Mapping[Label, float], rows: int) -> list[Label]:
    """Return ``rows`` labels in the given shares (largest remainders first), shuffled."""
    total = sum(shares.values())
    exact = {label: rows * share / total for label, share in shares.items()}
    counts = {label: int(value) for label, value in exact.items()}
    by_remainder = sorted(exact, key=lambda label: (counts[label] - exact[label], label))
    for label in by_remainder[: rows - sum(counts.values())]:
        counts[label] += 1
    labels = [label for label in sorted(counts) for _ in range(counts[label])]
    rng.shuffle(labels)
    return labels


def make_splits(
    name: str, task: Task, seed: int, train_rows: int, validation_rows: int
) -> dict[str, pd.DataFrame]:
    """Draw every split of ``task``; no sentence of a split stands in another, no row stands twice.

    Raises UserError when the generator runs out of texts.
    """
    rng = random.Random(f"{name}/{seed}")
    owner: dict[str, str] = {}
    rows_seen: set[tuple[str, ...]] = set()
    frames = {}
    # Validation comes first: its texts then do not depend on the size of the training set.
    plan = [(split, validation_rows, domains) for split, domains in task.domains.items()]
    plan.append(("train", train_rows, plan[0][2]))
    for split, size, domains in plan:
        rows: list[tuple[Any, ...]] = []
        for label in _labels(rng, task.shares, size):
            for _ in range(_PATIENCE):
                texts = task.draw(rng, rng.choice(domains), label)
                fresh = all(owner.get(text, split) == split for text in texts)
                if fresh and texts not in rows_seen and len(set(texts)) == len(texts):
                    break
            else:
                raise UserError(
                    f"data.synthetic asks for {size} rows in split {split} of task {name}, but only about "
                    f"{len(rows)} distinct ones can be generated there: ask for fewer"
                )
            rows_seen.add(texts)
            owner.update(dict.fromkeys(texts, split))
            rows.append((*texts, label))
        frame = pd.DataFrame(rows, columns=[*task.columns, "label"])
        frame["idx"] = range(size)
        frames[split] = frame
    return {split: frames[split] for split in ("train", *task.domains)}
