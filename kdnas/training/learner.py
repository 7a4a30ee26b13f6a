"""A model in training: its objective, optimiser, schedule and place in the run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from kdnas.files.artifacts import digest
from kdnas.training.failure import TrainingFailed
from kdnas.training.forward import Forward
from kdnas.training.losses import Outputs
from kdnas.training.objective import Objective
from kdnas.training.stopwatch import Stopwatch


@dataclass(frozen=True)
class Stage:
    """The settings of one training: the config's ``teacher.training`` or ``distillation.<stage>``."""

    epochs: int
    min_steps: int
    batch_size: int
    learning_rate: float
    warmup: float
    weight_decay: float
    dropout: float
    max_gradient_norm: float

    def steps(self, rows: int) -> int:
        """Return the number of steps on ``rows`` rows: whole epochs, until there are ``min_steps``."""
        batches = math.ceil(rows / self.batch_size)
        return batches * max(self.epochs, math.ceil(self.min_steps / batches))

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate at ``step`` (from 0): a linear rise, then a linear fall to zero."""
        rising = max(1, round(self.warmup * steps))
        if step < rising:
            return self.learning_rate * (step + 1) / rising
        return self.learning_rate * (steps - step) / max(1, steps - rising)


class Learner:
    """One model in training; ``key`` names everything that its result depends on."""

    def __init__(
        self,
        key: dict[str, Any],
        model: nn.Module,
        objective: Objective,
        stage: Stage,
        seed: int,
        device: torch.device,
        autocast: bool,
    ) -> None:
        self.key = key
        self.digest = digest(key)
        self.model = model.to(device)
        self.objective = objective.to(device)
        self.stage = stage
        self.seed = seed
        self.device = device
        self.autocast = autocast
        self.next_step = 0
        self.failed: str | None = None
        self.seconds = 0.0
        self.stopwatch = Stopwatch(self.device)
        # a GPU would idle while it is looked at, so there it is done by and by (:meth:`look`)
        self.looks_at_each_step = self.device.type != "cuda"
        self._not_finite = torch.zeros(
            (), dtype=torch.int64, device=self.device
        )  # the first such step, from 1
        self._terms: dict[str, torch.Tensor] = {}
        weights = objective.weights
        self.forward = Forward(self.model, bool(weights.hidden), bool(weights.relations))
        self.optimizer = torch.optim.AdamW(self._groups(), lr=stage.learning_rate, fused=True)

    def _groups(self) -> list[dict[str, Any]]:
        decayed, free = [], []
        for name, parameter in self.named_parameters():
            # embeddings too go undecayed: see kdnas.models.vocabulary
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
        """Wait for the device and see what the steps since the last look came to.

        ``seconds`` is up to date then. Raises TrainingFailed if the loss or a gradient of a step was not
        finite: the weights are not to be used.
        """
        self.seconds += self.stopwatch.take()
        self._check_finite()

    def _check_finite(self) -> None:
        if step := int(self._not_finite):
            raise TrainingFailed(f"the loss is not finite at step {step}")

    def end_training(self) -> None:
        """Give back the memory that training alone needs."""
        self.optimizer.state.clear()
        for group in self.optimizer.param_groups:  # they hold the weights and gradients that the models leave
            group["params"].clear()

    def free(self) -> None:
        """Give the memory of a failed learner to the others; nothing is left to train or to read."""
        self.end_training()
        self.forward.captured, self._terms = [], {}
        self.model.to("meta")
        self.objective.to("meta")
