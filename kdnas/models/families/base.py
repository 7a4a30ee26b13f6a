"""What all families have in common, with the names that BERT and most of its relatives have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

if TYPE_CHECKING:
    import torch
    from torch import nn

    from kdnas.search.space import Architecture

    Tensors = dict[str, torch.Tensor]


class LayerParts(NamedTuple):
    """The parts of a layer: their names below its own, or (:meth:`of`) the modules.

    Each of the two norms takes the sum of what enters a block and of what its output projection gives, and
    the next block reads what the norm gives. What goes on beside that block is the same (post-norm), or the
    sum (pre-norm). ``activation`` stands between the FFN's two matrices. A gated FFN multiplies what it gives
    by what ``ffn_gate`` gives.
    """

    query: Any
    key: Any
    value: Any
    attention_output: Any
    attention_norm: Any
    ffn_input: Any
    activation: Any
    ffn_output: Any
    ffn_norm: Any
    ffn_gate: Any = None

    def of(self, layer: nn.Module) -> LayerParts:
        """Return the modules of ``layer`` that these names stand for."""
        return LayerParts(*(name and layer.get_submodule(name) for name in self))


class Family:
    """Where the parts of one family's models are: in config.json, in the weights and in the modules.

    If it does not say otherwise, every layer is post-norm, with four square matrices in its attention and two
    in its FFN, all with biases.
    """

    keys: ClassVar[Mapping[str, str]] = {  # of config.json, by dimension of an architecture
        "layers": "num_hidden_layers",
        "hidden_size": "hidden_size",
        "attention_heads": "num_attention_heads",
        "ffn_size": "intermediate_size",
        "activation": "hidden_act",
    }
    dropouts: ClassVar[tuple[str, ...]] = (  # keys of config.json
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
        "classifier_dropout",
    )
    only: ClassVar[dict[str, Any]] = {"position_embedding_type": "absolute"}  # value that a key may have
    only_because: ClassVar[str] = "is all that transformers reads"
    pad_token_id: ClassVar[int] = 0  # where config.json names none
    has_token_types: ClassVar[bool] = True
    has_positions: ClassVar[bool] = True  # a table of them
    counts_from_padding: ClassVar[bool] = False  # whether a text's positions begin behind the pad's id
    can_factorise: ClassVar[bool] = True  # whether an ELECTRA can do what a student does
    one_mask: ClassVar[bool] = True  # whether all layers attend alike, and nothing else reads the mask
    keeps_head_size: ClassVar[bool] = False  # whether students have whole heads of the teacher's
    attends_from_first: ClassVar[bool] = True  # whether :meth:`attend_from_first` computes less
    pre_norm: ClassVar[bool] = False  # whether the sum before a norm goes on beside the next block

    prefix: ClassVar[str]  # of the encoder, in a classifier
    word_embeddings: ClassVar[str] = "embeddings.word_embeddings"  # in the encoder
    embedding_norm: ClassVar[str] = "embeddings.LayerNorm"
    layers: ClassVar[str] = "encoder.layer"
    parts: ClassVar[LayerParts] = LayerParts(
        query="attention.self.query",
        key="attention.self.key",
        value="attention.self.value",
        attention_output="attention.output.dense",
        attention_norm="attention.output.LayerNorm",
        ffn_input="intermediate.dense",
        activation="intermediate.intermediate_act_fn",
        ffn_output="output.dense",
        ffn_norm="output.LayerNorm",
    )
    # the matrices between the encoder and the logits, in a classifier
    head: ClassVar[tuple[str, str]] = ("classifier.dense", "classifier.out_proj")
    head_norm: ClassVar[str | None] = None  # between the two
    head_slope: ClassVar[float] = 2.0  # beside gelu's near 0, of the odd part of the activation between them
    head_tables: ClassVar[tuple[str, ...]] = ()  # in the encoder: one column a head, the same in all layers

    @property
    def gated(self) -> bool:
        """Whether the FFN is gated; then nothing but the output layer has biases."""
        return self.parts.ffn_gate is not None

    def set_shape(self, config: Any, architecture: Architecture) -> None:
        """Give a transformers ``config`` the shape of ``architecture``, its embedding size aside."""
        for dimension, key in self.keys.items():
            setattr(config, key, getattr(architecture, dimension))

    def set_dropout(self, config: Any, dropout: float) -> None:
        """Give a transformers ``config`` one ``dropout`` everywhere."""
        for key in self.dropouts:
            setattr(config, key, dropout)

    def token_types(self, config: Any) -> int:
        """Return how many token types a model tells apart: 0 without a table of them."""
        return config.type_vocab_size if self.has_token_types else 0

    def unused_positions(self, pad_token_id: int | None) -> int:
        """Return how many rows of a model's position table, the first ones, hold no token of a text."""
        return (pad_token_id or 0) + 1 if self.counts_from_padding else 0

    def last_fixed_id(self, config: Any, padding: int = 0) -> int:
        """Return up to which token id all keep their number: the model's code knows them, or they pad.

        ``padding`` is the tokenizer's, which may differ from the model's. It is -1 where every id may change.
        """
        return max(padding, config.pad_token_id or 0, self.unused_positions(config.pad_token_id) - 1)

    def cut_vocabulary(self, config: Any, size: int) -> None:
        """Give a transformers ``config`` a vocabulary of ``size`` pieces, for a network with random weights.

        Those that keep their number are in it anyway.
        """
        config.vocab_size = max(size, self.last_fixed_id(config) + 1)

    def position_rows(self, config: Any) -> int:
        """Return how many rows a model's position table has: 0 without one."""
        return config.max_position_embeddings if self.has_positions else 0

    def teacher_layer(self, layer: int, student_layers: int, teacher_layers: int) -> int:
        """Return the teacher layer (from 0) that initialises student layer ``layer`` (from 0)."""
        return math.ceil((layer + 1) * teacher_layers / student_layers) - 1

    def parameters_per_head(self, config: Any) -> int:
        """Return the parameters for each attention head that all layers share (``head_tables``)."""
        return 0

    def electra_settings(self, config: Any) -> dict[str, Any]:
        """Return what ELECTRA's configuration has in common with ``config``, sizes and positions aside."""
        shared = (
            "vocab_size",
            "type_vocab_size",
            "initializer_range",
            "layer_norm_eps",
            "pad_token_id",
            "bos_token_id",
            "eos_token_id",
            "hidden_dropout_prob",
            "attention_probs_dropout_prob",
        )
        return {name: getattr(config, name) for name in shared}

    def layers_of(self, encoder: nn.Module) -> Any:
        """Return the layers of an ``encoder``."""
        return encoder.get_submodule(self.layers)

    def parts_of(self, encoder: nn.Module) -> list[LayerParts]:
        """Return the modules of every layer of an ``encoder``."""
        return [self.parts.of(layer) for layer in self.layers_of(encoder)]

    def by_parts(self, tensors: Tensors) -> Tensors:
        """Return the tensors of a classifier under the names in ``parts``."""
        return tensors

    def from_parts(self, tensors: Tensors) -> Tensors:
        """Return the tensors of a classifier under their own names, given those of :meth:`by_parts`."""
        return tensors

    def embed(self, encoder: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return what the first layer reads of a ``batch`` (rows, tokens), of shape (rows, tokens, H)."""
        states: torch.Tensor = encoder.embeddings(
            input_ids=batch["input_ids"], token_type_ids=batch.get("token_type_ids")
        )
        return states

    def attention_arguments(self, encoder: Any, states: torch.Tensor, mask: torch.Tensor) -> dict[str, Any]:
        """Return what attention takes beside ``states`` (rows, tokens, H), given which tokens are real."""
        from transformers.masking_utils import create_bidirectional_mask

        masked = create_bidirectional_mask(config=encoder.config, inputs_embeds=states, attention_mask=mask)
        return {"attention_mask": masked}

    def attend(self, layer: Any, states: torch.Tensor, arguments: Mapping[str, Any]) -> torch.Tensor:
        """Return what a layer's attention gives its output projection to read, like ``states``."""
        found: torch.Tensor = layer.attention.self(states, **arguments)[0]
        return found

    def attend_from_first(self, parts: LayerParts, called: Mapping[str, Any], *, heads: int) -> torch.Tensor:
        """Return what attention of the first token to all gives, (rows, 1, H), without dropout.

        ``parts`` are a layer's modules and ``called`` the arguments of its forward by name, with a mask that
        is added to the scores.
        """
        states = called["hidden_states"]

        def split(vectors: torch.Tensor) -> torch.Tensor:
            return vectors.view(*vectors.shape[:2], heads, -1).transpose(1, 2)

        query, key, value = (
            split(parts.query(states[:, :1])),
            split(parts.key(states)),
            split(parts.value(states)),
        )
        scores = query @ key.transpose(2, 3) / math.sqrt(key.shape[-1])
        for name in ("position_bias", "attention_mask"):
            if (added := called.get(name)) is not None:
                scores = scores + added[:, :, :1]
        found: torch.Tensor = (scores.softmax(dim=-1) @ value).transpose(1, 2).flatten(2)
        return found

    def reads_first_token(self, config: Any) -> bool:
        """Tell whether a classifier's head reads the first token alone."""
        return True

    def classify(self, model: Any, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the logits (rows, labels), given the ``states`` (rows, tokens, H) behind the last layer.

        ``mask`` (rows, tokens) says which tokens are real. Where :meth:`reads_first_token`, the first one is
        enough.
        """
        logits: torch.Tensor = model.classifier(states)
        return logits


def attend_by_hook(
    attention: nn.Module, output: nn.Module, *, states: torch.Tensor, arguments: Mapping[str, Any]
) -> torch.Tensor:
    """Return what the projection ``output`` reads while ``attention`` runs: for one that holds it itself."""
    read: list[torch.Tensor] = []
    hook = output.register_forward_pre_hook(lambda _module, inputs: read.append(inputs[0]))
    try:
        attention(states, **arguments)
    finally:
        hook.remove()
    return read[0]
