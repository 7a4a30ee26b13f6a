"""ELECTRA (Clark et al. 2020, arXiv 2003.10555)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kdnas.models.families.base import Family

if TYPE_CHECKING:
    import torch


class Electra(Family):
    """Its embedding tables have a size of their own, with a projection behind them."""

    prefix = "electra"
    head_slope = 1.0

    def embed(self, encoder: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return what the first layer reads of a ``batch``."""
        states = super().embed(encoder, batch)
        return encoder.embeddings_project(states) if hasattr(encoder, "embeddings_project") else states
