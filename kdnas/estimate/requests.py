"""Memory and minutes that a job asks a cluster for: from shapes and sizes, without torch or measuring."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdnas.estimate.loads import Load, Losses, Sizes
from kdnas.estimate.shapes import Embeddings, hidden_states_kept, maps_flops
from kdnas.models.config_file import read_config_file
from kdnas.models.families import shape_of
from kdnas.search.space import Architecture

# per CPU thread: MiniLM fine-tuned on MNLI in float32, on an EPYC; a GPU's is a guess
FLOPS = {"cpu": 4e10, "gpu": 5e12}
PASS_SECONDS = 0.05  # for each pass, beside its operations: the optimiser, kernel launches on a GPU
START_MB = 1200  # Python with torch and transformers, and the two Snakemake processes that lead to it
GPU_MB = 3000  # the host's memory for CUDA libraries, a guess: not measured here
MARGIN = 1.5  # on the memory of the formulas, which may be a third too low
START_MINUTES = 10  # a shared file system may take minutes to hand out torch to many jobs at once
LONGEST_MINUTES = 24 * 60  # a common limit; a training that takes longer goes on from its checkpoint
LABELS = 3  # the most among GLUE's tasks; more labels of a custom task weigh next to nothing


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


def sizes_of(folder: str | Path) -> Sizes:
    """Return the sizes of the teacher whose ``config.json`` is in ``folder``; UserError without one."""
    values = read_config_file(folder)
    return Sizes(shape_of(values), Embeddings.from_model_config(values), LABELS)


def largest(space: Mapping[str, Sequence[Any]]) -> Architecture:
    """Return a shape that no architecture of ``search.space`` exceeds in any size."""
    heads, activation = space["attention_heads"][0], space["activation"][0]
    hidden = math.ceil(max(space["hidden_size"]) / heads) * heads
    return Architecture(
        layers=max(space["layers"]),
        hidden_size=hidden,
        attention_heads=heads,
        ffn_size=max(space["ffn_size"]),
        activation=activation,
    )


def costliest_losses(teacher: Architecture) -> Losses:
    """Return the costliest losses, whichever are used: knowing which ones are would take torch."""
    return Losses(
        ask_teacher=True,
        logits_suffice=False,
        all_tokens=True,
        flops=lambda shape: maps_flops(shape, teacher),
        states=lambda shape: hidden_states_kept(shape, teacher),
    )


def request(load: Load, machine: Machine) -> Request:
    """Return the request of a job with this load."""
    seconds = sum(
        passes.flops / machine.flops + passes.count * PASS_SECONDS for passes in load.passes.values()
    )
    megabytes = MARGIN * (machine.start_mb + load.memory / 1e6)
    minutes = START_MINUTES + seconds / 60
    return Request(math.ceil(megabytes / 100) * 100, min(LONGEST_MINUTES, math.ceil(minutes / 5) * 5))


def most(requests: Iterable[Request]) -> Request:
    """Return the most memory and the most time of some requests."""
    wanted = list(requests)
    return Request(max(item.mb for item in wanted), max(item.minutes for item in wanted))
