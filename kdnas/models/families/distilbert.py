"""DistilBERT (Sanh et al. 2019, arXiv 1910.01108)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kdnas.models.families.base import Family, LayerParts, attend_by_hook

if TYPE_CHECKING:
    import torch

NORM_EPS = 1e-12  # fixed in transformers' code


class DistilBert(Family):
    """A BERT under other names, without token types and pooler; its head has a ReLU."""

    keys = {
        "layers": "n_layers",
        "hidden_size": "dim",
        "attention_heads": "n_heads",
        "ffn_size": "hidden_dim",
        "activation": "activation",
    }
    dropouts = ("dropout", "attention_dropout", "seq_classif_dropout")
    has_token_types = False

    prefix = "distilbert"
    layers = "transformer.layer"
    parts = LayerParts(
        query="attention.q_lin",
        key="attention.k_lin",
        value="attention.v_lin",
        attention_output="attention.out_lin",
        attention_norm="sa_layer_norm",
        ffn_input="ffn.lin1",
        activation="ffn.activation",
        ffn_output="ffn.lin2",
        ffn_norm="output_layer_norm",
    )
    head = ("pre_classifier", "classifier")
    head_slope = 1.0  # the odd part of ReLU is half its input, as that of gelu near 0

    def electra_settings(self, config: Any) -> dict[str, Any]:
        """Return what ELECTRA's configuration has in common with ``config``; its one token type adds 0."""
        return {
            "vocab_size": config.vocab_size,
            "type_vocab_size": 1,
            "initializer_range": config.initializer_range,
            "layer_norm_eps": NORM_EPS,
            "pad_token_id": config.pad_token_id,
            "bos_token_id": config.bos_token_id,
            "eos_token_id": config.eos_token_id,
            "hidden_dropout_prob": config.dropout,
            "attention_probs_dropout_prob": config.attention_dropout,
        }

    def embed(self, encoder: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return what the first layer reads of a ``batch``."""
        states: torch.Tensor = encoder.embeddings(input_ids=batch["input_ids"])
        return states

    def attend(self, layer: Any, states: torch.Tensor, arguments: Mapping[str, Any]) -> torch.Tensor:
        """Return what a layer's attention gives its output projection to read."""
        attention = layer.attention
        return attend_by_hook(attention, attention.out_lin, states=states, arguments=arguments)

    def classify(self, model: Any, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the logits (rows, labels), given the last layer's ``states``."""
        logits: torch.Tensor = model.classifier(model.pre_classifier(states[:, 0]).relu())
        return logits
