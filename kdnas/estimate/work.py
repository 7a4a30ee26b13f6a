"""The load of every heavy job of a run, from the config alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kdnas.analysis.fidelity import recipe
from kdnas.data.rows import proxy_rows
from kdnas.data.settings import tasks_with_answers
from kdnas.data.tasks import task_definitions, tasks_by_name
from kdnas.estimate import loads
from kdnas.estimate.loads import Inputs, Load, Losses, Sizes, Student
from kdnas.estimate.shapes import Embeddings, forward_flops
from kdnas.estimate.sizes import TaskSize, with_some_classes
from kdnas.latency.protocol import Protocol
from kdnas.losses.base import HIDDEN_STATES
from kdnas.losses.objective import chosen, reads_of_teacher
from kdnas.plan import Job, Setting, jobs, searched_students
from kdnas.search.screening import proposed
from kdnas.search.space import Architecture, SearchSpace
from kdnas.training.recipe import Stage


@dataclass(frozen=True)
class HeavyJob:
    """A job that trains, scores or times networks."""

    rule: str
    load: Load


class Workload:
    """All heavy jobs of a checked configuration, for a teacher's shape and the sizes of the tasks."""

    def __init__(
        self,
        config: dict[str, Any],
        *,
        teacher: Architecture,
        embeddings: Embeddings,
        sizes: Mapping[str, TaskSize],
    ) -> None:
        self.config = config
        self.teacher = teacher
        self.embeddings = embeddings
        self.sizes = sizes
        tasks = tasks_by_name(task_definitions(config["data"]).values())
        self.tasks = {name: with_some_classes(task) for name, task in tasks.items()}
        self.any_student = Student(SearchSpace(config["search"]["space"]).enumerate())
        self.losses = losses_of(config["distillation"]["losses"], teacher)
        self._known: dict[Any, Load] = {}  # of jobs that differ in seed or episode alone
        self._by_rule: dict[str, Callable[..., Load]] = {
            "finetune_search_teacher": self._finetune_teacher,
            "finetune_teacher": self._finetune_teacher,
            "adopt_teacher": self._adopt_teacher,
            "screen_candidates": self._screen_candidates,
            "distill_candidates": self._distill_candidates,
            "distill_hand_crafted": self._distill_hand_crafted,
            "evaluate_fidelity": self._evaluate_fidelity,
            "distill_student": self._distill_student,
            "distill_glue": self._distill_glue,
            "profile_space": self._profile_space,
            "profile_latency": self._profile_latency,
            "profile_hand_crafted": self._profile_hand_crafted,
            "profile_students": self._profile_students,
            "export_models": self._export_models,
            "profile_deployment": self._profile_deployment,
        }

    def jobs(self) -> list[HeavyJob]:
        """Return the jobs that train or time networks, in the order of the plan."""
        return [
            HeavyJob(job.rule, self.load_of(job)) for job in jobs(self.config) if job.rule in self._by_rule
        ]

    def load_of(self, job: Job) -> Load:
        """Return the load of a job that trains or times networks."""
        alike = tuple(job.wildcards.get(name) for name in ("task", "setting", "device"))
        student = job.wildcards.get("student")
        key = job.rule, alike, student if student in self._hand_crafted() else None
        if key not in self._known:
            self._known[key] = self._by_rule[job.rule](**job.wildcards)
        return self._known[key]

    def typical_student(self, tokens: float) -> Architecture:
        """Return the shape of the space nearest to its mean, for inputs of ``tokens`` tokens.

        Layers count before operations, because the time of small passes on a GPU depends on layers.
        """
        layers = self.any_student.mean(lambda shape: shape.layers)
        mean = self.any_student.mean(lambda shape: forward_flops(shape, tokens))
        return min(
            self.any_student.shapes,
            key=lambda shape: (
                abs(shape.layers - layers),
                abs(forward_flops(shape, tokens) - mean),
                shape,
            ),
        )

    def _finetune_teacher(self, task: str, seed: int) -> Load:
        given = task in tasks_with_answers(self.config["data"])
        inputs = self._of_task(task, unlabelled=given)
        stage = self._stage(self.config["teacher"]["training"])
        answered = 0 if given else _answered(self.sizes[task])
        return loads.finetuning(self._sizes(task), inputs, stage, answered=answered)

    def _adopt_teacher(self, task: str, seed: int) -> Load:
        return loads.predicting(self._sizes(task), self._of_task(task), answered=_answered(self.sizes[task]))

    def _screen_candidates(self, strategy: str, episode: str, cohort: str) -> Load:
        search, proxy = self.config["search"], self.config["distillation"]["proxy"]
        untrained = self._stage(proxy | {"epochs": 0, "min_steps": 0})
        return self._on_proxy(self.any_student, search["screened"] / search["cohorts"], untrained)

    def _distill_candidates(self, strategy: str, episode: str, cohort: str) -> Load:
        search = self.config["search"]
        return self._on_proxy(self.any_student, search["candidates"] / search["cohorts"])

    def _distill_hand_crafted(self) -> Load:
        shapes = list(self._matched().values())
        return self._on_proxy(Student(shapes), len(shapes))

    def _evaluate_fidelity(self, setting: str) -> Load:
        of_setting, count = Setting.from_name(setting), self.config["fidelity"]["architectures"]
        changed = recipe(self.config["distillation"], of_setting)
        stage = self._stage(changed[of_setting.stage])
        if of_setting.proxy_epochs is not None:
            return self._on_proxy(self.any_student, count, stage, of_setting.initialisation)
        task = self.config["search"]["task"]
        inputs = self._of_task(task, unlabelled=True)
        first_split = inputs.scored // len(self.tasks[task].evaluation_splits)
        return loads.distillation(
            self._sizes(task),
            self.any_student,
            replace(inputs, scored=first_split),
            stage=stage,
            losses=self.losses,
            count=count,
            judged=True,
            answered=False,
            refit_rows=self._refit_rows(of_setting.initialisation),
        )

    def _on_proxy(
        self, student: Student, count: float, stage: Stage | None = None, initialisation: str | None = None
    ) -> Load:
        task = self.config["search"]["task"]
        size, share = self.sizes[task], self.config["search"]["proxy"]["share"]
        return loads.distillation(
            self._sizes(task),
            student,
            replace(self._of_task(task), train=proxy_rows(size.train_rows, share), scored=size.heldout_rows),
            stage=stage or self._stage(self.config["distillation"]["proxy"]),
            losses=self.losses,
            count=count,
            judged=True,
            refit_rows=self._refit_rows(initialisation),
        )

    def _refit_rows(self, initialisation: str | None = None) -> int:
        """Return the rows of a refit; ``initialisation`` is the config's where it is None."""
        distillation = self.config["distillation"]
        refitted = (initialisation or distillation["initialisation"]) == "refit"
        return distillation["refit_rows"] if refitted else 0

    def _distill_student(self, student: str, task: str, seed: int) -> Load:
        return self._distill(student, task, "student", refit_rows=self._refit_rows())

    def _distill_glue(self, student: str, task: str, seed: int) -> Load:
        started = task in self.config["distillation"]["start_from_search_task"]
        return self._distill(student, task, "glue", refit_rows=0 if started else self._refit_rows())

    def _distill(self, student: str, task: str, stage: str, *, refit_rows: int) -> Load:
        return loads.distillation(
            self._sizes(task),
            self._student(student),
            self._of_task(task, unlabelled=True),
            stage=self._stage(self.config["distillation"][stage]),
            losses=self.losses,
            refit_rows=refit_rows,
        )

    def _profile_space(self) -> Load:
        return self._timed([*self.any_student.shapes, *self._matched().values()])

    def _profile_latency(self, strategy: str, episode: str) -> Load:
        return self._timed([self.any_student] * proposed(self.config["search"]))

    def _profile_hand_crafted(self) -> Load:
        return self._timed(list(self._matched().values()))

    def _profile_students(self, device: str) -> Load:
        return self._timed(self._final_students(), device)

    def _export_models(self, task: str, seed: int) -> Load:
        return loads.exporting(
            self._sizes(task),
            self._final_students(),
            replace(self._of_task(task), train=0),
            runtimes=self.config["deployment"]["runtimes"],
            longest=self.config["latency"]["sequence_length"],
            copied=self.config["deployment"]["vocabulary"] == "used",
        )

    def _profile_deployment(self) -> Load:
        sizes, runtimes = Sizes(self.teacher, self.embeddings), self.config["deployment"]["runtimes"]
        protocol = Protocol.from_config(self.config["latency"], "cpu")
        return loads.timing_deployed(sizes, self._final_students(), protocol, runtimes=runtimes)

    def _final_students(self) -> list[Student]:
        return [self._student(name) for name in (*searched_students(self.config), *self._hand_crafted())]

    def _timed(self, students: Sequence[Student | Architecture], device: str | None = None) -> Load:
        if self.config["latency"]["table"] is not None:
            return Load()
        known = [item if isinstance(item, Student) else Student([item]) for item in students]
        protocol = Protocol.from_config(self.config["latency"], device or self.config["reward"]["device"])
        return loads.timing(Sizes(self.teacher, self.embeddings), known, protocol)

    def _student(self, name: str) -> Student:
        """Return a final student: a searched one may be any of the space, a hand-crafted one is known."""
        hand_crafted = self._hand_crafted()
        return Student([hand_crafted[name]]) if name in hand_crafted else self.any_student

    def _hand_crafted(self) -> dict[str, Architecture]:
        entries = self.config["students"]["hand_crafted"]
        return {entry["name"]: Architecture.from_dict(entry) for entry in entries}

    def _matched(self) -> dict[str, Architecture]:
        matched = self.config["students"]["matched"]
        return {name: shape for name, shape in self._hand_crafted().items() if name in matched}

    def _sizes(self, task: str) -> Sizes:
        return Sizes(self.teacher, self.embeddings, self.tasks[task].num_labels)

    def _of_task(self, task: str, unlabelled: bool = False) -> Inputs:
        size = self.sizes[task]
        rows = size.train_rows + (size.unlabelled_rows if unlabelled else 0)
        longest = self.config["teacher"]["max_length"]
        return Inputs(rows, size.evaluation_rows, tokens=size.tokens, longest=longest)

    def _stage(self, settings: dict[str, Any]) -> Stage:
        return Stage.from_config(settings, self.config["training"]["max_gradient_norm"])


def losses_of(weights: Mapping[str, float], teacher: Architecture) -> Losses:
    """Return the cost of the losses of nonzero weight beside ``teacher``, which their classes know."""
    classes, reads = list(chosen(weights).values()), reads_of_teacher(weights)
    return Losses(
        ask_teacher=reads is not None,
        logits_suffice=not reads,
        all_tokens=HIDDEN_STATES in (reads or ()),
        flops=lambda shape: sum(loss.flops(shape, teacher) for loss in classes),
        states=lambda shape: sum(loss.kept_states(shape, teacher) for loss in classes),
    )


def _answered(size: TaskSize) -> int:
    """Return the number of rows that need the teacher's logits: to learn from or to be measured on."""
    return size.train_rows + size.heldout_rows + size.unlabelled_rows
