"""The keys of a configuration that say what students may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kdnas.plan import draws_from_space


def hand_crafted(config: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the key and value of every hand-crafted student."""
    for position, student in enumerate(config["students"]["hand_crafted"]):
        yield f"students.hand_crafted[{position}]", student


def choices(config: dict[str, Any], dimension: str) -> Iterator[tuple[str, Any]]:
    """Yield the key and value of every choice that a student may have in one dimension, but null."""
    if draws_from_space(config):
        for position, choice in enumerate(config["search"]["space"][dimension] or ()):
            yield f"search.space.{dimension}[{position}]", choice
    for path, student in hand_crafted(config):
        if student[dimension] is not None:
            yield f"{path}.{dimension}", student[dimension]
