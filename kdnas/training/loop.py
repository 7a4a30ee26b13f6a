"""The one training loop: some learners, one batch stream, at most one teacher forward a batch."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable

import torch

from kdnas.losses.base import Outputs
from kdnas.training.data import Encoded, collate, epoch_batches
from kdnas.training.forward import Teaching
from kdnas.training.learner import Learner, only_this_one_fails
from kdnas.training.run import Run
from kdnas.training.scoring import REPORT_SECONDS


class Stopped(SystemExit):
    """The job was told to stop (SIGINT, SIGTERM, SIGUSR1) and has saved itself."""


def train(
    learners: list[Learner],
    data: Encoded,
    *,
    seed: int,
    run: Run,
    teaching: Teaching | None = None,
) -> None:
    """Train all learners in lockstep on ``data``, resuming each from its checkpoint.

    Batches are a function of ``seed``; all learners share one stage (the batch size and number of steps) and
    have started. A learner that runs out of memory or diverges is marked ``failed`` and the others go on. On
    a GPU no step waits for its outcome: divergence is noticed when a progress line is printed, before every
    save and at the end. Raises Stopped after a SIGINT, SIGTERM or SIGUSR1, when every learner has been saved;
    the exit status is 128 + the signal.
    """
    checkpoints, report = run.checkpoints, run.report
    stage = learners[0].stage
    device = learners[0].device
    steps = stage.steps(len(data))
    batches_an_epoch = math.ceil(len(data) / stage.batch_size)
    for learner in learners:
        if checkpoints.restore(learner):
            report(f"{learner.digest[:8]} resumes at step {learner.next_step} of {steps}")
    stop = _StopFlag()
    progress = _Progress(steps, batches_an_epoch, report)
    saved = time.monotonic()
    lengths = data.lengths
    first = min((learner.next_step for learner in learners), default=steps)
    epoch, batches = -1, []
    try:
        for step in range(first, steps):
            if step // batches_an_epoch != epoch:
                epoch = step // batches_an_epoch
                batches = epoch_batches(lengths, stage.batch_size, seed=seed, epoch=epoch)
            active = [item for item in learners if item.failed is None and item.next_step == step]
            if not any(item.failed is None for item in learners):
                break
            rows = batches[step % batches_an_epoch]
            batch = collate(data, rows, device)
            targets = teaching(rows, batch) if teaching else None
            for learner in active:
                _step(learner, batch, targets, steps)
            progress.after(step, learners)
            if stop.requested or time.monotonic() - saved > run.checkpoint_minutes * 60:
                _look(learners)
                for learner in learners:
                    if learner.failed is None:
                        checkpoints.save(learner)
                saved = time.monotonic()
                if stop.requested:
                    report(f"stopped by a signal at step {step + 1} of {steps}; saved")
                    raise Stopped(128 + stop.requested)
        _look(learners)
    finally:
        stop.restore()


def _step(learner: Learner, batch: dict[str, torch.Tensor], targets: Outputs | None, steps: int) -> None:
    where = f"at step {learner.next_step + 1}"
    with only_this_one_fails(learner, where), learner.stopwatch.running():
        learner.step(batch, targets, steps)


def _look(learners: list[Learner]) -> None:
    """Find the learners that failed since the last look: on a GPU no step waits for its outcome."""
    for learner in learners:
        if learner.failed is None:
            with only_this_one_fails(learner, f"at step {learner.next_step}"):
                learner.look()


class _StopFlag:
    """The signal that asks a job to end, which it does between two steps; 0 before that."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)

    def __init__(self) -> None:
        self.requested = 0
        self.before = {number: signal.signal(number, self._request) for number in self.SIGNALS}

    def _request(self, number: int, frame: object) -> None:
        self.requested = number

    def restore(self) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)


class _Progress:
    """A line of the log every few seconds, and at the end of every epoch."""

    def __init__(self, steps: int, batches_an_epoch: int, report: Callable[[str], None]) -> None:
        self.steps = steps
        self.batches = batches_an_epoch
        self.report = report
        self.started = self.reported = time.monotonic()
        self.done = 0

    def after(self, step: int, learners: list[Learner]) -> None:
        self.done += 1
        now = time.monotonic()
        due = now - self.reported > REPORT_SECONDS or (step + 1) % self.batches == 0
        if not due:
            return
        _look(learners)
        self.reported = now
        left = (now - self.started) / self.done * (self.steps - step - 1)
        losses = "; ".join(_losses(learner) for learner in learners)
        self.report(
            f"step {step + 1}/{self.steps}, epoch {step // self.batches + 1}/{self.steps // self.batches}, "
            f"{losses}, {left / 60:.1f} min left"
        )


def _losses(learner: Learner) -> str:
    if learner.failed is not None:
        return f"failed ({learner.failed})"
    return " ".join(f"{name} {value:.3f}" for name, value in learner.recent.items())
