"""A teacher's attention heads in a student: fewer of them, with fewer dimensions.

The rule (our choice; docs/method.md says why): a student with at most as many heads takes the teacher's heads
with the largest outputs, one each. Narrower heads keep the combinations of queries and keys that preserve the
attention scores best, and the combinations of values that preserve most of the head's output. In wider heads
the remaining dimensions start without effect, from rows of the heads that were left out. A student with more
heads takes the teacher's rows in order, cut into as many chunks, each narrowed as a head is.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from kdnas.models.families.base import LayerParts
from kdnas.models.signals import LayerSignals, Moments, largest
from kdnas.search.space import Architecture

FLOOR = 1e-4  # as a share of a head's strongest component: weaker components are not scaled up further


class HeadMaps(NamedTuple):
    """A student's heads as maps of its teacher's: four maps, each (H_S, H_T), float64.

    Rows are in the order of the student's heads. ``context`` maps the inputs of the output projection: there,
    rows without effect are 0.
    """

    queries: torch.Tensor
    keys: torch.Tensor
    values: torch.Tensor
    context: torch.Tensor


def head_outputs(
    layer: dict[str, torch.Tensor], signals: LayerSignals, *, parts: LayerParts, heads: int
) -> torch.Tensor:
    """Return the variance of what each of a layer's ``heads`` writes into the residual stream (heads,).

    Without a bias, which would take its mean, it is the mean square.

    ``layer`` has the layer's tensors, by the names in ``parts``, and ``signals`` the statistics of its
    activations.
    """
    context = signals.context.covariance  # a mean may go into the bias
    if f"{parts.attention_output}.bias" not in layer:
        context = signals.context.second
    written = layer[f"{parts.attention_output}.weight"].double()
    rows = torch.arange(len(context)).split(len(context) // heads)
    return torch.stack([_energy(written[:, head], context[head][:, head]) for head in rows])


def head_sources(outputs: torch.Tensor, *, shape: Architecture, student: Architecture) -> list[torch.Tensor]:
    """Return the teacher's rows that each of the student's heads starts from.

    ``outputs`` are those of :func:`head_outputs`, or their sum over layers whose heads are to be the same.
    """
    rows = torch.arange(shape.hidden_size)
    if student.attention_heads > shape.attention_heads:
        return list(rows.tensor_split(student.attention_heads))
    heads = rows.split(shape.hidden_size // shape.attention_heads)
    return [heads[head] for head in largest(outputs, student.attention_heads).tolist()]


def narrow_heads(
    layer: dict[str, torch.Tensor],
    signals: LayerSignals,
    sources: list[torch.Tensor],
    *,
    parts: LayerParts,
    student: Architecture,
) -> HeadMaps:
    """Return the maps of one layer's heads; a head that fits is taken as it is.

    ``sources`` are those of :func:`head_sources`, one for each head of ``student``, whose hidden size is H_S;
    ``layer``, ``signals`` and ``parts`` are those of :func:`head_outputs`.
    """
    context = signals.context.covariance
    written = layer[f"{parts.attention_output}.weight"].double()
    size = student.hidden_size // student.attention_heads
    unused = torch.ones(len(context), dtype=torch.bool)
    unused[torch.cat(sources)] = False
    spare = unused.nonzero().flatten()
    maps = HeadMaps(*torch.zeros(4, student.hidden_size, len(context), dtype=torch.float64))
    for head, rows in enumerate(sources):
        start = head * size
        if len(rows) > size:
            query, key = (_outputs(layer, name, rows, signals.entering) for name in (parts.query, parts.key))
            of_query, of_key = score_maps(query.second, key.covariance, size)
            of_value = value_map(context[rows][:, rows], written[:, rows], size)
        else:
            of_query = of_key = of_value = torch.eye(len(rows), dtype=torch.float64)
        here = slice(start, start + len(of_query))
        maps.queries[here, rows] = of_query
        maps.keys[here, rows] = of_key
        maps.values[here, rows] = maps.context[here, rows] = of_value
        filling, spare = spare[: size - len(of_query)], spare[size - len(of_query) :]
        fill = torch.arange(here.stop, start + size)
        maps.keys[fill, filling] = maps.values[fill, filling] = 1.0  # trainable: only the other side is 0
    return maps


def score_maps(queries: torch.Tensor, keys: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return maps of queries and keys, each (``size``, n), that keep a head's scores best.

    ``queries`` is the second moment of a head's queries and ``keys`` the covariance of its keys, both (n, n).
    The mean key needs no keeping: it adds the same to all scores of a query, and softmax ignores that. The
    scores q.k of independent tokens are kept with the least mean square error by the first singular
    components of the product of both square roots.
    """
    left, right = _root(queries), _root(keys)
    of_queries, strengths, of_keys = torch.linalg.svd(left @ right)
    strongest = float(strengths[0])
    scale = strengths[:size].clamp_min(max(FLOOR * strongest, torch.finfo(torch.float32).tiny)).rsqrt()
    return scale[:, None] * (of_keys[:size] @ right), scale[:, None] * (left @ of_queries[:, :size]).T


def value_map(context: torch.Tensor, written: torch.Tensor, size: int) -> torch.Tensor:
    """Return the map of values (``size``, n) that keeps most of a head's output, with rows of length 1.

    ``context`` is the covariance (n, n) of the head's output before the output projection, whose columns are
    ``written`` (hidden size, n). The principal components are taken behind the projection.
    """
    components = torch.linalg.svd(written @ _root(context), full_matrices=False).U[:, :size]
    rows = components.T @ written
    return rows / rows.norm(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)


def _outputs(layer: dict[str, torch.Tensor], name: str, rows: torch.Tensor, reads: Moments) -> Moments:
    """Return the moments of ``rows`` of the queries or keys, given the moments ``reads`` of their inputs."""
    weight, bias = (layer[f"{name}.{part}"][rows].double() for part in ("weight", "bias"))
    mean = weight @ reads.mean
    shifted = torch.outer(mean, bias)
    second = weight @ reads.second @ weight.T + shifted + shifted.T + torch.outer(bias, bias)
    return Moments(mean + bias, second)


def _energy(written: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
    """Return the variance of a head's output in the residual stream, summed over the dimensions."""
    return ((written @ context) * written).sum()


def _root(second: torch.Tensor) -> torch.Tensor:
    """Return the symmetric square root of a positive semidefinite matrix."""
    values, vectors = torch.linalg.eigh(second)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T
