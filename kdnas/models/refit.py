"""Refit of a narrowed student, one layer after the other, to what its teacher's layers give.

The rule (our choice; docs/method.md says why). Each layer reads what the student's own earlier layers give,
which are refitted already. Every fit is a ridge regression, with an intercept, on a sample of tokens, and its
ridge pulls towards the narrowed weights.

- Matrices that read the residual stream (queries, keys, values, the FFN's first): the teacher's, applied to
  the teacher's stream as the student's predicts it.
- Matrices that write into it (the output projections of attention and FFN): fitted so that the sum before the
  layer norm is the teacher's sum, projected on the student's basis.
- Where a matrix has no bias, its fit has no intercept.
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
Module = Any  # with a weight and perhaps a bias

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


def fit(
    inputs: Iterable[torch.Tensor],
    outputs: Iterable[torch.Tensor],
    start: torch.Tensor,
    *,
    intercept: bool = True,
) -> Linear:
    """Return the ridge regression of ``outputs`` on ``inputs``, both in batches of (tokens, size).

    The ridge pulls the weight towards ``start`` (outputs, inputs), so that what was exact stays exact.
    Without an ``intercept`` the bias is 0.
    """
    count = 0
    sums = [torch.zeros(())] * 4
    for given, wanted in _chunks(inputs, outputs):
        count += len(given)
        found = given.sum(0), wanted.sum(0), given.T @ given, given.T @ wanted
        sums = [total + part.double() for total, part in zip(sums, found, strict=True)]
    x, y, xx, xy = (total / count for total in sums)
    if not intercept:
        x, y = torch.zeros_like(x), torch.zeros_like(y)
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
    masks = [batch["attention_mask"] for batch in targets.batches]
    states = [family.embed(encoder, batch) for batch in targets.batches]
    beside = states  # what a block's output is added to
    arguments = [
        family.attention_arguments(encoder, state, mask) for state, mask in zip(states, masks, strict=True)
    ]

    def fitted(tensors: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
        return (tensor[tokens] for tensor, tokens in zip(tensors, targets.tokens, strict=True))

    def predict(wanted: Iterable[torch.Tensor], reader: Module, norm: Module | None) -> Linear:
        """Fit what the teacher's matrix reads, behind its ``norm``, on what the ``reader`` does."""
        start = kept.basis
        if family.pre_norm and norm is not None:  # its gain is in the narrowed reader
            start = norm.weight.double()[:, None] * start
        return fit(fitted(states), wanted, start, intercept=reader.bias is not None)

    entering, before = targets.entering, None
    for module, layer, part in zip(modules, own, kept.layers, strict=True):
        source = given[part.source]
        if part.source:
            before = given[part.source - 1].ffn_norm
            entering = map(before, targets.ffn[part.source - 1])
        stream = predict(entering, layer.query, before)
        scaled = part.query_scale * part.heads.queries
        _read(layer.query, source.query, scaled, stream)
        _read(layer.key, source.key, part.heads.keys, stream)
        _read(layer.value, source.value, part.heads.values, stream)
        contexts = [family.attend(module, *inputs) for inputs in zip(states, arguments, strict=True)]
        sums = targets.attention[part.source]
        _write(layer.attention_output, fitted(contexts), sums, fitted(beside), basis)
        totals = (
            layer.attention_output(context) + added for context, added in zip(contexts, beside, strict=True)
        )
        beside, states = _behind(layer.attention_norm, totals, family.pre_norm)

        stream = predict(map(source.attention_norm, sums), layer.ffn_input, source.attention_norm)
        _read(layer.ffn_input, source.ffn_input, part.neurons, stream)
        if layer.ffn_gate is not None:
            _read(layer.ffn_gate, source.ffn_gate, part.neurons, stream)
        neurons, sums = (_neurons(layer, state) for state in fitted(states)), targets.ffn[part.source]
        _write(layer.ffn_output, neurons, sums, fitted(beside), basis)
        if part is kept.layers[-1] and family.reads_first_token(student.config):
            states, beside = ([state[:, :1] for state in batch] for batch in (states, beside))
        totals = (
            layer.ffn_output(_neurons(layer, state)) + added
            for state, added in zip(states, beside, strict=True)
        )
        beside, states = _behind(layer.ffn_norm, totals, family.pre_norm)
    last = output_layer(student)
    _put(last, fit(_features(student, states, masks), targets.logits, last.weight))


def _layers(model: PreTrainedModel) -> list[LayerParts]:
    """Return the modules of every layer."""
    return family_of(model.config.model_type).parts_of(base_model(model))


def _behind(
    norm: nn.Module, totals: Iterable[torch.Tensor], pre_norm: bool
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Return what goes on beside the next block, and what that reads, given the sums before ``norm``."""
    if pre_norm:
        beside = list(totals)
        return beside, [norm(total) for total in beside]
    states = [norm(total) for total in totals]
    return states, states


def _neurons(layer: LayerParts, state: torch.Tensor) -> torch.Tensor:
    """Return what the FFN's output projection reads."""
    neurons: torch.Tensor = layer.activation(layer.ffn_input(state))
    return neurons if layer.ffn_gate is None else neurons * layer.ffn_gate(state)


def _read(own: Module, teachers: Module, kept: torch.Tensor, stream: Linear) -> None:
    """Make ``own`` the ``kept`` part of the teacher's, whose input ``stream`` predicts from the student's."""
    weight = take(teachers.weight.double(), kept)
    bias = 0.0 if teachers.bias is None else take(teachers.bias.double(), kept)
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
    _put(own, fit(inputs, outputs, own.weight, intercept=own.bias is not None))


def _put(own: Module, solution: Linear) -> None:
    own.weight.copy_(solution[0])
    if own.bias is not None:
        own.bias.copy_(solution[1])


def _features(
    model: PreTrainedModel, states: Iterable[torch.Tensor], masks: Iterable[torch.Tensor]
) -> list[torch.Tensor]:
    """Return what the output layer reads, (rows, H), given the ``states`` behind the last layer."""
    family = family_of(model.config.model_type)
    found: list[torch.Tensor] = []
    hook = output_layer(model).register_forward_pre_hook(lambda _module, inputs: found.append(inputs[0]))
    try:
        for state, mask in zip(states, masks, strict=True):
            family.classify(model, state, mask)
    finally:
        hook.remove()
    return found
