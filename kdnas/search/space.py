"""Architectures and the space they are searched in."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kdnas.errors import UserError

DIMENSIONS = ("layers", "hidden_size", "attention_heads", "ffn_size", "activation")


@dataclass(frozen=True, order=True)
class Architecture:
    """The shape of a BERT-like encoder; hidden and FFN sizes in units of one activation."""

    layers: int
    hidden_size: int
    attention_heads: int
    ffn_size: int
    activation: str

    def __post_init__(self) -> None:
        if self.hidden_size % self.attention_heads:
            raise UserError(
                f"hidden_size {self.hidden_size} is not divisible by attention_heads {self.attention_heads}"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Architecture:
        """Build one from a mapping that holds the five dimensions; other keys are ignored."""
        return cls(
            layers=int(values["layers"]),
            hidden_size=int(values["hidden_size"]),
            attention_heads=int(values["attention_heads"]),
            ffn_size=int(values["ffn_size"]),
            activation=str(values["activation"]),
        )

    @classmethod
    def from_model_config(cls, config: Any) -> Architecture:
        """Read it off a transformers configuration of the BERT family."""
        return cls(
            layers=config.num_hidden_layers,
            hidden_size=config.hidden_size,
            attention_heads=config.num_attention_heads,
            ffn_size=config.intermediate_size,
            activation=config.hidden_act,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the five dimensions as a plain dictionary."""
        return asdict(self)

    @property
    def short_name(self) -> str:
        """The name that people see, as in ``4L-384H-12A-1536F-gelu``."""
        return (
            f"{self.layers}L-{self.hidden_size}H-{self.attention_heads}A-{self.ffn_size}F-{self.activation}"
        )


def encoder_parameters(architecture: Architecture) -> int:
    """Return the number of parameters of the transformer layers, without embeddings, pooler and head.

    A layer of hidden size H and FFN size F has four H x H projections and two H x F, with their biases,
    and two layer norms: 4 H (H + 1) + 2 H F + H + F + 4 H.
    """
    hidden, ffn = architecture.hidden_size, architecture.ffn_size
    return architecture.layers * (4 * hidden * (hidden + 1) + 2 * hidden * ffn + hidden + ffn + 4 * hidden)


class SearchSpace:
    """The product of the choices of every dimension, in a fixed order."""

    def __init__(self, choices: Mapping[str, Sequence[Any]]) -> None:
        self.choices: dict[str, tuple[Any, ...]] = {name: tuple(choices[name]) for name in DIMENSIONS}
        self._index = {
            name: {choice: position for position, choice in enumerate(values)}
            for name, values in self.choices.items()
        }

    def __len__(self) -> int:
        size = 1
        for values in self.choices.values():
            size *= len(values)
        return size

    def __contains__(self, architecture: Architecture) -> bool:
        return all(getattr(architecture, name) in self._index[name] for name in DIMENSIONS)

    def enumerate(self) -> list[Architecture]:
        """Return every architecture, the last dimension varying fastest."""
        return [Architecture(*values) for values in itertools.product(*self.choices.values())]

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """Return the position of each dimension's value among its choices; UserError if outside the space."""
        if architecture not in self:
            raise UserError(f"architecture {architecture.short_name} is not in search.space")
        return tuple(self._index[name][getattr(architecture, name)] for name in DIMENSIONS)
