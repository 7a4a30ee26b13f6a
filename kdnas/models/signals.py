"""Statistics of a teacher's activations on real tokens, by which its students are narrowed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.hooks import RemovableHandle

from kdnas.models.families import family_of
from kdnas.models.loading import base_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Moments:
    """The mean of vectors over tokens, shape (n,), and the mean of their outer products; on the CPU."""

    mean: torch.Tensor
    products: torch.Tensor  # in single precision: those of 12 layers of 3,072 neurons are 450 MB

    @property
    def second(self) -> torch.Tensor:
        """Mean outer product, shape (n, n), float64."""
        return self.products.double()

    @property
    def covariance(self) -> torch.Tensor:
        """Covariance, shape (n, n), float64."""
        return self.second - torch.outer(self.mean, self.mean)

    @property
    def squares(self) -> torch.Tensor:
        """Mean square of each component, shape (n,), float64."""
        return self.products.diagonal().double()


@dataclass(frozen=True)
class LayerSignals:
    """The statistics of one layer's activations.

    The residual stream as attention reads it (``entering``), as the FFN reads it (``inner``) and as it leaves
    the layer (``leaving``); the inputs of the output projections of attention (``context``) and of the FFN
    (``neurons``). In a pre-norm model the stream is taken inside its norms, before their gains.
    """

    entering: Moments
    inner: Moments
    leaving: Moments
    context: Moments
    neurons: Moments


def largest(importance: torch.Tensor, count: int) -> torch.Tensor:
    """Return the positions of the ``count`` largest values in ascending order; ties go to the first."""
    order = torch.sort(importance, descending=True, stable=True).indices
    return torch.sort(order[:count]).values


class _Sums:
    def __init__(self) -> None:
        self.tokens = 0
        self.total = torch.zeros(())
        self.products = torch.zeros(())

    def add(self, vectors: torch.Tensor) -> None:
        self.tokens += len(vectors)
        self.total = self.total + vectors.sum(0)
        self.products = self.products + vectors.T @ vectors

    def moments(self) -> Moments:
        return Moments(self.total.cpu().double() / self.tokens, self.products.cpu().div_(self.tokens))


def measure_signals(model: PreTrainedModel, batches: Iterable[dict[str, torch.Tensor]]) -> list[LayerSignals]:
    """Run ``model`` on ``batches`` (its inputs, each (batch, tokens)); return every layer's signals."""
    family = family_of(model.config.model_type)
    layers = family.parts_of(base_model(model))
    sums = [{name: _Sums() for name in LayerSignals.__dataclass_fields__} for _ in layers]
    mask = torch.zeros(())

    def reads(module: nn.Module, entry: _Sums) -> RemovableHandle:
        return module.register_forward_pre_hook(lambda _module, inputs: entry.add(inputs[0][mask]))

    def leaves(module: nn.Module, entry: _Sums) -> RemovableHandle:
        return module.register_forward_hook(lambda _module, _inputs, output: entry.add(output[mask]))

    def normalises(norm: Any, entry: _Sums) -> RemovableHandle:
        def add(_module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            entry.add(F.layer_norm(inputs[0][mask], norm.normalized_shape, eps=norm.eps))

        return norm.register_forward_pre_hook(add)

    hooks = []
    for number, (parts, entries) in enumerate(zip(layers, sums, strict=True)):
        hooks += [
            reads(parts.attention_output, entries["context"]),
            reads(parts.ffn_output, entries["neurons"]),
        ]
        if family.pre_norm and number:
            hooks.append(normalises(layers[number - 1].ffn_norm, entries["entering"]))
        else:
            hooks.append(reads(parts.query, entries["entering"]))
        if family.pre_norm:
            hooks.append(normalises(parts.attention_norm, entries["inner"]))
            hooks.append(normalises(parts.ffn_norm, entries["leaving"]))
        else:
            hooks.append(reads(parts.ffn_input, entries["inner"]))
            hooks.append(leaves(parts.ffn_norm, entries["leaving"]))
    model.eval()
    try:
        with torch.no_grad():
            for batch in batches:
                mask = batch["attention_mask"].bool()
                model(**batch)
    finally:
        for hook in hooks:
            hook.remove()
    return [LayerSignals(**{name: entry.moments() for name, entry in entries.items()}) for entries in sums]
