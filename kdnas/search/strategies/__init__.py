"""Search strategies: one protocol, one registry; docs/extending.md tells how to add one."""

from __future__ import annotations

from pkgutil import resolve_name

from kdnas.search.space import SearchSpace
from kdnas.search.strategies.protocol import Proposal, SearchSettings, Strategy

# by the name in search.strategies; as text, because only some need torch, which takes seconds to import
STRATEGIES = {
    "lstm": "kdnas.search.strategies.lstm:LSTMStrategy",
    "linear": "kdnas.search.strategies.linear:LinearStrategy",
    "random": "kdnas.search.strategies.random:RandomStrategy",
    "evolution": "kdnas.search.strategies.evolution:EvolutionStrategy",
    "local": "kdnas.search.strategies.local:LocalStrategy",
    "tpe": "kdnas.search.strategies.tpe:TPEStrategy",
    "gp": "kdnas.search.strategies.gp:GPStrategy",
    "constrained": "kdnas.search.strategies.constrained:ConstrainedStrategy",
    "nsga2": "kdnas.search.strategies.nsga2:NSGA2Strategy",
}
AIMING = ("constrained",)  # at students.budgets


def make_strategy(name: str, space: SearchSpace, search: SearchSettings) -> Strategy:
    """Build the strategy ``name`` for ``space``."""
    return resolve_name(STRATEGIES[name])(space, search)


__all__ = ["AIMING", "STRATEGIES", "Proposal", "SearchSettings", "Strategy", "make_strategy"]
