"""The keys of a configuration that say what students may be."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from kdnas.plan import draws_from_space


def hand_crafted(config: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the key and value of every hand-crafted student."""
    for position, student in enumerate(config["students"]["hand_crafted"]):
        yield f"students.hand_crafted[{position}]", student


def widths_and_heads(config: dict[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Yield the key, the hidden size and the attention heads of every pair that a student may have."""
    space = config["search"]["space"]
    if draws_from_space(config):
        for hidden_size, heads in product(space["hidden_size"], space["attention_heads"]):
            if space["head_size"] in (None, hidden_size / heads):
                yield "search.space", hidden_size, heads
    for path, student in hand_crafted(config):
        yield path, student["hidden_size"], student["attention_heads"]


def choices(config: dict[str, Any], dimension: str) -> Iterator[tuple[str, Any]]:
    """Yield the key and value of every choice that a student may have in one dimension, but null."""
    if draws_from_space(config):
        for position, choice in enumerate(config["search"]["space"][dimension] or ()):
            yield f"search.space.{dimension}[{position}]", choice
    for path, student in hand_crafted(config):
        if student[dimension] is not None:
            yield f"{path}.{dimension}", student[dimension]
