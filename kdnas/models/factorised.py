"""Initialisation of a student with factorised embeddings: narrow tables and a projection behind them.

Most parameters of a small student are its word embeddings. Our choice: its tables lie in the subspace with
most of the summed teacher embeddings on real tokens, before their layer norm. So frequent word pieces count
most. Decomposing the table itself, where each word piece counts alike, loses far more.
"""

from __future__ import annotations

import torch

from kdnas.models.residual import normalised_moments, principal_basis
from kdnas.models.signals import Moments

Tensors = dict[str, torch.Tensor]

TABLES = ("word_embeddings", "position_embeddings", "token_type_embeddings")


def factorise_embeddings(
    embeddings: Tensors, entering: Moments, *, size: int, basis: torch.Tensor
) -> Tensors:
    """Return tables of width ``size``, their layer norm and the projection to the student's hidden size.

    ``embeddings`` are the teacher's tensors below ``embeddings.`` (tables and ``LayerNorm``), ``entering``
    describes their norm's outputs on real tokens, ``basis`` (teacher's hidden size, student's) spans the
    student's residual stream. Names are ELECTRA's, below its prefix. The part outside the subspace is
    replaced by its mean.
    """
    gain, bias = (embeddings[f"LayerNorm.{name}"] for name in ("weight", "bias"))
    mean, second = normalised_moments(gain, bias, entering)
    subspace = principal_basis(second, size)
    kept = ((second @ subspace) * subspace).sum() / second.trace()
    # the norm divides by the deviation of the kept part, over fewer dimensions
    rescale = torch.sqrt(kept * len(gain) / size)
    outside = mean - subspace @ (subspace.T @ mean)
    factorised = {
        f"embeddings.{table}.weight": (embeddings[f"{table}.weight"].double() @ subspace).float()
        for table in TABLES
        if f"{table}.weight" in embeddings
    }
    return factorised | {
        "embeddings.LayerNorm.weight": torch.ones(size),
        "embeddings.LayerNorm.bias": torch.zeros(size),
        "embeddings_project.weight": (rescale * (basis.T @ (gain[:, None] * subspace))).float(),
        "embeddings_project.bias": (basis.T @ (gain * outside + bias)).float(),
    }
