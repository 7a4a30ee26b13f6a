"""BERT (Devlin et al. 2019, arXiv 1810.04805)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kdnas.models.families.base import Family

if TYPE_CHECKING:
    import torch


class Bert(Family):
    """Its head begins in the encoder, with the pooler."""

    prefix = "bert"
    head = ("bert.pooler.dense", "classifier")

    def classify(self, model: Any, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the logits (rows, labels), given the last layer's ``states``."""
        logits: torch.Tensor = model.classifier(model.bert.pooler(states))
        return logits
