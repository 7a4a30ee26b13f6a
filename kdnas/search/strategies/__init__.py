"""Search strategies: one protocol, one registry; docs/extending.md tells how to add one."""

from __future__ import annotations

from typing import Any

from kdnas.search.space import SearchSpace
from kdnas.search.strategies.linear import LinearStrategy
from kdnas.search.strategies.lstm import LSTMStrategy
from kdnas.search.strategies.protocol import Proposal, Strategy
from kdnas.search.strategies.random import RandomStrategy

STRATEGIES: dict[str, type[Strategy]] = {
    "linear": LinearStrategy,
    "lstm": LSTMStrategy,
    "random": RandomStrategy,
}


def make_strategy(name: str, space: SearchSpace, search: dict[str, Any]) -> Strategy:
    """Build the strategy ``name`` for ``space`` from the config's ``search`` section."""
    return STRATEGIES[name](space, search)


__all__ = ["STRATEGIES", "Proposal", "Strategy", "make_strategy"]
