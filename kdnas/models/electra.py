"""A student of any teacher as an ELECTRA, which has embedding tables of a size of their own.

ELECTRA's encoder (Clark et al. 2020, arXiv 2003.10555) is otherwise BERT's, so transformers loads such a
student as it is.
"""

from __future__ import annotations

from typing import Any

import torch

from kdnas.models.families import family_of
from kdnas.models.families.base import Family
from kdnas.models.families.electra import Electra

Tensors = dict[str, torch.Tensor]


def electra_config(config: Any) -> Any:
    """Return ELECTRA's configuration with everything that a teacher's ``config`` has in common with it."""
    from transformers import ElectraConfig

    family = family_of(config.model_type)
    return ElectraConfig(
        max_position_embeddings=config.max_position_embeddings - family.unused_positions(config.pad_token_id),
        **family.electra_settings(config),
    )


def as_electra(tensors: Tensors, config: Any) -> Tensors:
    """Return the tensors of a classifier under ELECTRA's names; ``config`` is the teacher's.

    The activation in its head may be another than ELECTRA's gelu, and it may have no token types.
    """
    family, electra = family_of(config.model_type), Electra()
    renamed = {_renamed(name, family, electra): value for name, value in tensors.items()}
    output = f"{electra.head[1]}.weight"
    renamed[output] = family.head_slope * renamed[output]
    tables = f"{electra.prefix}.embeddings"
    positions, types = f"{tables}.position_embeddings.weight", f"{tables}.token_type_embeddings.weight"
    renamed[positions] = renamed[positions][family.unused_positions(config.pad_token_id) :].clone()
    if not family.has_token_types:
        renamed[types] = torch.zeros(1, renamed[positions].shape[1])
    return renamed


def _renamed(name: str, family: Family, electra: Electra) -> str:
    """Return ELECTRA's name of a tensor."""
    module, _, kind = name.rpartition(".")
    if module in family.head:
        module = electra.head[family.head.index(module)]
    elif module.startswith(f"{family.prefix}.{family.layers}."):
        number, _, part = module.removeprefix(f"{family.prefix}.{family.layers}.").partition(".")
        part = electra.parts[family.parts.index(part)]
        module = f"{electra.prefix}.{electra.layers}.{number}.{part}"
    else:
        module = f"{electra.prefix}.{module.removeprefix(f'{family.prefix}.')}"
    return f"{module}.{kind}"
