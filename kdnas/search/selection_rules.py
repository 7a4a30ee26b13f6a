"""How students are chosen from a search: the rules that the config's ``students`` section asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kdnas.search.strategies import AIMING

# what a budget may limit, and how its number is named: a share of the teacher's latency, millions, megabytes
BUDGETED = {"latency_ratio": (1, ""), "parameters": (1e6, "_million"), "size_mb": (1, "_mb")}


@dataclass(frozen=True)
class SelectionRule:
    """How a student is chosen from a search: ``best``, ``budget``, ``no_slower_than`` or ``no_worse_than``.

    ``bound`` is an item of ``students.budgets`` for ``budget``, the name of a hand-crafted student for the
    last two (``of_match``).
    """

    kind: str
    bound: dict[str, float] | str | None = None

    @property
    def of_match(self) -> bool:
        """Return whether the rule looks at a hand-crafted student."""
        return self.kind in ("no_slower_than", "no_worse_than")

    @property
    def name(self) -> str:
        """Return its name, as in ``best``, ``budget_0.5_8_million`` or ``no_slower_than_minilm_l3``."""
        if self.bound is None:
            return self.kind
        if isinstance(self.bound, str):
            return f"{self.kind}_{self.bound}"
        numbers = [
            f"{self.bound[name] / unit:g}{ending}"
            for name, (unit, ending) in BUDGETED.items()
            if name in self.bound
        ]
        return "_".join([self.kind, *numbers])

    def student(self, strategy: str) -> str:
        """Return the name of the student that the rule chooses from a strategy's search."""
        return f"{strategy}_{self.name}"


def budget_rule(budget: dict[str, float | None]) -> SelectionRule:
    """Return the rule of the best student within an item of ``students.budgets``."""
    return SelectionRule("budget", {name: float(most) for name, most in budget.items() if most is not None})


def no_slower_than(hand_crafted: str) -> SelectionRule:
    """Return the rule of the best student that is no slower than a hand-crafted one."""
    return SelectionRule("no_slower_than", hand_crafted)


def no_worse_than(hand_crafted: str) -> SelectionRule:
    """Return the rule of the fastest student that is no worse than a hand-crafted one."""
    return SelectionRule("no_worse_than", hand_crafted)


def selection_rules(students: dict[str, Any], strategy: str) -> list[SelectionRule]:
    """Return how students are chosen from a strategy's search; ``students`` is the config's section.

    A strategy that aims at the budgets has no ``best``: it does not look at the reward.
    """
    rules = [] if strategy in AIMING else [SelectionRule("best")]
    rules += [budget_rule(budget) for budget in students["budgets"]]
    for name in students["matched"]:
        rules += [no_slower_than(name), no_worse_than(name)]
    return rules
