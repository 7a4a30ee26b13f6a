"""What every training job needs besides its data: device, precision, checkpoints, report."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from kdnas.training.checkpoint import Checkpoints
from kdnas.training.device import claim, use_autocast
from kdnas.training.learner import Stage


@dataclass
class Run:
    """The surroundings of one training job; ``key`` is the part of them that results depend on."""

    device: torch.device
    autocast: bool
    threads: int
    max_gradient_norm: float
    checkpoints: Checkpoints
    checkpoint_minutes: float
    report: Callable[[str], None]

    @property
    def key(self) -> dict[str, Any]:
        """Return what decides the bits of a result: device type, precision, threads, library versions."""
        import transformers

        return {
            "device": self.device.type,
            "precision": "bf16" if self.autocast else "float32",
            "threads": self.threads if self.device.type == "cpu" else None,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }

    def stage(self, settings: dict[str, Any]) -> Stage:
        """Return the stage of a section of the config."""
        return Stage(**settings, max_gradient_norm=self.max_gradient_norm)


@contextlib.contextmanager
def start_run(
    training: dict[str, Any],
    checkpoints: str | Path,
    checkpoint_minutes: float,
    report: Callable[[str], None] = print,
) -> Iterator[Run]:
    """Claim a device by the config's ``training`` section and yield the run."""
    with claim(training["device"], training["threads"]) as device:
        autocast = use_autocast(training["precision"], device)
        report(f"training on {device}, {'bf16' if autocast else 'float32'}, {training['threads']} threads")
        yield Run(
            device,
            autocast,
            training["threads"],
            training["max_gradient_norm"],
            Checkpoints(checkpoints),
            checkpoint_minutes,
            report,
        )
