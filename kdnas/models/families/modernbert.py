"""ModernBERT (Warner et al. 2024, arXiv 2412.13663)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any

from kdnas.models.families.base import Family, LayerParts, attend_by_hook

if TYPE_CHECKING:
    import torch
    from torch import nn

    from kdnas.search.space import Architecture

    Tensors = dict[str, torch.Tensor]

# matrices of a layer that hold several parts, one above the other, and the norm before each
FUSED = {
    "attn.Wqkv": ("attn_norm", ("attn.query", "attn.key", "attn.value")),
    "mlp.Wi": ("mlp_norm", ("mlp.input", "mlp.gate")),
}
NEXT_NORM = "next_norm"  # that of the next layer's attention, or the final one


class ModernBert(Family):
    """It is pre-norm, with a gated FFN, rotary positions and no biases; most layers attend to near tokens.

    The norm of a layer's attention takes the sum that leaves the layer before, so it counts to that one.
    """

    keys = {**Family.keys, "activation": "hidden_activation"}
    dropouts = ("attention_dropout", "embedding_dropout", "mlp_dropout", "classifier_dropout")
    only = dict.fromkeys(("attention_bias", "mlp_bias", "norm_bias", "classifier_bias"), False)
    only_because = "is what all published ones have"
    pad_token_id = 50283
    has_token_types = False
    has_positions = False
    can_factorise = False
    one_mask = False
    keeps_head_size = True
    attends_from_first = False  # one matrix gives queries, keys and values
    pre_norm = True

    prefix = "model"
    word_embeddings = "embeddings.tok_embeddings"
    embedding_norm = "embeddings.norm"
    layers = "layers"
    parts = LayerParts(
        query="attn.query",
        key="attn.key",
        value="attn.value",
        attention_output="attn.Wo",
        attention_norm="mlp_norm",
        ffn_input="mlp.input",
        activation="mlp.act",
        ffn_output="mlp.Wo",
        ffn_norm=NEXT_NORM,
        ffn_gate="mlp.gate",
    )
    head = ("head.dense", "classifier")
    head_norm = "head.norm"

    def set_shape(self, config: Any, architecture: Architecture) -> None:
        """Give a transformers ``config`` the shape of ``architecture``.

        Each layer attends to all or to near tokens as the one that it copies.
        """
        given = config.layer_types
        config.layer_types = [
            given[self.teacher_layer(layer, architecture.layers, len(given))]
            for layer in range(architecture.layers)
        ]
        config.__dict__.pop("global_attn_every_n_layers", None)  # of older versions: a pattern of all layers
        super().set_shape(config, architecture)

    def last_fixed_id(self, config: Any, padding: int = 0) -> int:
        """Return -1: the code knows no id, and that of the padding is one of the last."""
        return -1

    def cut_vocabulary(self, config: Any, size: int) -> None:
        """Give a transformers ``config`` a vocabulary of ``size`` pieces; its padding is among them."""
        config.vocab_size, config.pad_token_id = max(size, 1), 0

    def teacher_layer(self, layer: int, student_layers: int, teacher_layers: int) -> int:
        """Return the teacher layer (from 0) of student layer ``layer``: the first, the last, evenly between.

        The first layer alone has no norm before its attention.
        """
        between = max(1, student_layers - 1)
        return (layer * (teacher_layers - 1) + between // 2) // between

    def parts_of(self, encoder: Any) -> list[LayerParts]:
        """Return the modules of every layer of an ``encoder``."""
        norms = [*(layer.attn_norm for layer in encoder.layers[1:]), encoder.final_norm]
        return [_parts_of(layer, norm) for layer, norm in zip(encoder.layers, norms, strict=True)]

    def by_parts(self, tensors: Tensors) -> Tensors:
        """Return the tensors under the names in ``parts``, with norms' gains in the matrices that read them.

        These norms then have a gain of 1 and are left out. That of the embeddings stays, because the stream
        itself has it.
        """
        found = dict(tensors)
        for place in self._places(tensors, "attn.Wqkv"):
            for whole, (norm, parts) in FUSED.items():
                rows = found.pop(f"{place}{whole}.weight") * found.pop(f"{place}{norm}.weight", 1.0)
                for part, values in zip(parts, rows.chunk(len(parts)), strict=True):
                    found[f"{place}{part}.weight"] = values
        first, second = (f"{name}.weight" for name in self.head)
        found[first] = found[first] * found.pop(f"{self.prefix}.final_norm.weight")
        found[second] = found[second] * found.pop(f"{self.head_norm}.weight")
        return found

    def from_parts(self, tensors: Tensors) -> Tensors:
        """Return the tensors under their own names, given those of :meth:`by_parts` and layers' norms."""
        import torch

        found = dict(tensors)
        places = self._places(tensors, NEXT_NORM)
        for place in places:
            for whole, (_, parts) in FUSED.items():
                found[f"{place}{whole}.weight"] = torch.cat(
                    [found.pop(f"{place}{part}.weight") for part in parts]
                )
        norms = [*(f"{place}attn_norm.weight" for place in places[1:]), f"{self.prefix}.final_norm.weight"]
        for place, norm in zip(places, norms, strict=True):
            found[norm] = found.pop(f"{place}{NEXT_NORM}.weight")
        found[f"{self.head_norm}.weight"] = torch.ones(found[f"{self.head[1]}.weight"].shape[1])
        return found

    def _places(self, tensors: Tensors, part: str) -> list[str]:
        """Return the names of the layers that have a ``part``, each with its dot."""
        every = (f"{self.prefix}.{self.layers}.{layer}." for layer in count())
        return list(takewhile(lambda place: f"{place}{part}.weight" in tensors, every))

    def embed(self, encoder: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return what the first layer reads of a ``batch``."""
        states: torch.Tensor = encoder.embeddings(input_ids=batch["input_ids"])
        return states

    def attention_arguments(self, encoder: Any, states: torch.Tensor, mask: torch.Tensor) -> dict[str, Any]:
        """Return what attention takes beside ``states``, by the kind of attention."""
        import torch
        from transformers.masking_utils import create_bidirectional_sliding_window_mask

        near = create_bidirectional_sliding_window_mask(
            config=encoder.config, inputs_embeds=states, attention_mask=mask
        )
        masks = {
            "full_attention": super().attention_arguments(encoder, states, mask)["attention_mask"],
            "sliding_attention": near,
        }
        positions = torch.arange(states.shape[1], device=states.device)[None]
        return {
            kind: {
                "attention_mask": masks[kind],
                "position_embeddings": encoder.rotary_emb(states, positions, kind),
            }
            for kind in set(encoder.config.layer_types)
        }

    def attend(self, layer: Any, states: torch.Tensor, arguments: Mapping[str, Any]) -> torch.Tensor:
        """Return what a layer's attention gives its output projection to read."""
        own = arguments[layer.attention_type]
        return attend_by_hook(layer.attn, layer.attn.Wo, states=states, arguments=own)

    def reads_first_token(self, config: Any) -> bool:
        """Tell whether a classifier's head reads the first token alone, or the mean of all."""
        first: bool = config.classifier_pooling == "cls"
        return first

    def classify(self, model: Any, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the logits (rows, labels), given the ``states`` behind the final norm."""
        if self.reads_first_token(model.config):
            pooled = states[:, 0]
        else:
            pooled = (states * mask.unsqueeze(-1)).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        logits: torch.Tensor = model.classifier(model.head(pooled))
        return logits


def _parts_of(layer: Any, next_norm: nn.Module) -> LayerParts:
    """Return the modules of one layer."""
    query, key, value = (Rows(layer.attn.Wqkv, part, 3) for part in range(3))
    ffn_input, gate = (Rows(layer.mlp.Wi, part, 2) for part in range(2))
    return LayerParts(
        query=query,
        key=key,
        value=value,
        attention_output=layer.attn.Wo,
        attention_norm=layer.mlp_norm,
        ffn_input=ffn_input,
        activation=layer.mlp.act,
        ffn_output=layer.mlp.Wo,
        ffn_norm=next_norm,
        ffn_gate=gate,
    )


class Rows:
    """Some rows of a matrix that holds several parts, as if they were a module of their own."""

    bias = None

    def __init__(self, whole: nn.Linear, part: int, parts: int) -> None:
        self.whole, self.part, self.parts = whole, part, parts

    @property
    def weight(self) -> torch.Tensor:
        """The rows: writing into them changes the matrix."""
        return self.whole.weight.chunk(self.parts)[self.part]

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        """Return the product with ``states``."""
        from torch.nn import functional as F

        return F.linear(states, self.weight)

    def register_forward_pre_hook(self, hook: Any) -> Any:
        """Call ``hook`` before the matrix is used."""
        return self.whole.register_forward_pre_hook(hook)

    def register_forward_hook(self, hook: Any) -> Any:
        """Call ``hook`` with what these rows give."""

        def of_part(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
            hook(module, inputs, output.chunk(self.parts, dim=-1)[self.part])

        return self.whole.register_forward_hook(of_part)
