"""A teacher's residual stream in fewer dimensions: a subspace of it, and its layer norms there.

The subspace holds the principal components of the copied layers' inputs and outputs (our choice, after
SliceGPT: Ashkboos et al. 2024, arXiv 2401.15024, which does it for norms without a mean and between blocks).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from kdnas.models.signals import LayerSignals, Moments


def residual_basis(signals: Sequence[LayerSignals], size: int) -> torch.Tensor:
    """Return an orthonormal basis (teacher's hidden size, ``size``) of the student's residual stream.

    ``signals`` are those of the copied layers; each signal counts alike, whatever its scale. A layer norm
    subtracts the mean over the dimensions, so the direction (1, ..., 1) of the teacher becomes that of the
    student: both norms subtract the same component. At full size the basis is the identity.
    """
    streams = [stream for layer in signals for stream in (layer.entering, layer.inner, layer.leaving)]
    total: Any = sum(stream.second / stream.squares.sum() for stream in streams)
    return principal_basis(total, size)


def principal_basis(total: torch.Tensor, size: int) -> torch.Tensor:
    """Return an orthonormal basis (n, ``size``) of most of a second moment ``total`` (n, n).

    The direction (1, ..., 1) is in it, and becomes that of the narrower space.
    """
    whole = len(total)
    if size == whole:
        return torch.eye(whole, dtype=torch.float64)
    ones = torch.full((whole, 1), 1 / math.sqrt(whole), dtype=torch.float64)
    centred = torch.eye(whole, dtype=torch.float64) - ones @ ones.T
    components = torch.linalg.eigh(centred @ total @ centred).eigenvectors.flip(1)
    basis = torch.cat([ones, components[:, : size - 1]], dim=1)
    # a reflection that takes the first axis to (1, ..., 1) / sqrt(size)
    normal = -torch.full((size,), 1 / math.sqrt(size), dtype=torch.float64)
    normal[0] += 1
    normal /= normal.norm().clamp_min(1e-12)
    return basis - 2 * torch.outer(basis @ normal, normal)


def narrow_norm(
    weight: torch.Tensor, bias: torch.Tensor, *, leaving: Moments, basis: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return gain and bias (each (size,)) of a layer norm in ``basis``, given the teacher's and its output.

    A norm's gain is not diagonal in another basis: each dimension gets the slope and intercept that predict
    the teacher's output there best from the student's normalised input.
    """
    if basis.shape[0] == basis.shape[1]:
        return weight, bias
    normalised, outer = normalised_moments(weight, bias, leaving)
    variance = _along(outer - torch.outer(normalised, normalised), basis)
    with_bias = leaving.second - torch.outer(leaving.mean, bias.double())
    covariance = _along(with_bias / _divisor(weight) - torch.outer(leaving.mean, normalised), basis)
    slope = covariance / variance.clamp_min(1e-9)
    intercept = basis.T @ leaving.mean - slope * (basis.T @ normalised)
    # the student divides by the deviation of the remaining vector
    left = _along(outer, basis).sum() / basis.shape[1]
    return (slope * left.sqrt()).float(), intercept.float()


def narrow_gain(inside: Moments, basis: torch.Tensor) -> torch.Tensor:
    """Return the gain (size,) in ``basis`` of a layer norm whose own gain is 1, given what is inside it.

    The student divides by the deviation of the remaining vector, which is smaller.
    """
    size = basis.shape[1]
    if basis.shape[0] == size:
        return torch.ones(size)
    return (_along(inside.second, basis).sum() / size).sqrt().float().repeat(size)


def normalised_moments(
    weight: torch.Tensor, bias: torch.Tensor, leaving: Moments
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean (n,) and the mean outer product (n, n) inside a layer norm, before its gain and bias.

    ``leaving`` is the norm's output. A dimension whose gain is 0, or lost beside its bias in float32, cannot
    be recovered, and counts as 0.
    """
    gain = torch.where(weight.abs() < 1e-3 * bias.abs(), torch.inf, _divisor(weight))
    with_bias = leaving.second - torch.outer(leaving.mean, bias.double())
    outer = (with_bias - torch.outer(bias.double(), leaving.mean - bias)) / torch.outer(gain, gain)
    return (leaving.mean - bias) / gain, outer


def _divisor(weight: torch.Tensor) -> torch.Tensor:
    return torch.where(weight.abs() < 1e-6, torch.inf, weight.double())


def _along(matrix: torch.Tensor, basis: torch.Tensor) -> torch.Tensor:
    """Return the quadratic form of ``matrix`` along each column of ``basis``."""
    return ((matrix @ basis) * basis).sum(0)
