"""The speed of this machine: it times some steps and passes of networks like those of the run."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from kdnas.data.tasks import Task, get_task, task_definitions
from kdnas.estimate.loads import (
    FILE,
    STUDENT_PASS,
    STUDENT_STEP,
    TEACHER_PASS,
    TEACHER_STEP,
    Passes,
    timed_pass,
)
from kdnas.estimate.shapes import forward_flops, training_flops
from kdnas.estimate.sizes import with_some_classes
from kdnas.estimate.work import losses_of
from kdnas.latency.protocol import TORCH, Protocol, device_name
from kdnas.latency.timers import pinned, untrained_timer
from kdnas.losses.objective import Objective, labels_only, reads_of_teacher
from kdnas.models.families import family_of, shape_of
from kdnas.models.loading import classifier_config, new_classifier, student_config
from kdnas.runtimes import runtime_class
from kdnas.search.space import Architecture
from kdnas.training.data import Encoded, collate
from kdnas.training.forward import Teaching
from kdnas.training.learner import Learner
from kdnas.training.recipe import Recipe, Stage
from kdnas.training.run import Run, start_run
from kdnas.training.scoring import predict

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3  # after one that is not timed
CPU_STEP = 4e10  # operations of the larger of two steps on a CPU: about a second
USED_VOCABULARY = 0.5  # share of the word pieces that training keeps (kdnas.models.vocabulary), roughly

# the imports of a training job, the time they take, and its memory afterwards (Linux counts in 1024 bytes)
_START = """
import json, resource, time
import evaluate
import kdnas.training.students
from transformers import AutoModelForSequenceClassification, AutoTokenizer
print(json.dumps([time.process_time(), 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


@dataclass(frozen=True)
class Line:
    """Seconds as a linear function: some for each pass, and some for each floating-point operation."""

    a_pass: float
    a_flop: float

    def seconds(self, passes: Passes) -> float:
        """Return what ``passes`` take."""
        return self.a_pass * passes.count + self.a_flop * passes.flops


def line_through(small: tuple[float, float], large: tuple[float, float]) -> Line:
    """Return the line through two passes, each (operations, seconds).

    If noise makes a coefficient negative, it is the line through the origin and the larger pass.
    """
    a_flop = (large[1] - small[1]) / (large[0] - small[0])
    a_pass = small[1] - a_flop * small[0]
    if a_flop < 0 or a_pass < 0:
        return Line(0.0, large[1] / large[0])
    return Line(a_pass, a_flop)


@dataclass(frozen=True)
class Machine:
    """The measured machine: ``device`` is ``cpu`` or ``gpu``, ``lines`` are by the kinds of pass in loads.py.

    A kind without a line cannot run on the machine and takes no time. ``start_seconds`` and ``start_bytes``
    are those of a Python with the imports of training.
    """

    device: str
    device_name: str
    gpus: int
    lines: Mapping[str, Line]
    start_seconds: float
    start_bytes: int

    def seconds(self, passes: Mapping[str, Passes]) -> float:
        """Return the seconds of a job with these passes, its start included."""
        return self.start_seconds + sum(
            self.lines[kind].seconds(of) for kind, of in passes.items() if kind in self.lines
        )


def calibrate(config: dict[str, Any], teacher_config: Any, *, student: Architecture, tokens: int) -> Machine:
    """Measure this machine on the device that training would take, with inputs of ``tokens`` tokens.

    ``student`` is the shape that stands for all. If the configuration asks for a GPU and there is none, the
    CPU is measured. On a CPU the process's own time is measured, so that other load does not count.
    """
    start_seconds, start_bytes = _start()
    training = config["training"]
    started = start_run(
        device=training["device"] if torch.cuda.is_available() else "cpu",
        precision=training["precision"],
        threads=training["threads"],
        checkpoints="",
        checkpoint_minutes=training["checkpoint_minutes"],
        report=lambda text: None,
    )
    with started as run:
        lines = _Bench(config, teacher_config, student, tokens, run).lines()
    for runtime in {config["latency"]["runtime"], *config["deployment"]["runtimes"]}:
        lines |= _timed(config, teacher_config, "cpu", runtime=runtime)
    if torch.cuda.is_available():
        lines |= _timed(config, teacher_config, "gpu", runtime=TORCH)
    device = "gpu" if run.device_type == "cuda" else "cpu"
    return Machine(
        device,
        device_name(device),
        torch.cuda.device_count() if device == "gpu" else 0,
        lines,
        start_seconds,
        start_bytes,
    )


def _start() -> tuple[float, int]:
    process = subprocess.run(
        [sys.executable, "-c", _START], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds, memory = json.loads(process.stdout)
    return seconds, memory


def _timed(config: dict[str, Any], teacher_config: Any, device: str, *, runtime: str) -> dict[str, Line]:
    """The teacher's pass under the latency protocol, and how long it takes to prepare it.

    Students count with the same time per operation.
    """
    protocol = replace(Protocol.from_config(config["latency"], device), runtime=runtime)
    teacher = shape_of(teacher_config)
    whole = not runtime_class(runtime).in_onnx
    flops = forward_flops(teacher, protocol.sequence_length, whole=whole) * protocol.sequence_length
    with pinned(protocol):
        started = time.process_time()
        timer = untrained_timer(teacher, teacher_config, protocol, runtime=runtime_class(runtime), tables={})
        prepared = time.process_time() - started
        timer()
        seconds = median(_seconds(timer, protocol.threads) for _ in range(ROUNDS))
    return {
        timed_pass(device, runtime): Line(0.0, seconds / (flops * protocol.batch_size)),
        FILE + runtime: Line(0.0, prepared / flops),
    }


def _seconds(run_pass: Callable[[], Any], threads: int | None) -> float:
    """Return the seconds of a pass: on a GPU (``threads`` None) by the clock, on the CPU of one thread."""
    if threads is not None:
        started = time.process_time()
        run_pass()
        return (time.process_time() - started) / threads
    torch.cuda.synchronize()  # with what ran before
    started = time.perf_counter()
    run_pass()
    torch.cuda.synchronize()
    return time.perf_counter() - started


class _Bench:
    """A teacher and a student with random weights, and how long their steps and passes take."""

    def __init__(
        self, config: dict[str, Any], teacher_config: Any, student: Architecture, tokens: int, run: Run
    ) -> None:
        self.config = config
        self.run = run
        self.tokens = tokens
        task = get_task(task_definitions(config["data"])[config["search"]["task"]])
        self.task: Task = with_some_classes(task)
        self.shape = shape_of(teacher_config)
        self.student = student
        norm = config["training"]["max_gradient_norm"]
        self.finetuning = Stage.from_config(config["teacher"]["training"], norm)
        self.recipe = Recipe.from_config(config["distillation"], "proxy", norm)
        cut = teacher_config.__class__.from_dict(teacher_config.to_dict())
        family = family_of(cut.model_type)
        family.cut_vocabulary(cut, int(USED_VOCABULARY * teacher_config.vocab_size))
        self.base = cut

    def lines(self) -> dict[str, Line]:
        """Return a line for each kind of step and pass of training."""
        stage = self.finetuning
        teacher = new_classifier(classifier_config(self.base, self.task, stage.dropout), seed=0)
        objective = labels_only(teacher)
        finetuning = self._learner(teacher, objective, stage)
        forward = forward_flops(self.shape, self.tokens) * self.tokens
        lines = {
            TEACHER_STEP: self._line(
                lambda rows: finetuning.step(self._batch(rows), None, 1000), training_flops(forward), stage
            )
        }
        finetuning.optimizer.state.clear()
        lines[TEACHER_PASS] = self._line(
            lambda rows: predict(teacher, self._encoded(rows), self.run.device), forward, stage
        )
        return lines | self._student_lines(teacher)

    def _student_lines(self, teacher: PreTrainedModel) -> dict[str, Line]:
        stage = self.recipe.stage
        shape = classifier_config(student_config(self.base, self.student), self.task, stage.dropout)
        student = new_classifier(shape, seed=0)
        objective = Objective.of_recipe(self.recipe, student, teacher)
        learner = self._learner(student, objective, stage)
        reads = reads_of_teacher(self.recipe.losses)
        targets: dict[int, Any] = {}

        def step(rows: int) -> None:
            learner.step(self._batch(rows), targets[rows], 1000)

        def prepare(rows: int) -> None:
            if reads is None:
                targets[rows] = None
                return
            logits, run = torch.zeros(rows, self.task.num_labels), self.run
            teaching = Teaching(teacher, logits, reads, device=run.device, autocast=run.autocast)
            targets[rows] = teaching(np.arange(rows), self._batch(rows))

        losses = losses_of(self.recipe.losses, self.shape)
        forward, in_training = (
            forward_flops(self.student, self.tokens, whole=whole) * self.tokens
            for whole in (False, losses.all_tokens)
        )
        extra = losses.flops(self.student) * self.tokens
        return {
            STUDENT_STEP: self._line(step, training_flops(in_training + extra), stage, prepare),
            STUDENT_PASS: self._line(
                lambda rows: predict(student, self._encoded(rows), self.run.device), forward, stage
            ),
        }

    def _learner(self, model: PreTrainedModel, objective: Objective, stage: Stage) -> Learner:
        learner = Learner({}, stage, seed=0)
        learner.take_up(model, objective, torch.empty(0))
        learner.start(self.run.device, self.run.autocast)
        return learner

    def _line(
        self,
        run_pass: Callable[[int], Any],
        flops: float,
        stage: Stage,
        prepare: Callable[[int], None] = lambda rows: None,
    ) -> Line:
        """Time ``run_pass`` on a small and a twice as large batch; ``flops``: operations of one input."""
        small, threads = max(1, stage.batch_size // 2), None
        if self.run.device_type == "cpu":
            small, threads = max(1, min(small, int(CPU_STEP / flops / 2))), self.run.threads
        points = []
        for rows in (small, 2 * small):
            prepare(rows)
            run_pass(rows)
            times = [_seconds(partial(run_pass, rows), threads) for _ in range(ROUNDS)]
            points.append((rows * flops, median(times)))
        return line_through(*points)

    def _encoded(self, rows: int) -> Encoded:
        generator = np.random.default_rng(0)
        # ids above 5 are never padding in the BERT family
        ids = list(generator.integers(6, self.base.vocab_size, (rows, self.tokens)))
        labels = self.task.kind.answers(np.zeros((rows, self.task.num_labels), dtype=np.float32))
        with_types = family_of(self.base.model_type).token_types(self.base) > 1
        types = [np.zeros(self.tokens, dtype=np.int64)] * rows if with_types else None
        return Encoded(ids, types, labels, padding_id=0)

    def _batch(self, rows: int) -> dict[str, torch.Tensor]:
        return collate(self._encoded(rows), np.arange(rows), self.run.device)
