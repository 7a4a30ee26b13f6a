"""The plan of a configuration: its students, tables and figures, and every job of a run from nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kdnas.search.screening import screens
from kdnas.search.selection_rules import SelectionRule, selection_rules
from kdnas.search.space import SearchSpace

DEVICES = ("cpu", "gpu")  # students are timed on both, where there are both


@dataclass(frozen=True)
class Setting:
    """One way to train the fidelity study's architectures: a proxy of some epochs, or (None) in full."""

    initialisation: str
    proxy_epochs: int | None

    @property
    def name(self) -> str:
        """The name in paths and tables, as in ``proxy_teacher_4`` or ``full_random``."""
        if self.proxy_epochs is None:
            return f"full_{self.initialisation}"
        return f"proxy_{self.initialisation}_{self.proxy_epochs}"

    @classmethod
    def from_name(cls, name: str) -> Setting:
        """Return the setting of that name."""
        _, initialisation, *epochs = name.split("_")
        return cls(initialisation, int(epochs[0]) if epochs else None)

    @property
    def stage(self) -> str:
        """The section of the config's ``distillation`` that it trains with."""
        return "student" if self.proxy_epochs is None else "proxy"


def fidelity_settings(fidelity: dict[str, Any]) -> list[Setting]:
    """Return the settings of the config's ``fidelity`` section; none without architectures."""
    if not fidelity["architectures"]:
        return []
    return [
        Setting(initialisation, epochs)
        for initialisation in fidelity["initialisations"]
        for epochs in (*fidelity["proxy_epochs"], None)
    ]


def two_digits(number: int) -> str:
    """Return the number of an episode or a cohort as paths write it, such as ``03`` in ``episode_03``."""
    return f"{number:02d}"


def adopted_tasks(config: dict[str, Any]) -> list[str]:
    """Return the task whose teacher comes fine-tuned, where there is one."""
    return [task for task in config["data"]["tasks"] if task == config["teacher"]["finetuned_on"]]


def taught_tasks(config: dict[str, Any]) -> list[str]:
    """Return the tasks that the teacher is fine-tuned on here, in the order of the config."""
    return [task for task in config["data"]["tasks"] if task != config["teacher"]["finetuned_on"]]


def searched_students(config: dict[str, Any]) -> dict[str, tuple[str, SelectionRule]]:
    """Return the strategy and the rule of each student that is selected from a search, by its name.

    They are in the order of the config.
    """
    return {
        rule.student(strategy): (strategy, rule)
        for strategy in config["search"]["strategies"]
        for rule in selection_rules(config["students"], strategy)
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


def deploys(config: dict[str, Any]) -> bool:
    """Return whether models are exported for the runtimes of ``deployment.runtimes``."""
    return bool(config["deployment"]["runtimes"])


def times_deployed(config: dict[str, Any]) -> bool:
    """Return whether models are timed in these runtimes; a latency table replaces measuring."""
    return deploys(config) and config["latency"]["table"] is None


def table_names(config: dict[str, Any]) -> list[str]:
    """Return the tables of a run."""
    of_search = _of_search(config, "search", "front")
    deployment = ["deployment"] if deploys(config) else []
    return ["glue", "efficiency", *deployment, *of_search, *_fidelity(config), "cost", *_claims(config)]


def figure_names(config: dict[str, Any]) -> list[str]:
    """Return the figures of a run."""
    of_search = _of_search(config, "reward", "quality_latency", "dimensions", "prediction")
    return ["quality_speed", *of_search, *_fidelity(config), "glue"]


def _of_search(config: dict[str, Any], *names: str) -> list[str]:
    return list(names) if config["search"]["strategies"] else []


def _fidelity(config: dict[str, Any]) -> list[str]:
    return ["fidelity"] if config["fidelity"]["architectures"] else []


def _claims(config: dict[str, Any]) -> list[str]:
    return ["claims"] if config["claims"]["baseline"] else []


@dataclass(frozen=True)
class Job:
    """One job: its rule and the values of its wildcards."""

    rule: str
    wildcards: dict[str, Any]


def jobs(config: dict[str, Any]) -> Iterator[Job]:
    """Yield every job that a run of a checked configuration has from nothing, in the order of the method."""
    search, seeds, tasks = config["search"], config["seeds"], config["data"]["tasks"]
    strategies = search["strategies"]
    episodes = [two_digits(number) for number in range(1, search["episodes"] + 1)]
    cohorts = [two_digits(number) for number in range(1, search["cohorts"] + 1)]
    whole_space, matched = times_whole_space(config), config["students"]["matched"]
    for task in tasks:
        yield Job("fetch_task", {"task": task})
    if draws_from_space(config):
        yield Job("build_proxy", {})
    yield Job("fetch_teacher", {})
    for task in tasks:
        for seed in seeds:
            rule = "finetune_teacher"
            if task in adopted_tasks(config):
                rule = "adopt_teacher"
            elif (task, seed) == (search["task"], seeds[0]):
                rule = "finetune_search_teacher"
            yield Job(rule, {"task": task, "seed": seed})
    if whole_space:
        yield Job("profile_space", {})
    for strategy in strategies:
        for episode in episodes:
            of_episode = {"strategy": strategy, "episode": episode}
            yield Job("sample_candidates", of_episode)
            if not whole_space:
                yield Job("profile_latency", of_episode)
            if screens(search):
                for cohort in cohorts:
                    yield Job("screen_candidates", of_episode | {"cohort": cohort})
                yield Job("keep_candidates", of_episode)
            for cohort in cohorts:
                yield Job("distill_candidates", of_episode | {"cohort": cohort})
            yield Job("update_controller", of_episode)
    if fidelity_settings(config["fidelity"]):
        yield Job("sample_fidelity", {})
    for setting in fidelity_settings(config["fidelity"]):
        yield Job("evaluate_fidelity", {"setting": setting.name})
    if matched:
        yield Job("distill_hand_crafted", {})
        if not whole_space:
            yield Job("profile_hand_crafted", {})
    for student in searched_students(config):
        yield Job("select_student", {"student": student})
    for student in hand_crafted_students(config):
        yield Job("hand_craft_student", {"student": student})
    for student in student_names(config):
        for seed in seeds:
            yield Job("distill_student", {"student": student, "task": search["task"], "seed": seed})
            for task in tasks:
                if task != search["task"]:
                    yield Job("distill_glue", {"student": student, "task": task, "seed": seed})
    for device in DEVICES:
        yield Job("profile_students", {"device": device})
    if deploys(config):
        for task in tasks:
            for seed in seeds:
                yield Job("export_models", {"task": task, "seed": seed})
    if times_deployed(config):
        yield Job("profile_deployment", {})
    for name in table_names(config):
        yield Job(f"table_{name}", {})
    for name in figure_names(config):
        yield Job(f"figure_{name}", {})
    yield Job("write_overview", {})
    yield Job("record_run", {})
