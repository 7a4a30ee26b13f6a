"""Whether the sizes of students fit together, in the search space and in hand-crafted students."""

from __future__ import annotations

import itertools
from typing import Any

from kdnas.config.student_keys import choices, hand_crafted
from kdnas.errors import UserError


def check_shapes(config: dict[str, Any]) -> None:
    """Raise UserError for the first sizes that no student can have together."""
    _check_embedding_sizes(config)
    _check_heads(config["search"]["space"])
    _check_divisions(config)


def _check_embedding_sizes(config: dict[str, Any]) -> None:
    for path, student in hand_crafted(config):
        if (student["embedding_size"] or 0) > student["hidden_size"]:
            raise UserError(
                f"{path} ({student['name']}) has embedding_size {student['embedding_size']} and hidden_size "
                f"{student['hidden_size']}; allowed: an embedding size of at most the hidden size"
            )


def _check_divisions(config: dict[str, Any]) -> None:
    for path, student in hand_crafted(config):
        if student["hidden_size"] % student["attention_heads"]:
            raise UserError(
                f"{path} ({student['name']}) has hidden_size {student['hidden_size']} and attention_heads "
                f"{student['attention_heads']}; allowed: a hidden size divisible by the number of heads"
            )
    if config["distillation"]["losses"]["relations"] > 0:
        heads = config["distillation"]["relation_heads"]
        for path, hidden_size in choices(config, "hidden_size"):
            if hidden_size % heads:
                raise UserError(
                    f"{path} is {hidden_size} and distillation.relation_heads is {heads}; allowed with "
                    "distillation.losses.relations above 0: hidden sizes divisible by the relation heads"
                )


def _check_heads(space: dict[str, Any]) -> None:
    hidden_sizes, numbers, head_size = space["hidden_size"], space["attention_heads"], space["head_size"]
    if head_size is None:
        for hidden_size, heads in itertools.product(hidden_sizes, numbers):
            if hidden_size % heads:
                raise UserError(
                    f"search.space.hidden_size has {hidden_size} and search.space.attention_heads has "
                    f"{heads}; allowed without a search.space.head_size: hidden sizes divisible by every "
                    "number of attention heads"
                )
        return
    widths = [heads * head_size for heads in numbers]
    for position, hidden_size in enumerate(hidden_sizes):
        if hidden_size not in widths:
            raise UserError(
                f"search.space.hidden_size[{position}] is {hidden_size}; allowed with search.space.head_size "
                f"{head_size} and these search.space.attention_heads: {', '.join(map(str, widths))} (or set "
                "search.space.head_size to null)"
            )
    for position, width in enumerate(widths):
        if width not in hidden_sizes:
            raise UserError(
                f"search.space.attention_heads[{position}] is {numbers[position]}; allowed with "
                f"search.space.head_size {head_size}: a number of heads whose total width is in "
                f"search.space.hidden_size, which lacks {width}"
            )
