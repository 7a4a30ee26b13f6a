"""Search strategies: one protocol, one registry; docs/extending.md tells how to add one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kdnas.search.space import SearchSpace
from kdnas.search.strategies.protocol import Proposal, Strategy


# imported where they are used: only the LSTM needs torch, which takes seconds
def _linear() -> type[Strategy]:
    from kdnas.search.strategies.linear import LinearStrategy

    return LinearStrategy


def _lstm() -> type[Strategy]:
    from kdnas.search.strategies.lstm import LSTMStrategy

    return LSTMStrategy


def _random() -> type[Strategy]:
    from kdnas.search.strategies.random import RandomStrategy

    return RandomStrategy


STRATEGIES: dict[str, Callable[[], type[Strategy]]] = {"linear": _linear, "lstm": _lstm, "random": _random}


def make_strategy(name: str, space: SearchSpace, search: dict[str, Any]) -> Strategy:
    """Build the strategy ``name`` for ``space`` from the config's ``search`` section."""
    return STRATEGIES[name]()(space, search)


__all__ = ["STRATEGIES", "Proposal", "Strategy", "make_strategy"]
