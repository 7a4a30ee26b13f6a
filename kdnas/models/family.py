"""Which models of transformers can be taught and narrowed here."""

from __future__ import annotations

from typing import Any

from kdnas.errors import UserError
from kdnas.sentences import shown

FAMILY = ("bert", "camembert", "electra", "roberta", "xlm-roberta")
ROBERTA_FAMILY = ("camembert", "roberta", "xlm-roberta")  # they number a text's positions from the pad's id


def check_family(model_type: Any, described: str) -> None:
    """Raise UserError unless ``model_type`` names a model of the BERT family."""
    if model_type not in FAMILY:
        raise UserError(
            f"{described} has model_type {shown(model_type)}; allowed: one of the BERT family, "
            f"{', '.join(FAMILY)}"
        )


def unused_positions(model_type: str, pad_token_id: int) -> int:
    """Return how many rows of a model's position table, the first ones, hold no token of a text."""
    return pad_token_id + 1 if model_type in ROBERTA_FAMILY else 0
