"""Refit of a narrowed student, one layer after the other, to what its teacher's layers give.

The rule (our choice; docs/method.md says why). Each layer reads what the student's own earlier layers give,
which are refitted already. Every fit is a ridge regression, with an intercept, on a sample of tokens, and its
ridge pulls towards the narrowed weights.

- Matrices that read the residual stream (queries, keys, values, the FFN's first): the teacher's, applied to
  the teacher's stream as the student's predicts it.
- Matrices that write into it (the output projections of attention and FFN): fitted so that the sum before the
  layer norm is the teacher's sum, projected on the student's basis.
- The output layer: fitted to the teacher's logits.

Which heads, neurons and dimensions are kept is the choice of :mod:`kdnas.models.narrowing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from kdnas.models.families import family_of
from kdnas.models.families.base import LayerParts
from kdnas.models.loading import base_model
from kdnas.models.narrowing import Kept, take
from kdnas.models.unit import output_layer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Batch = dict[str, torch.Tensor]
Linear = tuple[torch.Tensor, torch.Tensor]  # weight (outputs, inputs) and bias (outputs,), float64

RIDGE = 1e-3  # as a share of the mean square of a fit's inputs
TOKENS = 16  # of a row that are fitted: the first, which the head reads, and others drawn at random
CHUNK = 4096  # tokens whose products are summed at once: fewer spend their time on adding the sums up


@dataclass(frozen=True)
class Targets:
    """What students are fitted to, a list entry for each of ``batches``.

    ``tokens`` (rows, length) marks the tokens that are fitted. On these, ``entering`` is what the teacher's
    first layer reads and, layer by layer, ``attention`` and ``ffn`` are the sums before the two norms, each
    (tokens, H_T). ``logits`` are (rows, labels).
    """

    batches: list[Batch]
    tokens: list[torch.Tensor]
    entering: list[torch.Tensor]
    attention: list[list[torch.Tensor]]
    ffn: list[list[torch.Tensor]]
    logits: list[torch.Tensor]


@torch.no_grad()
def measure_targets(teacher: PreTrainedModel, batches: Iterable[Batch], seed: int) -> Targets:
    """Run ``teacher`` on ``batches`` (its inputs, each (rows, length)); ``seed`` draws the tokens."""
    layers = _layers(teacher)
    generator = torch.Generator().manual_seed(seed)
    targets = Targets([], [], [], [[] for _ in layers], [[] for _ in layers], [])
    teacher.eval()
    for batch in batches:
        tokens = _draw(batch["attention_mask"].bool(), generator)
        places = [(layers[0].query, targets.entering)]
        for layer, attention, ffn in zip(layers, targets.attention, targets.ffn, strict=True):
            places += [(layer.attention_norm, attention), (layer.ffn_norm, ffn)]
        hooks = [_keeps_inputs(module, tokens, kept) for module, kept in places]
        try:
            targets.logits.append(teacher(**batch).logits)
        finally:
            for hook in hooks:
                hook.remove()
        targets.batches.append(batch)
        targets.tokens.append(tokens)
    return targets


def _draw(real: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mark at most ``TOKENS`` of each row's ``real`` tokens (rows, length), the first among them."""
    order = torch.rand(real.shape, generator=generator).masked_fill(~real, 2.0)
    order[:, 0] = -1.0
    last = order.sort(dim=1).values[:, min(TOKENS, real.shape[1]) - 1]
    return real & (order <= last[:, None])


def _keeps_inputs(module: nn.Module, tokens: torch.Tensor, kept: list[torch.Tensor]) -> Any:
    return module.register_forward_pre_hook(lambda _module, inputs: kept.append(inputs[0][tokens]))


def fit(inputs: Iterable[torch.Tensor], outputs: Iterable[torch.Tensor], start: torch.Tensor) -> Linear:
    """Return the ridge regression of ``outputs`` on ``inputs``, both in batches of (tokens, size).

    The ridge pulls the weight towards ``start`` (outputs, inputs), so that what was exact stays exact.
    """
    count = 0
    sums = [torch.zeros(())] * 4
    for given, wanted in _chunks(inputs, outputs):
        count += len(given)
        found = given.sum(0), wanted.sum(0), given.T @ given, given.T @ wanted
        sums = [total + part.double() for total, part in zip(sums, found, strict=True)]
    x, y, xx, xy = (total / count for total in sums)
    smallest = torch.finfo(torch.float32).tiny  # all inputs may be 0, as those of dead neurons are
    ridge = (RIDGE * xx.diagonal().mean()).clamp_min(smallest)
    shrunk = xx - torch.outer(x, x) + ridge * torch.eye(len(x), dtype=x.dtype)
    weight = torch.linalg.solve(shrunk, xy - torch.outer(x, y) + ridge * start.T).T
    return weight, y - weight @ x


def _chunks(*parts: Iterable[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Yield the batches of all ``parts`` side by side, joined to chunks of ``CHUNK`` tokens or more."""
    waiting: list[tuple[torch.Tensor, ...]] = []
    for batch in zip(*parts, strict=True):
        waiting.append(batch)
        if sum(len(first) for first, *_ in waiting) >= CHUNK:
            yield [torch.cat(part) for part in zip(*waiting, strict=True)]
            waiting = []
    if waiting:
        yield [torch.cat(part) for part in zip(*waiting, strict=True)]


@torch.no_grad()
def refit(student: PreTrainedModel, teacher: PreTrainedModel, *, kept: Kept, targets: Targets) -> None:
    """Refit ``student``, narrowed from ``teacher`` to what is ``kept`` of it; all on the CPU."""
    student.eval()
    basis = kept.basis.float()
    family, encoder = family_of(student.config.model_type), base_model(student)
    modules, own, given = family.layers_of(encoder), _layers(student), _layers(teacher)
    states = [family.embed(encoder, batch) for batch in targets.batches]
    arguments = [
        family.attention_arguments(encoder, state, batch["attention_mask"])
        for state, batch in zip(states, targets.batches, strict=True)
    ]

    def fitted(tensors: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
        return (tensor[tokens] for tensor, tokens in zip(tensors, targets.tokens, strict=True))

    entering = targets.entering
    for module, layer, part in zip(modules, own, kept.layers, strict=True):
        source = given[part.source]
        if part.source:
            entering = map(given[part.source - 1].ffn_norm, targets.ffn[part.source - 1])
        stream = fit(fitted(states), entering, kept.basis)
        scaled = part.query_scale * part.heads.queries
        _read(layer.query, source.query, scaled, stream)
        _read(layer.key, source.key, part.heads.keys, stream)
        _read(layer.value, source.value, part.heads.values, stream)
        contexts = [family.attend(module, *inputs) for inputs in zip(states, arguments, strict=True)]
        sums = targets.attention[part.source]
        _write(layer.attention_output, fitted(contexts), sums, fitted(states), basis)
        states = [
            layer.attention_norm(layer.attention_output(context) + state)
            for context, state in zip(contexts, states, strict=True)
        ]

        stream = fit(fitted(states), map(source.attention_norm, sums), kept.basis)
        _read(layer.ffn_input, source.ffn_input, part.neurons, stream)
        neurons, sums = (_neurons(layer, state) for state in fitted(states)), targets.ffn[part.source]
        _write(layer.ffn_output, neurons, sums, fitted(states), basis)
        if part is kept.layers[-1]:  # the head reads the first token alone
            states = [state[:, :1] for state in states]
        states = [layer.ffn_norm(layer.ffn_output(_neurons(layer, state)) + state) for state in states]
    last = output_layer(student)
    _put(last, fit(_features(student, states), targets.logits, last.weight))


def _layers(model: PreTrainedModel) -> list[LayerParts]:
    """Return the modules of every layer."""
    family = family_of(model.config.model_type)
    return [family.parts.of(layer) for layer in family.layers_of(base_model(model))]


def _neurons(layer: LayerParts, state: torch.Tensor) -> torch.Tensor:
    """Return what the FFN's output projection reads."""
    neurons: torch.Tensor = layer.activation(layer.ffn_input(state))
    return neurons


def _read(own: nn.Linear, teachers: nn.Linear, kept: torch.Tensor, stream: Linear) -> None:
    """Make ``own`` the ``kept`` part of the teacher's, whose input ``stream`` predicts from the student's."""
    weight, bias = (take(value.double(), kept) for value in (teachers.weight, teachers.bias))
    _put(own, (weight @ stream[0], bias + weight @ stream[1]))


def _write(
    own: nn.Linear,
    inputs: Iterable[torch.Tensor],
    sums: Iterable[torch.Tensor],
    beside: Iterable[torch.Tensor],
    basis: torch.Tensor,
) -> None:
    """Fit ``own`` on its ``inputs``, so that its output and what is added ``beside`` it give the ``sums``."""
    outputs = (given @ basis - added for given, added in zip(sums, beside, strict=True))
    _put(own, fit(inputs, outputs, own.weight))


def _put(own: nn.Linear, solution: Linear) -> None:
    for parameter, value in zip((own.weight, own.bias), solution, strict=True):
        parameter.copy_(value)


def _features(model: PreTrainedModel, states: Iterable[torch.Tensor]) -> list[torch.Tensor]:
    """Return what the output layer reads, (rows, H), given the last layer's ``states`` (rows, 1, H)."""
    family = family_of(model.config.model_type)
    found: list[torch.Tensor] = []
    hook = output_layer(model).register_forward_pre_hook(lambda _module, inputs: found.append(inputs[0]))
    try:
        for state in states:
            family.classify(model, state)
    finally:
        hook.remove()
    return found
