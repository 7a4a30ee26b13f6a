"""The unit of a regression model's output: the labels' in files, spreads from their centre in training.

A saved model answers in the unit of the labels, with nothing but its output layer to know that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from kdnas.data.tasks import UNSCALED, Task

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def output_layer(model: PreTrainedModel) -> nn.Linear:
    """Return the last layer of a classifier's head."""
    return [module for module in model.classifier.modules() if isinstance(module, nn.Linear)][-1]


@torch.no_grad()
def into_training(model: PreTrainedModel, task: Task) -> None:
    """Let a model's output layer give what :meth:`Task.to_standard` makes of its outputs."""
    if task.scale != UNSCALED:
        layer, (centre, spread) = output_layer(model), task.scale
        layer.weight.div_(spread)
        layer.bias.sub_(centre).div_(spread)


@torch.no_grad()
def out_of_training(model: PreTrainedModel, task: Task) -> None:
    """Let a model's output layer give what :meth:`Task.from_standard` makes of its outputs."""
    if task.scale != UNSCALED:
        layer, (centre, spread) = output_layer(model), task.scale
        layer.weight.mul_(spread)
        layer.bias.mul_(spread).add_(centre)
