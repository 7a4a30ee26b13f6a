"""A teacher's attention heads in a student: fewer of them, with fewer dimensions.

The rule (our choice; docs/method.md says why): a student whose heads are no wider and no more than its
teacher's takes the heads that write most; other students take the teacher's rows in order, in as many chunks
as they have heads. Where a chunk has more rows than a student's head, those linear combinations of its
queries and keys are kept that keep its scores best, and those of its values that keep most of what it writes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from kdnas.models.signals import LayerSignals, Moments
from kdnas.search.space import Architecture

FLOOR = 1e-4  # of a head's strongest component: what is weaker is not scaled up further


def narrow_heads(
    layer: dict[str, torch.Tensor], signals: LayerSignals, shape: Architecture, student: Architecture
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return what a student's queries, keys and values are of its teacher's: three maps, each (H_S, H_T).

    H_S and H_T are the hidden sizes of ``student`` and of its teacher, whose shape is ``shape``; ``layer``
    has one layer's tensors and ``signals`` what that layer carries. Rows are in the order of the student's
    heads, float64. A head that has room for all that it takes over takes it as it is.
    """
    query, key = (outputs(layer, f"attention.self.{name}", signals.entering) for name in ("query", "key"))
    keys = _centred(key)
    context = _centred(signals.context)
    written = layer["attention.output.dense.weight"].double()
    size = student.hidden_size // student.attention_heads
    maps = torch.zeros(3, student.hidden_size, shape.hidden_size, dtype=torch.float64)
    for head, rows in enumerate(_sources(context, written, shape, student)):
        here = slice(head * size, (head + 1) * size)
        taken = torch.eye(size, dtype=torch.float64).expand(3, -1, -1)
        if len(rows) > size:
            own = torch.meshgrid(rows, rows, indexing="ij")
            of_query, of_key = score_maps(query.second[own], keys[own], size)
            taken = torch.stack([of_query, of_key, value_map(context[own], written[:, rows], size)])
        maps[:, here, rows] = taken
    return maps[0], maps[1], maps[2]


def score_maps(queries: torch.Tensor, keys: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return maps of queries and keys, each (``size``, n), that keep a head's scores best.

    ``queries`` is the second moment of a head's queries and ``keys`` the covariance of its keys, both (n, n):
    what all keys share adds the same to all scores of a query, and softmax takes that away. The scores q.k
    of independent tokens are kept with the least mean square error by the first singular components of the
    product of both square roots.
    """
    left, right = _root(queries), _root(keys)
    of_queries, strengths, of_keys = torch.linalg.svd(left @ right)
    strongest = float(strengths[0])
    scale = strengths[:size].clamp_min(max(FLOOR * strongest, torch.finfo(torch.float32).tiny)).rsqrt()
    return scale[:, None] * (of_keys[:size] @ right), scale[:, None] * (left @ of_queries[:, :size]).T


def value_map(context: torch.Tensor, written: torch.Tensor, size: int) -> torch.Tensor:
    """Return the map of values (``size``, n) that keeps most of what a head writes, with rows of length 1.

    ``context`` is the covariance (n, n) of the head's output, before the output projection's columns
    ``written`` (hidden size, n): the principal components are those behind the projection.
    """
    components = torch.linalg.svd(written @ _root(context), full_matrices=False).U[:, :size]
    rows = components.T @ written
    return rows / rows.norm(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)


def outputs(layer: dict[str, torch.Tensor], name: str, reads: Moments) -> Moments:
    """Return the moments of what the projection ``name`` makes of inputs whose moments are ``reads``."""
    weight, bias = layer[f"{name}.weight"].double(), layer[f"{name}.bias"].double()
    mean = weight @ reads.mean
    shifted = torch.outer(mean, bias)
    second = weight @ reads.second @ weight.T + shifted + shifted.T + torch.outer(bias, bias)
    return Moments(mean + bias, second)


def _sources(
    context: torch.Tensor, written: torch.Tensor, shape: Architecture, student: Architecture
) -> Sequence[torch.Tensor]:
    """Return the teacher's rows that each of the student's heads starts from."""
    rows = torch.arange(shape.hidden_size)
    heads = rows.split(shape.hidden_size // shape.attention_heads)
    fits = student.hidden_size // student.attention_heads <= len(heads[0])
    if not fits or student.attention_heads > shape.attention_heads:
        return rows.tensor_split(student.attention_heads)  # heads are merged or cut
    writes = torch.stack([_energy(written[:, head], context[head][:, head]) for head in heads])
    most = torch.sort(writes, descending=True, stable=True).indices[: student.attention_heads]
    return [heads[head] for head in sorted(most.tolist())]


def _energy(written: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
    """Return the variance of what a head adds to the residual stream, summed over the dimensions."""
    return ((written @ context) * written).sum()


def _centred(moments: Moments) -> torch.Tensor:
    return moments.second - torch.outer(moments.mean, moments.mean)


def _root(second: torch.Tensor) -> torch.Tensor:
    """Return the symmetric square root of a positive semidefinite matrix."""
    values, vectors = torch.linalg.eigh(second)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T
