"""A model in training: its objective, optimiser and step, and how it fails without the others."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from kdnas.files.artifacts import digest
from kdnas.losses.base import Outputs
from kdnas.losses.objective import Objective
from kdnas.training.forward import Forward
from kdnas.training.recipe import Stage

if TYPE_CHECKING:
    from transformers import PreTrainedModel


# cuBLAS and cuDNN have words of their own for a GPU that is full
_OUT_OF_MEMORY = ("DefaultCPUAllocator", "out of memory", "ALLOC_FAILED")


class TrainingFailed(Exception):
    """A model's training can't go on; the message is the reason that is recorded."""


class Learner:
    """One model in training; ``key`` names everything that its result depends on.

    :meth:`take_up` gives it its model on the CPU, :meth:`start` moves that to the device it trains on.
    """

    model: PreTrainedModel
    objective: Objective
    whole_embedding: torch.Tensor  # of the model with the whole vocabulary, before it was cut

    def __init__(self, key: dict[str, Any], stage: Stage, seed: int) -> None:
        self.key = key
        self.digest = digest(key)
        self.stage = stage
        self.seed = seed
        self.next_step = 0
        self.failed: str | None = None
        self.seconds = 0.0
        self._terms: dict[str, torch.Tensor] = {}

    def take_up(self, model: PreTrainedModel, objective: Objective, whole_embedding: torch.Tensor) -> None:
        """Take the model to train, whose embedding is cut to the compact vocabulary, and its objective."""
        self.model, self.objective, self.whole_embedding = model, objective, whole_embedding

    def start(self, device: torch.device, autocast: bool) -> None:
        """Move to ``device`` and make the optimiser; ``autocast``: whether to train in bf16."""
        self.model.to(device)
        self.objective.to(device)
        self.device = device
        self.autocast = autocast
        self.stopwatch = Stopwatch(device)
        # looking makes a GPU idle, so there it is done only now and then (:meth:`look`)
        self.looks_at_each_step = device.type != "cuda"
        self._not_finite = torch.zeros((), dtype=torch.int64, device=device)  # the first such step, from 1
        self.forward = Forward(self.model, self.objective.reads)
        self.optimizer = torch.optim.AdamW(self._groups(), lr=self.stage.learning_rate, fused=True)

    def _groups(self) -> list[dict[str, Any]]:
        decayed: list[nn.Parameter] = []
        free: list[nn.Parameter] = []
        for name, parameter in self.named_parameters():
            # no decay for embeddings either: see kdnas.models.vocabulary
            plain = parameter.dim() >= 2 and "_embeddings" not in name
            (decayed if plain else free).append(parameter)
        return [
            {"params": decayed, "weight_decay": self.stage.weight_decay},
            {"params": free, "weight_decay": 0.0},
        ]

    def named_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """Return the parameters of the model and of its objective, by name."""
        modules = {"model": self.model, "objective": self.objective}
        return [
            (f"{prefix}.{name}", parameter)
            for prefix, module in modules.items()
            for name, parameter in module.named_parameters()
        ]

    def step(self, batch: dict[str, torch.Tensor], teacher: Outputs | None, steps: int) -> None:
        """Take one step on ``batch``.

        Raises TrainingFailed if the loss or a gradient is not finite; on a GPU :meth:`look` does that later.
        """
        step = self.next_step
        self.model.train()
        if self.stage.dropout:
            # a function of seed and step alone: resuming and neighbours change nothing
            torch.manual_seed(self.seed * 1_000_003 + step)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            terms = self.objective(self.forward(batch), teacher, batch)
            loss = self.objective.total(terms)
        loss.backward()
        parameters = [parameter for _, parameter in self.named_parameters()]
        norm = nn.utils.clip_grad_norm_(parameters, self.stage.max_gradient_norm)
        bad = ~(torch.isfinite(loss) & torch.isfinite(norm)) & (self._not_finite == 0)
        self._not_finite = torch.where(bad, step + 1, self._not_finite)
        if self.looks_at_each_step:
            self._check_finite()
        rate = self.stage.rate(step, steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._terms = {name: value.detach() for name, value in terms.items()}
        self.next_step = step + 1

    @property
    def recent(self) -> dict[str, float]:
        """Each term of the last step's loss; waits for the device."""
        return {name: float(value) for name, value in self._terms.items()}

    def look(self) -> None:
        """Wait for the device and check the steps since the last look.

        Afterwards ``seconds`` is up to date. Raises TrainingFailed if the loss or a gradient of a step was
        not finite: the weights are not to be used.
        """
        self.seconds += self.stopwatch.take()
        self._check_finite()

    def _check_finite(self) -> None:
        if step := int(self._not_finite):
            raise TrainingFailed(f"the loss is not finite at step {step}")

    def end_training(self) -> None:
        """Give back the memory that training alone needs."""
        self.optimizer.state.clear()
        for group in self.optimizer.param_groups:  # which hold weights and gradients of their own
            group["params"].clear()

    def free(self) -> None:
        """Give the memory of a failed learner to the others; nothing is left to train or to read."""
        if hasattr(self, "optimizer"):
            self.end_training()
            self.forward.captured = []
        self._terms = {}
        for name in ("model", "objective"):
            if hasattr(self, name):
                getattr(self, name).to("meta")


def out_of_memory(error: BaseException) -> bool:
    """Tell whether ``error`` means that the device or the machine has no memory left."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(
        words in str(error) for words in _OUT_OF_MEMORY
    )


@contextlib.contextmanager
def only_this_one_fails(learner: Learner, where: str) -> Iterator[None]:
    """Mark ``learner`` as failed and free its memory if it runs out of that or diverges.

    ``where`` says when, for the reason that is recorded.
    """
    try:
        yield
    except TrainingFailed as error:
        learner.failed = str(error)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        learner.failed = f"out of memory {where}"
    if learner.failed is not None:
        learner.free()


class Stopwatch:
    """Adds up the time of blocks; on a GPU by events, for which nothing waits until they are read."""

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type == "cuda"
        self._seconds = 0.0
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Time the block, also one that raises."""
        if self._on_gpu:
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            try:
                yield
            finally:
                end.record()
                self._events.append((start, end))
        else:
            started = time.perf_counter()
            try:
                yield
            finally:
                self._seconds += time.perf_counter() - started

    def take(self) -> float:
        """Return the seconds since the last take; waits for the device to have done the blocks."""
        for start, end in self._events:
            end.synchronize()
            self._seconds += start.elapsed_time(end) / 1e3
        seconds, self._seconds, self._events = self._seconds, 0.0, []
        return seconds
