"""MPNet (Song et al. 2020, arXiv 2004.09297)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kdnas.models.families.base import Family, LayerParts, attend_by_hook

if TYPE_CHECKING:
    import torch

PADDING = 1  # from which positions are numbered: fixed in transformers' code, whatever config.json says


class MPNet(Family):
    """A RoBERTa without token types; a table adds a bias by relative position to each head's scores."""

    only = Family.only | {"relative_attention_num_buckets": 32}
    dropouts = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    pad_token_id = PADDING
    has_token_types = False
    can_factorise = False

    prefix = "mpnet"
    parts = LayerParts(
        query="attention.attn.q",
        key="attention.attn.k",
        value="attention.attn.v",
        attention_output="attention.attn.o",
        attention_norm="attention.LayerNorm",
        ffn_input="intermediate.dense",
        activation="intermediate.intermediate_act_fn",
        ffn_output="output.dense",
        ffn_norm="output.LayerNorm",
    )
    head_tables = ("encoder.relative_attention_bias",)

    def unused_positions(self, pad_token_id: int | None) -> int:
        """Return how many rows of a model's position table, the first ones, hold no token of a text."""
        return PADDING + 1

    def parameters_per_head(self, config: Any) -> int:
        """Return the rows of the table of relative positions."""
        rows: int = config.relative_attention_num_buckets
        return rows

    def embed(self, encoder: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return what the first layer reads of a ``batch``."""
        states: torch.Tensor = encoder.embeddings(input_ids=batch["input_ids"])
        return states

    def attention_arguments(self, encoder: Any, states: torch.Tensor, mask: torch.Tensor) -> dict[str, Any]:
        """Return what attention takes beside ``states``: the bias of one row serves all."""
        bias = encoder.encoder.compute_position_bias(states[:1])
        return super().attention_arguments(encoder, states, mask) | {"position_bias": bias}

    def attend(self, layer: Any, states: torch.Tensor, arguments: Mapping[str, Any]) -> torch.Tensor:
        """Return what a layer's attention gives its output projection to read."""
        attention = layer.attention.attn
        return attend_by_hook(attention, attention.o, states=states, arguments=arguments)
