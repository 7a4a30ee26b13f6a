"""Architectures and the space they are searched in."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kdnas.errors import UserError

DIMENSIONS = ("layers", "hidden_size", "attention_heads", "ffn_size", "activation", "embedding_size")


@dataclass(frozen=True, order=True)
class Architecture:
    """The shape of a BERT-like encoder; hidden, FFN and embedding sizes in units of one activation.

    ``embedding_size`` is the width of the embedding tables: the hidden size, which 0 stands for, or less,
    with a projection behind them (factorised embeddings: Lan et al. 2020, ALBERT, arXiv 1909.11942, section
    3.1). Raises UserError for a hidden size that the heads do not divide, and for wider embeddings than it.
    """

    layers: int
    hidden_size: int
    attention_heads: int
    ffn_size: int
    activation: str
    embedding_size: int = 0

    def __post_init__(self) -> None:
        if not self.embedding_size:
            object.__setattr__(self, "embedding_size", self.hidden_size)
        if self.hidden_size % self.attention_heads:
            raise UserError(
                f"hidden_size {self.hidden_size} is not divisible by attention_heads {self.attention_heads}"
            )
        if self.embedding_size > self.hidden_size:
            raise UserError(
                f"embedding_size {self.embedding_size} is larger than hidden_size {self.hidden_size}"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Architecture:
        """Build one from a mapping that holds the dimensions; other keys are ignored.

        Without ``embedding_size`` it is the hidden size.
        """
        return cls(
            layers=int(values["layers"]),
            hidden_size=int(values["hidden_size"]),
            attention_heads=int(values["attention_heads"]),
            ffn_size=int(values["ffn_size"]),
            activation=str(values["activation"]),
            embedding_size=int(values.get("embedding_size") or 0),
        )

    @property
    def factorised(self) -> bool:
        """Whether the embeddings are narrower than the hidden size."""
        return self.embedding_size < self.hidden_size

    def to_dict(self) -> dict[str, Any]:
        """Return the dimensions as a plain dictionary; ``embedding_size`` only for factorised embeddings.

        So the store finds architectures without them under the keys of earlier versions too.
        """
        values = asdict(self)
        if not self.factorised:
            del values["embedding_size"]
        return values

    @property
    def short_name(self) -> str:
        """The name that people see, as in ``4L-384H-12A-1536F-gelu`` or ``3L-384H-12A-96F-192E-gelu``."""
        sizes = f"{self.layers}L-{self.hidden_size}H-{self.attention_heads}A-{self.ffn_size}F"
        embeddings = f"-{self.embedding_size}E" if self.factorised else ""
        return f"{sizes}{embeddings}-{self.activation}"


def encoder_parameters(architecture: Architecture, *, gated: bool = False) -> int:
    """Return the number of parameters of the transformer layers, without embeddings, pooler and head.

    A layer of hidden size H and FFN size F has four H x H projections and two H x F, with their biases,
    and two layer norms: 4 H (H + 1) + 2 H F + H + F + 4 H. A ``gated`` FFN has a third H x F, and its layer
    no biases (ModernBERT): 4 H H + 3 H F + 2 H, with the final norm for the one that the first layer lacks.
    """
    hidden, ffn = architecture.hidden_size, architecture.ffn_size
    if gated:
        return architecture.layers * (4 * hidden * hidden + 3 * hidden * ffn + 2 * hidden)
    return architecture.layers * (4 * hidden * (hidden + 1) + 2 * hidden * ffn + hidden + ffn + 4 * hidden)


class SearchSpace:
    """The product of the choices of every dimension, in a fixed order.

    Without choices of ``embedding_size`` (no key, or None) it is the hidden size. A choice above an
    architecture's hidden size stands for that size, and counts once. With a ``head_size`` only architectures
    whose heads have that width are in the space. ``choices`` are those of every dimension, ``axes`` of those
    that vary by themselves.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.choices: dict[str, tuple[Any, ...]] = {
            name: tuple(values[name]) for name in DIMENSIONS if values.get(name) is not None
        }
        self.head_size: int | None = values.get("head_size")
        # of the dimensions that vary by themselves: with a head size, heads follow from the width
        self.axes = {
            name: values
            for name, values in self.choices.items()
            if name != "attention_heads" or self.head_size is None
        }
        # a strategy asks for them of every architecture
        self._positions = {
            name: {value: position for position, value in enumerate(values)}
            for name, values in self.choices.items()
        }
        self._sizes = {size: self._embedding_sizes(size) for size in self.choices["hidden_size"]}

    def __len__(self) -> int:
        others = math.prod(len(self.choices[name]) for name in ("layers", "ffn_size", "activation"))
        widths = itertools.product(self.choices["hidden_size"], self.choices["attention_heads"])
        return others * sum(len(self._sizes[size]) for size, heads in widths if self._fits(size, heads))

    def __contains__(self, architecture: Architecture) -> bool:
        return (
            self._fits(architecture.hidden_size, architecture.attention_heads)
            and architecture.embedding_size in self._sizes.get(architecture.hidden_size, ())
            and all(
                getattr(architecture, name) in positions
                for name, positions in self._positions.items()
                if name != "embedding_size"
            )
        )

    def _fits(self, hidden_size: int, attention_heads: int) -> bool:
        return self.head_size is None or hidden_size == attention_heads * self.head_size

    def _embedding_sizes(self, hidden_size: int) -> dict[int, int]:
        """Return the embedding sizes that go with a hidden size, and the position of the choice for each."""
        sizes: dict[int, int] = {}
        for position, choice in enumerate(self.choices.get("embedding_size", (hidden_size,))):
            sizes.setdefault(min(choice, hidden_size), position)
        return sizes

    def enumerate(self) -> list[Architecture]:
        """Return every architecture, the last dimension varying fastest."""
        rest = [values for name, values in self.choices.items() if name != "embedding_size"]
        return [
            Architecture(layers, hidden_size, heads, ffn_size, activation, embedding_size)
            for layers, hidden_size, heads, ffn_size, activation in itertools.product(*rest)
            if self._fits(hidden_size, heads)
            for embedding_size in self._sizes[hidden_size]
        ]

    def at(self, values: Mapping[str, Any]) -> Architecture | None:
        """Return the architecture of one choice for each of ``axes``; None if it is not in the space."""
        hidden_size = values["hidden_size"]
        heads = values["attention_heads"] if self.head_size is None else hidden_size // self.head_size
        if heads not in self._positions["attention_heads"] or not self._fits(hidden_size, heads):
            return None
        embedding_size = min(values.get("embedding_size", hidden_size), hidden_size)
        return Architecture(
            values["layers"],
            hidden_size,
            heads,
            values["ffn_size"],
            values["activation"],
            embedding_size,
        )

    def values_of(self, architecture: Architecture) -> dict[str, Any]:
        """Return the choices of ``axes`` that give an architecture of the space."""
        positions = zip(self.choices.items(), self.encode(architecture), strict=True)
        return {name: values[position] for (name, values), position in positions if name in self.axes}

    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        """Return the architectures of the space that differ from one of it by another choice on one axis."""
        own = self.values_of(architecture)
        changed = (self.at(own | {name: value}) for name, values in self.axes.items() for value in values)
        return [item for item in dict.fromkeys(changed) if item not in (None, architecture)]

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """Return the position of each dimension's value among its choices; UserError if outside the space."""
        if architecture not in self:
            raise UserError(f"architecture {architecture.short_name} is not in search.space")
        sizes = self._sizes[architecture.hidden_size]
        return tuple(
            sizes[architecture.embedding_size]
            if name == "embedding_size"
            else positions[getattr(architecture, name)]
            for name, positions in self._positions.items()
        )
