"""Names that the config decides: of tasks, students, tables and figures, and numbers in paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kdnas.search.space import SearchSpace


def two_digits(number: int) -> str:
    """Return the number of an episode or a cohort as paths have it, as in ``03`` of ``episode_03``."""
    return f"{number:02d}"


def adopted_tasks(config: dict[str, Any]) -> list[str]:
    """Return the task whose teacher comes fine-tuned, where there is one."""
    return [task for task in config["data"]["tasks"] if task == config["teacher"]["finetuned_on"]]


def taught_tasks(config: dict[str, Any]) -> list[str]:
    """Return the tasks that the teacher is fine-tuned on here, in the order of the config."""
    return [task for task in config["data"]["tasks"] if task != config["teacher"]["finetuned_on"]]


@dataclass(frozen=True)
class SelectionRule:
    """How a student is chosen from a search: ``best``, ``budget``, ``no_slower_than`` or ``no_worse_than``.

    ``bound`` is the share of the teacher's latency for ``budget``, the name of a hand-crafted student for the
    last two (``of_match``).
    """

    kind: str
    bound: float | str | None = None

    @property
    def of_match(self) -> bool:
        """Return whether the rule looks at a hand-crafted student."""
        return self.kind in ("no_slower_than", "no_worse_than")

    @property
    def name(self) -> str:
        """Return the rule's name, as in ``best``, ``budget_0.5`` or ``no_slower_than_minilm_l3``."""
        if self.bound is None:
            return self.kind
        return f"{self.kind}_{self.bound}" if isinstance(self.bound, str) else f"{self.kind}_{self.bound:g}"

    def student(self, strategy: str) -> str:
        """Return the name of the student that the rule chooses from a strategy's search."""
        return f"{strategy}_{self.name}"


def no_slower_than(hand_crafted: str) -> SelectionRule:
    """Return the rule of the best student that is no slower than a hand-crafted one."""
    return SelectionRule("no_slower_than", hand_crafted)


def no_worse_than(hand_crafted: str) -> SelectionRule:
    """Return the rule of the fastest student that is no worse than a hand-crafted one."""
    return SelectionRule("no_worse_than", hand_crafted)


def selection_rules(students: dict[str, Any]) -> list[SelectionRule]:
    """Return how students are chosen from each search; ``students`` is the config's section."""
    rules = [SelectionRule("best")]
    rules += [SelectionRule("budget", share) for share in students["latency_budgets"]]
    for name in students["matched"]:
        rules += [no_slower_than(name), no_worse_than(name)]
    return rules


def searched_students(config: dict[str, Any]) -> dict[str, tuple[str, SelectionRule]]:
    """Return the strategy and the rule of each student that is selected from a search, by its name.

    They are in the order of the config.
    """
    return {
        rule.student(strategy): (strategy, rule)
        for strategy in config["search"]["strategies"]
        for rule in selection_rules(config["students"])
    }


def hand_crafted_students(config: dict[str, Any]) -> list[str]:
    """Return the names of the hand-crafted students, in the order of the config."""
    return [student["name"] for student in config["students"]["hand_crafted"]]


def student_names(config: dict[str, Any]) -> list[str]:
    """Return the names of all students, searched ones first."""
    return [*searched_students(config), *hand_crafted_students(config)]


def draws_from_space(config: dict[str, Any]) -> bool:
    """Return whether architectures of ``search.space`` are distilled, by a search or the fidelity study."""
    return bool(config["search"]["strategies"] or config["fidelity"]["architectures"])


def times_whole_space(config: dict[str, Any]) -> bool:
    """Return whether all of the search space is timed in one job, before the search."""
    latency, search = config["latency"], config["search"]
    if latency["table"] is not None or not search["strategies"]:
        return False
    return len(SearchSpace(search["space"])) <= latency["whole_space"]


def table_names(config: dict[str, Any]) -> list[str]:
    """Return the tables of a run."""
    of_search = _of_search(config, "search", "front")
    return ["glue", "efficiency", *of_search, *_fidelity(config), "cost", *_claims(config)]


def figure_names(config: dict[str, Any]) -> list[str]:
    """Return the figures of a run."""
    of_search = _of_search(config, "reward", "quality_latency", "dimensions", "prediction")
    return [*of_search, *_fidelity(config), "glue"]


def _of_search(config: dict[str, Any], *names: str) -> list[str]:
    return list(names) if config["search"]["strategies"] else []


def _fidelity(config: dict[str, Any]) -> list[str]:
    return ["fidelity"] if config["fidelity"]["architectures"] else []


def _claims(config: dict[str, Any]) -> list[str]:
    return ["claims"] if config["claims"]["baseline"] else []
