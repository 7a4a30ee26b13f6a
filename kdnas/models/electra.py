"""A student of any teacher as an ELECTRA, which has embedding tables of a size of their own.

ELECTRA's encoder (Clark et al. 2020, arXiv 2003.10555) is otherwise BERT's, so transformers loads such a
student as it is.
"""

from __future__ import annotations

from typing import Any

import torch

from kdnas.models.family import unused_positions

Tensors = dict[str, torch.Tensor]

# what ELECTRA's configuration has in common with those of its relatives
_SHARED = (
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
_TANH_TO_GELU = 2.0  # the odd part of gelu is half its input, that of tanh near 0 all of it


def electra_config(config: Any) -> Any:
    """Return ELECTRA's configuration with everything that a teacher's ``config`` has in common with it."""
    from transformers import ElectraConfig

    return ElectraConfig(
        max_position_embeddings=config.max_position_embeddings - _unused_positions(config),
        **{name: getattr(config, name) for name in _SHARED},
    )


def as_electra(tensors: Tensors, prefix: str, config: Any) -> Tensors:
    """Return the tensors of a classifier whose encoder is named ``prefix`` under ELECTRA's names.

    ``config`` is the teacher's. BERT's and RoBERTa's heads have a tanh where ELECTRA's has a gelu.
    """
    renamed = {}
    for name, value in tensors.items():
        if name.startswith(f"{prefix}.pooler."):
            name = name.replace(f"{prefix}.pooler.", "classifier.")
        elif name.startswith(f"{prefix}."):
            name = f"electra.{name.removeprefix(prefix + '.')}"
        elif name in ("classifier.weight", "classifier.bias"):
            name = name.replace("classifier.", "classifier.out_proj.")
        renamed[name] = value
    if prefix != "electra":
        renamed["classifier.out_proj.weight"] = _TANH_TO_GELU * renamed["classifier.out_proj.weight"]
    positions = "electra.embeddings.position_embeddings.weight"
    renamed[positions] = renamed[positions][_unused_positions(config) :].clone()
    return renamed


def _unused_positions(config: Any) -> int:
    return unused_positions(config.model_type, config.pad_token_id)
