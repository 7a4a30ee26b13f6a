"""What every training job needs besides its data: device, precision, checkpoints and a log."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from kdnas.runtimes.instructions import EMULATED, emulates_bf16
from kdnas.training.checkpoint import Checkpoints
from kdnas.training.device import claim, device_type, settle, use_autocast


@dataclass
class Run:
    """The surroundings of one training job; ``key`` is the part of them that results depend on.

    ``device`` is claimed when first asked for, and held until the job ends: reading the store, reading data
    and tokenising need none. ``device_type`` (``cuda`` or ``cpu``) is known without it.
    """

    claim: Callable[[], torch.device]
    device_type: str
    autocast: bool
    threads: int
    checkpoints: Checkpoints
    checkpoint_minutes: float
    report: Callable[[str], None]

    @cached_property
    def device(self) -> torch.device:
        """The device to train on; where other jobs hold all GPUs, asking waits for one."""
        device = self.claim()
        self.report(f"training on {device}, {self.precision}, {self.threads} threads")
        return device

    @property
    def precision(self) -> str:
        """The precision of training: ``bf16`` or ``float32``."""
        return "bf16" if self.autocast else "float32"

    @property
    def key(self) -> dict[str, Any]:
        """Return what decides the bits of a result: device type, precision, threads, library versions."""
        import transformers

        return {
            "device": self.device_type,
            "precision": self.precision,
            "threads": self.threads if self.device_type == "cpu" else None,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }


@contextlib.contextmanager
def start_run(
    *,
    device: str,
    precision: str,
    threads: int,
    checkpoints: str | Path,
    checkpoint_minutes: float,
    report: Callable[[str], None] = print,
) -> Iterator[Run]:
    """Yield a run; give its device back, if it claimed one.

    Raises UserError for the device ``gpu`` where there is none.

    Args:
        device: the config's ``training.device``: ``auto``, ``cpu`` or ``gpu``.
        precision: the config's ``training.precision``: ``auto``, ``float32`` or ``bf16``.
        threads: the config's ``training.threads``.
        checkpoints: the folder of the checkpoints.
        checkpoint_minutes: between two checkpoints of a learner.
        report: is called with each line of the job's log.
    """
    settle(threads)
    kind = device_type(device)
    autocast = use_autocast(precision, kind)
    if autocast and kind == "cpu" and emulates_bf16():
        report(f"warning: {EMULATED}")
    with contextlib.ExitStack() as held:
        yield Run(
            claim=lambda: held.enter_context(claim(device, threads)),
            device_type=kind,
            autocast=autocast,
            threads=threads,
            checkpoints=Checkpoints(checkpoints),
            checkpoint_minutes=checkpoint_minutes,
            report=report,
        )
