"""A sample of the training rows, and what a teacher makes of it before its students train."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn

from kdnas.models.signals import LayerSignals, measure_signals
from kdnas.training.batches import collate, epoch_batches
from kdnas.training.data import TrainingData
from kdnas.training.forward import Forward, model_inputs
from kdnas.training.losses import States
from kdnas.training.objective import Objective

BATCHES, ROWS = 8, 32


@dataclass
class Sample:
    """256 training rows in batches, with the data that they are of and its teacher.

    All of it runs on the CPU: a GPU is held by no job that has nothing to train yet.
    """

    batches: list[dict[str, torch.Tensor]]
    data: TrainingData
    teacher: nn.Module

    @classmethod
    def draw(cls, data: TrainingData, teacher: nn.Module, seed: int) -> Sample:
        """Draw the rows with ``seed``; ``teacher`` is on the CPU."""
        rows = epoch_batches(data.train.lengths, ROWS, seed, 0)[:BATCHES]
        return cls([collate(data.train, batch, torch.device("cpu")) for batch in rows], data, teacher)

    @cached_property
    def signals(self) -> list[LayerSignals]:
        """What the teacher's layers carry, to narrow it by."""
        with self.data.vocabulary.shrunk(self.teacher):
            return measure_signals(self.teacher, map(model_inputs, self.batches))

    def fit(self, objective: Objective, student: nn.Module) -> None:
        """Start the maps of the hidden-state loss, if any, where they predict the teacher's states best."""
        if objective.hidden is not None:
            masks = [batch["attention_mask"] for batch in self.batches]
            states = zip(self._states(student), self._states(self.teacher), masks, strict=True)
            objective.hidden.fit(states)

    @torch.no_grad()
    def _states(self, model: nn.Module) -> Iterator[States]:
        # batch by batch: all states of BERT-Base on the sample would be 1.2 GB
        with self.data.vocabulary.shrunk(model):
            forward = Forward(model.eval(), True, False)
            yield from (forward(batch).hidden_states for batch in self.batches)
