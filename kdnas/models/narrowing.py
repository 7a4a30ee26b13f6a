"""Initialisation of a student by narrowing its teacher: fewer layers, heads, neurons and dimensions.

The rule (our choice; docs/method.md says why):

- Layers: every k-th layer and always the last (:meth:`kdnas.models.families.base.Family.teacher_layer`).
- Hidden dimensions, one choice for the whole residual stream: the subspace with most of the copied layers'
  inputs and outputs (:mod:`kdnas.models.residual`). The part outside it is replaced by its mean.
- FFN neurons, in each layer: those with the largest product of mean square activation and squared output norm
  (Wanda prunes by weight times activation: Sun et al. 2023, arXiv 2306.11695, section 3).
- Attention heads: :mod:`kdnas.models.heads`. Queries are rescaled so that the attention scores keep the
  teacher's scale at another head size.
- Output projections, of attention and FFN: refitted by least squares, so that the remaining inputs predict
  the teacher's output best.
- Classification head: the rows of its first matrix with the largest product of squared norms in and out.
- Factorised embeddings: :mod:`kdnas.models.factorised`.
- In a pre-norm model the gains of the norms are in the matrices that read them
  (:meth:`kdnas.models.families.base.Family.by_parts`), so nothing of them is lost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch.nn import functional as F

from kdnas.models.factorised import factorise_embeddings
from kdnas.models.families.base import Family
from kdnas.models.heads import HeadMaps, head_outputs, head_sources, narrow_heads
from kdnas.models.residual import narrow_gain, narrow_norm, residual_basis
from kdnas.models.signals import LayerSignals, Moments, largest
from kdnas.search.space import Architecture

Tensors = dict[str, torch.Tensor]

RIDGE = 1e-3  # as a share of the mean square of a refitted projection's inputs


class KeptLayer(NamedTuple):
    """What one layer of a student keeps of the teacher's layer ``source`` (from 0).

    ``neurons`` are positions in the teacher's FFN; queries are scaled by ``query_scale`` beside ``heads``.
    """

    source: int
    heads: HeadMaps
    neurons: torch.Tensor
    query_scale: float


@dataclass(frozen=True)
class Kept:
    """What a student keeps of its teacher's encoder; ``basis`` (H_T, H_S), float64, spans its stream.

    ``shared_heads`` are the teacher's heads that its own start from, where all layers keep the same.
    """

    basis: torch.Tensor
    layers: list[KeptLayer]
    shared_heads: torch.Tensor | None = None


def choose_kept(
    teacher: Tensors,
    *,
    family: Family,
    signals: Sequence[LayerSignals],
    shape: Architecture,
    student: Architecture,
) -> Kept:
    """Return what ``student`` keeps of its teacher's encoder, that of a classifier of ``shape``.

    ``family`` is the teacher's, whose tensors are ``teacher``, under the names in its parts; ``signals`` has
    those of every teacher layer. Raises ValueError for a student that exceeds the teacher in any dimension,
    or has heads of another size where the family keeps it.
    """
    if (
        student.layers > shape.layers
        or student.hidden_size > shape.hidden_size
        or student.ffn_size > shape.ffn_size
    ):
        raise ValueError(f"{student.short_name} does not fit into the teacher {shape.short_name}")
    head_size, teachers = (size.hidden_size / size.attention_heads for size in (student, shape))
    if family.keeps_head_size and head_size != teachers:
        raise ValueError(f"{student.short_name} has heads of {head_size:g} dimensions, not {teachers:g}")
    teacher = _on_cpu(teacher)
    sources = [family.teacher_layer(i, student.layers, shape.layers) for i in range(student.layers)]
    basis = residual_basis([signals[source] for source in sources], student.hidden_size)
    parts, layers = family.parts, []
    tensors = [_below(teacher, f"{family.prefix}.{family.layers}.{source}") for source in sources]
    writes = [
        head_outputs(layer, signals[source], parts=parts, heads=shape.attention_heads)
        for layer, source in zip(tensors, sources, strict=True)
    ]
    if family.head_tables:  # each layer counts alike
        shares = torch.stack([outputs / outputs.sum().clamp_min(1e-12) for outputs in writes])
        writes = [shares.sum(0)] * len(sources)
    of_heads = [head_sources(outputs, shape=shape, student=student) for outputs in writes]
    for layer, source, rows in zip(tensors, sources, of_heads, strict=True):
        heads = narrow_heads(layer, signals[source], rows, parts=parts, student=student)
        importance = signals[source].neurons.squares * _column_squares(layer, parts.ffn_output)
        neurons = largest(importance, student.ffn_size)
        layers.append(KeptLayer(source, heads, neurons, math.sqrt(head_size / teachers)))
    if not family.head_tables:
        return Kept(basis, layers)
    return Kept(basis, layers, torch.stack([(rows // int(teachers)).mode().values for rows in of_heads[0]]))


def narrow_classifier(
    teacher: Tensors,
    kept: Kept,
    *,
    family: Family,
    signals: Sequence[LayerSignals],
    student: Architecture,
) -> Tensors:
    """Return the tensors of ``student``, made from what is ``kept`` of its teacher's.

    The other arguments are those of :func:`choose_kept`; the names in the result are of ``family`` too, but
    for factorised embeddings. Tensors are float32 copies on the CPU.
    """
    teacher, basis, prefix = _on_cpu(teacher), kept.basis, family.prefix
    hidden_size = len(basis)
    narrowed: Tensors = {}
    if student.factorised:
        tables = _below(teacher, f"{prefix}.embeddings")
        factorised = factorise_embeddings(
            tables, signals[0].entering, size=student.embedding_size, basis=basis
        )
        narrowed |= {f"{prefix}.{name}": value for name, value in factorised.items()}
    else:
        for name, value in teacher.items():
            if name.startswith(f"{prefix}.embeddings"):
                narrowed[name] = _narrow_embeddings(name, value, hidden_size, basis)
        norm = f"{prefix}.{family.embedding_norm}"
        if family.pre_norm:
            table = f"{prefix}.{family.word_embeddings}"
            narrowed |= _normed_embeddings(teacher, signals[0].entering, table=table, norm=norm, basis=basis)
        elif len(teacher[f"{norm}.weight"]) == hidden_size:
            _put_norm(narrowed, norm, teacher, signals[0].entering, basis)
    for target, part in enumerate(kept.layers):
        layer = _below(teacher, f"{prefix}.{family.layers}.{part.source}")
        found = _narrow_layer(layer, part, signals[part.source], family=family, basis=basis)
        for name, value in found.items():
            narrowed[f"{prefix}.{family.layers}.{target}.{name}"] = value
    for table in family.head_tables:
        name = f"{prefix}.{table}.weight"
        narrowed[name] = teacher[name][:, kept.shared_heads].clone()
    narrowed |= _narrow_head(teacher, signals[-1].leaving, head=family.head, basis=basis)
    return narrowed


def _on_cpu(tensors: Tensors) -> Tensors:
    return {name: value.detach().float().cpu() for name, value in tensors.items()}


def _below(tensors: Tensors, prefix: str) -> Tensors:
    return {
        name.removeprefix(f"{prefix}."): value
        for name, value in tensors.items()
        if name.startswith(f"{prefix}.")
    }


def _narrow_embeddings(name: str, value: torch.Tensor, size: int, basis: torch.Tensor) -> torch.Tensor:
    """Narrow the hidden size's axis, if there is one: ELECTRA's embeddings have a size of their own."""
    if name.endswith("_embeddings.weight") and value.shape[1] == size:
        return (value.double() @ basis).float()
    if ".embeddings_project." in name:
        return (basis.T @ value.double()).float()
    return value.clone()


def _normed_embeddings(
    teacher: Tensors, entering: Moments, *, table: str, norm: str, basis: torch.Tensor
) -> Tensors:
    """Narrow a table of word pieces alone and its norm without a bias, which gives each piece a fixed vector.

    The student's pieces are the teacher's vectors, so that the norm's gain is not lost, and its norm gives
    them the deviation that they have in the mean of real tokens.
    """
    weight, gain = teacher[f"{table}.weight"], teacher[f"{norm}.weight"]
    whole, size = basis.shape
    if whole == size:
        return {f"{table}.weight": weight.clone(), f"{norm}.weight": gain.clone()}
    vectors = F.layer_norm(weight.double(), (whole,)) * gain.double()
    within = basis.T @ entering.second @ basis
    variance = (within.trace() - within.sum() / size) / size  # of a token's dimensions
    return {
        f"{table}.weight": (vectors @ basis).float(),
        f"{norm}.weight": variance.sqrt().float().repeat(size),
    }


def _narrow_layer(
    layer: Tensors, kept: KeptLayer, signals: LayerSignals, *, family: Family, basis: torch.Tensor
) -> Tensors:
    parts, heads, neurons = family.parts, kept.heads, kept.neurons
    narrowed: Tensors = {}
    for name, rows, stream in (
        (parts.query, heads.queries, signals.entering),
        (parts.key, heads.keys, signals.entering),
        (parts.value, heads.values, signals.entering),
        (parts.ffn_input, neurons, signals.inner),
        (parts.ffn_gate, neurons, signals.inner),
    ):
        if name is not None:
            _put_reading(narrowed, name, layer, rows, stream.mean, basis)
    _put_writing(narrowed, parts.attention_output, layer, heads.context, signals.context, basis)
    _put_writing(narrowed, parts.ffn_output, layer, neurons, signals.neurons, basis)
    for name, leaving in ((parts.attention_norm, signals.inner), (parts.ffn_norm, signals.leaving)):
        if family.pre_norm:
            narrowed[f"{name}.weight"] = narrow_gain(leaving, basis)
        else:
            _put_norm(narrowed, name, layer, leaving, basis)
    for values in _below(narrowed, parts.query).values():
        values *= kept.query_scale
    return narrowed


def _narrow_head(
    teacher: Tensors, leaving: Moments, *, head: tuple[str, str], basis: torch.Tensor
) -> Tensors:
    """Narrow the two matrices between the encoder and the logits."""
    first, second = head
    importance = _row_squares(teacher, first) * _column_squares(teacher, second)
    rows = largest(importance, basis.shape[1])
    narrowed: Tensors = {}
    _put_reading(narrowed, first, teacher, rows, leaving.mean, basis)
    narrowed[f"{second}.weight"] = teacher[f"{second}.weight"][:, rows].clone()
    narrowed[f"{second}.bias"] = teacher[f"{second}.bias"].clone()
    return narrowed


def _put_reading(
    narrowed: Tensors, name: str, layer: Tensors, kept: torch.Tensor, mean: torch.Tensor, basis: torch.Tensor
) -> None:
    """Put in the ``kept`` part of a projection that reads the residual stream, whose mean is ``mean``."""
    weight = take(layer[f"{name}.weight"].double(), kept)
    narrowed[f"{name}.weight"] = (weight @ basis).float()
    if f"{name}.bias" in layer:
        outside = mean - basis @ (basis.T @ mean)
        bias = take(layer[f"{name}.bias"].double(), kept)
        narrowed[f"{name}.bias"] = (bias + weight @ outside).float()


def _put_writing(
    narrowed: Tensors, name: str, layer: Tensors, kept: torch.Tensor, reads: Moments, basis: torch.Tensor
) -> None:
    """Put in a projection into the residual stream, refitted to the inputs that are ``kept``."""
    weight, bias = layer[f"{name}.weight"].double(), layer.get(f"{name}.bias")
    bias = None if bias is None else bias.double()
    if not _is_all(kept, weight.shape[1]):
        with_all = take(reads.second if bias is None else reads.covariance, kept)
        among = take(with_all.T, kept) + RIDGE * reads.squares.mean() * torch.eye(len(kept))
        refitted = torch.linalg.solve(among, with_all @ weight.T).T
        if bias is not None:
            bias = bias + weight @ reads.mean - refitted @ take(reads.mean, kept)
        weight = refitted
    narrowed[f"{name}.weight"] = (basis.T @ weight).float()
    if bias is not None:
        narrowed[f"{name}.bias"] = (basis.T @ bias).float()


def take(values: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Return the rows of ``values`` at positions ``kept``, or their image where ``kept`` is a map."""
    return kept @ values if kept.is_floating_point() else values[kept]


def _is_all(kept: torch.Tensor, size: int) -> bool:
    """Return whether all ``size`` inputs are kept unchanged."""
    if kept.is_floating_point():
        return torch.equal(kept, torch.eye(size, dtype=kept.dtype))
    return len(kept) == size


def _put_norm(narrowed: Tensors, name: str, layer: Tensors, leaving: Moments, basis: torch.Tensor) -> None:
    pair = narrow_norm(layer[f"{name}.weight"], layer[f"{name}.bias"], leaving=leaving, basis=basis)
    narrowed[f"{name}.weight"], narrowed[f"{name}.bias"] = (value.clone() for value in pair)


def _row_squares(tensors: Tensors, name: str) -> torch.Tensor:
    return (tensors[f"{name}.weight"] ** 2).sum(1)


def _column_squares(tensors: Tensors, name: str) -> torch.Tensor:
    return (tensors[f"{name}.weight"] ** 2).sum(0)
