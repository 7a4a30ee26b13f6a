"""What every heavy job computes, keeps in memory and leaves on the disk, from the config alone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil
from statistics import fmean
from typing import Any

from kdnas.analysis.fidelity import Setting, recipe, settings
from kdnas.data.rows import proxy_rows
from kdnas.data.tasks import task_definitions, tasks_by_name
from kdnas.estimate.shapes import (
    BYTES,
    Embeddings,
    activation_bytes,
    distillation_bytes,
    forward_flops,
    maps_flops,
    parameters,
    timing_bytes,
    training_bytes,
    training_flops,
)
from kdnas.estimate.sizes import TaskSize
from kdnas.names import adopted_tasks, selection_rules, taught_tasks, times_whole_space
from kdnas.search.space import Architecture, SearchSpace
from kdnas.training.learner import Stage
from kdnas.training.prediction import BATCH_SIZE

TEACHER_STEP, STUDENT_STEP = "teacher_step", "student_step"
TEACHER_PASS, STUDENT_PASS = "teacher_pass", "student_pass"
TIMED_PASS = "timed_pass_"  # followed by the device
TOKEN_BYTES = 200  # of a tokenised row while it is tokenised: ids, types, masks, texts and offsets


@dataclass(frozen=True)
class Passes:
    """Passes through a network, or training steps, and their floating-point operations all together."""

    count: float = 0.0
    flops: float = 0.0

    def __add__(self, other: Passes) -> Passes:
        return Passes(self.count + other.count, self.flops + other.flops)


@dataclass(frozen=True)
class Job:
    """One job: its passes by kind, and the bytes that it needs beside those of a Python that just started."""

    rule: str
    passes: Mapping[str, Passes]
    memory: float = 0.0
    disk: float = 0.0


class Student:
    """A student of one of several equally likely shapes: every figure is their mean."""

    def __init__(self, shapes: list[Architecture]) -> None:
        self.shapes = shapes

    def mean(self, figure: Callable[[Architecture], float]) -> float:
        """Return the mean of ``figure`` over the shapes."""
        return fmean(figure(shape) for shape in self.shapes)


class Workload:
    """All heavy jobs of a checked configuration, for a teacher's shape and the sizes of the tasks."""

    def __init__(
        self,
        config: dict[str, Any],
        teacher: Architecture,
        embeddings: Embeddings,
        sizes: Mapping[str, TaskSize],
    ) -> None:
        self.config = config
        self.teacher = teacher
        self.embeddings = embeddings
        self.sizes = sizes
        self.tasks = tasks_by_name(task_definitions(config["data"]).values())
        self.any_student = Student(SearchSpace(config["search"]["space"]).enumerate())
        losses = config["distillation"]["losses"]
        self.learns_hidden = bool(losses["hidden"])
        self.logits_suffice = not (losses["hidden"] or losses["relations"])
        self.learns_from_teacher = any(losses[name] for name in ("hidden", "logits", "relations"))

    def jobs(self) -> list[Job]:
        """Return the jobs of the rules that train or time networks, in the order of the rules."""
        config = self.config
        search, task = config["search"], config["search"]["task"]
        others = [name for name in config["data"]["tasks"] if name != task]
        seeds = len(config["seeds"])
        episodes = len(search["strategies"]) * search["episodes"]
        students = self.students()
        taught = taught_tasks(config)
        jobs = [self.adopt_teacher(name) for name in adopted_tasks(config)] * seeds
        if task in taught:
            jobs += [self.finetune_teacher(task, "finetune_search_teacher")]
            jobs += [self.finetune_teacher(task)] * (seeds - 1)
        jobs += [self.finetune_teacher(name) for name in taught if name != task] * seeds
        jobs += [self.distill_candidates()] * (episodes * search["cohorts"])
        whole_space = times_whole_space(config)
        jobs += [self.profile_space()] if whole_space else [self.profile_latency()] * episodes
        jobs += [self.evaluate_fidelity(setting) for setting in settings(config["fidelity"])]
        if config["students"]["matched"]:
            jobs += [self.distill_hand_crafted()]
            jobs += [] if whole_space else [self.profile_hand_crafted()]
        jobs += [self.distill(student, task, "student") for student in students] * seeds
        jobs += [self.distill(student, name, "glue") for student in students for name in others] * seeds
        jobs += [self.profile_students(device) for device in ("cpu", "gpu")]
        return jobs

    def students(self) -> list[Student]:
        """Return the final students: a searched one may be any of the space, a hand-crafted one is known."""
        config = self.config["students"]
        searched = [
            self.any_student
            for strategy in self.config["search"]["strategies"]
            for _ in selection_rules(config)
        ]
        return searched + self._hand_crafted([entry["name"] for entry in config["hand_crafted"]])

    def _hand_crafted(self, names: list[str]) -> list[Student]:
        entries = self.config["students"]["hand_crafted"]
        return [Student([Architecture.from_dict(entry)]) for entry in entries if entry["name"] in names]

    def typical_student(self, tokens: float) -> Architecture:
        """Return the shape of the space nearest to its mean, for inputs of ``tokens`` tokens.

        Layers go before operations, as the time of small passes on a GPU goes by layers.
        """
        forward = self._forward(tokens)
        layers = self.any_student.mean(lambda shape: shape.layers)
        mean = self.any_student.mean(forward)
        return min(
            self.any_student.shapes,
            key=lambda shape: (abs(shape.layers - layers), abs(forward(shape) - mean), shape),
        )

    def finetune_teacher(self, task: str, rule: str = "finetune_teacher") -> Job:
        """Fine-tuning and scoring the teacher, and its answers."""
        size = self.sizes[task]
        stage = self._stage(self.config["teacher"]["training"])
        steps, inputs = _steps(stage, size.train_rows)
        forward = forward_flops(self.teacher, size.tokens) * size.tokens
        count = parameters(self.teacher, self.embeddings, self.tasks[task].num_labels)
        return Job(
            rule,
            {
                TEACHER_STEP: Passes(steps, training_flops(forward) * inputs),
                TEACHER_PASS: _asked(size, forward),
            },
            training_bytes(count)
            + activation_bytes(self.teacher, stage.batch_size, self._max_length)
            + _data_bytes(size),
            BYTES * count,
        )

    def adopt_teacher(self, task: str) -> Job:
        """Scoring a teacher that comes fine-tuned, and its answers."""
        size = self.sizes[task]
        forward = forward_flops(self.teacher, size.tokens) * size.tokens
        weights = BYTES * parameters(self.teacher, self.embeddings, self.tasks[task].num_labels)
        passes = {TEACHER_PASS: _asked(size, forward)}
        return Job("adopt_teacher", passes, weights + _data_bytes(size), weights)

    def distill_candidates(self) -> Job:
        """One cohort, of the mean number of candidates, on the proxy set and its held-out slice."""
        search = self.config["search"]
        return self._on_proxy(
            "distill_candidates", self.any_student, search["candidates"] / search["cohorts"]
        )

    def distill_hand_crafted(self) -> Job:
        """The matched hand-crafted students on the proxy set."""
        names = self.config["students"]["matched"]
        shapes = [shape for student in self._hand_crafted(names) for shape in student.shapes]
        return self._on_proxy("distill_hand_crafted", Student(shapes), len(names))

    def evaluate_fidelity(self, setting: Setting) -> Job:
        """The architectures of the fidelity study in one setting."""
        fidelity, task = self.config["fidelity"], self.config["search"]["task"]
        stage = self._stage(recipe(self.config["distillation"], setting)[setting.stage])
        if setting.proxy_epochs is not None:
            return self._on_proxy("evaluate_fidelity", self.any_student, fidelity["architectures"], stage)
        size = self.sizes[task]
        first_split = size.evaluation_rows // len(self.tasks[task].evaluation_splits)
        rows = size.train_rows + size.unlabelled_rows, first_split
        count = fidelity["architectures"]
        return self._evaluated("evaluate_fidelity", self.any_student, count, stage, *rows, answered=False)

    def _on_proxy(self, rule: str, student: Student, count: float, stage: Stage | None = None) -> Job:
        proxy, size = self.config["search"]["proxy"], self.sizes[self.config["search"]["task"]]
        rows = proxy_rows(size.train_rows, proxy["share"]), size.heldout_rows
        stage = stage or self._stage(self.config["distillation"]["proxy"])
        return self._evaluated(rule, student, count, stage, *rows)

    def _evaluated(
        self,
        rule: str,
        student: Student,
        count: float,
        stage: Stage,
        train_rows: int,
        scored_rows: int,
        answered: bool = True,
    ) -> Job:
        """``count`` students side by side on rows of the search task, and their scores.

        ``answered``: the teacher's logits on the scored rows are there.
        """
        size = self.sizes[self.config["search"]["task"]]
        steps, inputs = _steps(stage, train_rows)
        teacher = forward_flops(self.teacher, size.tokens) * size.tokens
        forward = student.mean(self._forward(size.tokens))
        maps = student.mean(self._maps) * size.tokens
        taught = self._taught(steps, inputs, teacher)
        if self.learns_from_teacher and not (answered and self.logits_suffice):
            taught += _scoring(scored_rows, teacher)  # for the distillation loss there
        rows = size.train_rows + size.evaluation_rows
        return Job(
            rule,
            {
                TEACHER_PASS: taught,
                STUDENT_STEP: Passes(steps * count, training_flops(forward + maps) * inputs * count),
                STUDENT_PASS: _times(count, _scoring(scored_rows, forward + maps)),
            },
            self._distilled_bytes(student, count, stage.batch_size)
            + _data_bytes(size) * (train_rows + scored_rows) / rows,
        )

    def distill(self, student: Student, task: str, stage_name: str) -> Job:
        """Distilling and scoring a student on the search task (``student``) or another one (``glue``)."""
        size = self.sizes[task]
        size = replace(size, train_rows=size.train_rows + size.unlabelled_rows)
        stage = self._stage(self.config["distillation"][stage_name])
        steps, inputs = _steps(stage, size.train_rows)
        teacher = forward_flops(self.teacher, size.tokens) * size.tokens
        forward = student.mean(self._forward(size.tokens))
        maps = student.mean(self._maps) * size.tokens
        labels = self.tasks[task].num_labels
        return Job(
            f"distill_{stage_name}",
            {
                TEACHER_PASS: self._taught(steps, inputs, teacher),
                STUDENT_STEP: Passes(steps, training_flops(forward + maps) * inputs),
                STUDENT_PASS: _scoring(size.evaluation_rows, forward),
            },
            self._distilled_bytes(student, 1, stage.batch_size) + _data_bytes(size),
            BYTES * student.mean(lambda shape: parameters(shape, self.embeddings, labels)),
        )

    def profile_space(self) -> Job:
        """Timing all of the space, the matched students and the teacher, with the most rounds."""
        students = [Student([shape]) for shape in self.any_student.shapes]
        students += self._hand_crafted(self.config["students"]["matched"])
        return self._timed("profile_space", students, self.config["reward"]["device"])

    def profile_latency(self) -> Job:
        """Timing an episode's candidates and the teacher, with the most rounds."""
        candidates = [self.any_student] * self.config["search"]["candidates"]
        return self._timed("profile_latency", candidates, self.config["reward"]["device"])

    def profile_hand_crafted(self) -> Job:
        """Timing the matched hand-crafted students and the teacher, with the most rounds."""
        students = self._hand_crafted(self.config["students"]["matched"])
        return self._timed("profile_hand_crafted", students, self.config["reward"]["device"])

    def profile_students(self, device: str) -> Job:
        """Timing the final students and the teacher on ``device``, with the most rounds."""
        return self._timed("profile_students", self.students(), device)

    def _timed(self, rule: str, students: list[Student], device: str) -> Job:
        latency = self.config["latency"]
        if latency["table"] is not None:
            return Job(rule, {})
        tokens = latency["sequence_length"]
        rounds = latency["warmup"] + latency["max_rounds"]
        inputs = rounds * latency["batch_size"]
        forward = forward_flops(self.teacher, tokens) * tokens
        forward += sum(student.mean(self._forward(tokens)) for student in students)
        # of a student that is not known yet any of its shapes stands for the size of the tables
        shapes = [self.teacher, *(student.shapes[0] for student in students)]
        weights = timing_bytes(shapes, self.embeddings)
        passes = Passes(rounds * (1 + len(students)), inputs * forward)
        return Job(rule, {TIMED_PASS + device: passes}, weights)

    def _stage(self, settings: dict[str, Any]) -> Stage:
        return Stage(**settings, max_gradient_norm=self.config["training"]["max_gradient_norm"])

    @property
    def _max_length(self) -> int:
        return self.config["teacher"]["max_length"]

    def _forward(self, tokens: float) -> Callable[[Architecture], float]:
        """Return the function from a shape to its operations for one input of ``tokens`` tokens."""
        return lambda shape: forward_flops(shape, tokens) * tokens

    def _maps(self, shape: Architecture) -> float:
        return maps_flops(shape, self.teacher) if self.learns_hidden else 0.0

    def _taught(self, steps: float, inputs: float, forward: float) -> Passes:
        """The teacher's passes: one beside each step, none where its answers suffice."""
        return Passes() if self.logits_suffice else Passes(steps, forward * inputs)

    @functools.cached_property
    def _teacher_bytes(self) -> int:
        return BYTES * parameters(self.teacher, self.embeddings, 2)

    def _distilled_bytes(self, student: Student, count: float, batch_size: int) -> float:
        """Memory of ``count`` students side by side, with their maps and the teacher."""
        weights = student.mean(lambda shape: parameters(shape, self.embeddings, 2))
        # a map is a matrix, and a multiply-add counts as two operations
        weights = ceil(count) * (weights + student.mean(self._maps) / 2)
        batch = batch_size, self._max_length
        largest = max(student.shapes, key=lambda shape: activation_bytes(shape, *batch))
        return self._teacher_bytes + distillation_bytes(
            self.teacher, largest, weights, *batch, self.learns_hidden
        )


def _steps(stage: Stage, rows: int) -> tuple[int, int]:
    """Return the steps of a training on ``rows`` rows and the inputs that it reads, epoch after epoch."""
    steps = stage.steps(rows)
    return steps, steps // ceil(rows / stage.batch_size) * rows


def _asked(size: TaskSize, forward: float) -> Passes:
    """The passes of a teacher that is scored and answers the rows that its students learn from."""
    answered = size.train_rows + size.heldout_rows + size.unlabelled_rows
    return _scoring(size.evaluation_rows, forward) + _scoring(answered, forward)


def _scoring(rows: int, forward: float) -> Passes:
    """The passes over a split that is scored; ``forward``: operations of one input."""
    return Passes(ceil(rows / BATCH_SIZE), rows * forward)


def _times(factor: float, passes: Passes) -> Passes:
    return Passes(factor * passes.count, factor * passes.flops)


def _data_bytes(size: TaskSize) -> float:
    return TOKEN_BYTES * size.tokens * (size.train_rows + size.evaluation_rows)
