"""What a job asks a cluster for: memory and minutes from shapes and sizes, without torch or measuring."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from kdnas.models.config_file import read_config_file
from kdnas.search.space import Architecture

# a CPU thread's: MiniLM's fine-tuning on MNLI on an EPYC (docs/measurements/teachers.md); a GPU's is a guess
FLOPS = {"cpu": 4e10, "gpu": 5e12}
PASS_SECONDS = 0.05  # of a network's step beside its operations: the optimiser, launches on a GPU
START_MB = 1200  # Python with torch and transformers, and the two Snakemake processes that lead to it
GPU_MB = 3000  # the host's memory for CUDA libraries, a guess: not measured here
ROW_BYTES = 200  # a token of a row while it is tokenised
MARGIN = 1.5  # of memory over what the formulas say, which may be a third too low
START_MINUTES = 10  # a shared file system may take minutes to hand out torch to many jobs at once
LONGEST_MINUTES = 24 * 60  # a common limit; a training that takes longer goes on from its checkpoint

LABELS = 3  # the most of GLUE's tasks; more of a custom one weigh next to nothing


@dataclass(frozen=True)
class Machine:
    """Where a job runs: the config's ``device`` (``auto`` counts as a CPU) and its CPU ``threads``."""

    device: str
    threads: int

    @property
    def flops(self) -> float:
        """Floating-point operations a second."""
        return FLOPS["gpu"] if self.device == "gpu" else self.threads * FLOPS["cpu"]

    @property
    def start_mb(self) -> int:
        """Memory of a job that has only started."""
        return START_MB + (GPU_MB if self.device == "gpu" else 0)


@dataclass(frozen=True)
class Request:
    """Memory in MB and time in minutes, for the first attempt."""

    mb: int
    minutes: int


class Teacher:
    """A teacher's shape and tables from the ``config.json`` in its ``folder``; UserError without one."""

    def __init__(self, folder: str | Path) -> None:
        values = read_config_file(folder)
        self.shape = Architecture.from_model_config(values)
        self.embeddings = Embeddings.from_model_config(values)

    def weights(self, shape: Architecture) -> int:
        """Return the parameters of a classifier of ``shape`` with the teacher's vocabulary."""
        return parameters(shape, self.embeddings, LABELS)


def largest(space: Mapping[str, Sequence[Any]]) -> Architecture:
    """Return a shape that no architecture of ``search.space`` exceeds in any size."""
    heads, activation = space["attention_heads"][0], space["activation"][0]
    hidden = math.ceil(max(space["hidden_size"]) / heads) * heads
    return Architecture(max(space["layers"]), hidden, heads, max(space["ffn_size"]), activation)


def finetuning(
    teacher: Teacher, rows: int, scored: int, stage: Mapping[str, Any], tokens: int, machine: Machine
) -> Request:
    """Return the request of fine-tuning ``teacher`` on ``rows`` rows and scoring it on ``scored``.

    ``stage`` is the config's section of the training; ``tokens`` the most that an input has.
    """
    shape, inputs = teacher.shape, _inputs(stage, rows)
    forward = forward_flops(shape, tokens) * tokens
    flops = training_flops(forward) * inputs + forward * scored
    memory = training_bytes(teacher.weights(shape)) + activation_bytes(shape, stage["batch_size"], tokens)
    seconds = flops / machine.flops + PASS_SECONDS * inputs / stage["batch_size"]
    return _request(memory + ROW_BYTES * tokens * (rows + scored), seconds, machine)


def distillation(
    teacher: Teacher,
    student: Architecture,
    count: int,
    rows: int,
    scored: int,
    stage: Mapping[str, Any],
    tokens: int,
    machine: Machine,
) -> Request:
    """Return the request of distilling ``count`` students no larger than ``student`` side by side.

    ``rows``, ``scored``, ``stage`` and ``tokens`` as in :func:`finetuning`; each student is scored twice, by
    accuracy and by loss, the teacher beside it. The hidden-state loss is counted, whether it is used or not.
    """
    inputs = _inputs(stage, rows)
    taught = forward_flops(teacher.shape, tokens) * tokens
    maps = maps_flops(student, teacher.shape)
    forward = forward_flops(student, tokens) * tokens + maps * tokens
    flops = taught * (inputs + count * scored) + count * (
        training_flops(forward) * inputs + 2 * forward * scored
    )
    weights = count * (teacher.weights(student) + int(maps / 2))
    memory = BYTES * teacher.weights(teacher.shape) + ROW_BYTES * tokens * (rows + scored)
    memory += distillation_bytes(teacher.shape, student, weights, stage["batch_size"], tokens, True)
    seconds = flops / machine.flops + PASS_SECONDS * (1 + count) * inputs / stage["batch_size"]
    return _request(memory, seconds, machine)


def timing(
    teacher: Teacher, students: Sequence[Architecture], latency: Mapping[str, Any], machine: Machine
) -> Request:
    """Return the request of timing ``students`` and ``teacher`` by ``latency``, with the most rounds."""
    shapes = [teacher.shape, *students]
    tokens = latency["sequence_length"]
    forward = sum(forward_flops(shape, tokens) for shape in shapes) * tokens * latency["batch_size"]
    rounds = latency["warmup"] + latency["max_rounds"]
    memory = timing_bytes(shapes, teacher.embeddings)
    if machine.device != "gpu":  # a layer's vectors before and after each half of it
        widest = max(shape.ffn_size + shape.hidden_size for shape in shapes)
        memory += BYTES * latency["batch_size"] * tokens * 2 * widest
    seconds = rounds * (forward / machine.flops + PASS_SECONDS * len(shapes))
    return _request(memory, seconds, machine)


def predicting(teacher: Teacher, rows: int, tokens: int, machine: Machine) -> Request:
    """Return the request of predicting ``rows`` rows with a model no larger than ``teacher``."""
    forward = forward_flops(teacher.shape, tokens) * tokens
    memory = BYTES * teacher.weights(teacher.shape) + ROW_BYTES * tokens * rows
    return _request(memory, forward * rows / machine.flops, machine)


def _inputs(stage: Mapping[str, Any], rows: int) -> int:
    """Return at least the inputs that a training reads: whole epochs until there are ``min_steps``."""
    return max(stage["epochs"] * rows, stage["min_steps"] * stage["batch_size"] + rows)


def _request(memory: float, seconds: float, machine: Machine) -> Request:
    megabytes = MARGIN * (machine.start_mb + memory / 1e6)
    minutes = START_MINUTES + seconds / 60
    return Request(math.ceil(megabytes / 100) * 100, min(LONGEST_MINUTES, math.ceil(minutes / 5) * 5))
