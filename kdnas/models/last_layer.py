"""A last layer that computes what the head reads, and no more.

The head of most classifiers reads the first token alone. The last layer then needs the other tokens' keys and
values, but not their queries, and nothing behind its attention: those are most of a layer. The logits are the
same, up to rounding. The refit does so too (:mod:`kdnas.models.refit`).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kdnas.models.families import family_of, shape_of
from kdnas.models.loading import base_model

if TYPE_CHECKING:
    import torch
    from torch import nn
    from torch.utils.hooks import RemovableHandle
    from transformers import PreTrainedModel


def behind_attention(model: PreTrainedModel) -> list[nn.Module]:
    """Return the modules of the last layer that need read no more than the first token.

    There are none where the head reads more than that.
    """
    family = family_of(model.config.model_type)
    if not family.reads_first_token(model.config):
        return []
    last = family.parts_of(base_model(model))[-1]
    # what enters the layer is added in between, to all tokens: hence the second one
    return [last.attention_output, last.attention_norm]


@contextmanager
def reading_first_token(modules: list[nn.Module]) -> Iterator[None]:
    """Within it, each of ``modules`` reads the first token alone."""
    with _hooked([module.register_forward_pre_hook(_first_token) for module in modules]):
        yield


def _first_token(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[Any, ...]:
    states, *others = inputs
    return states[:, :1], *others


@contextmanager
def first_query_only(model: PreTrainedModel) -> Iterator[None]:
    """Within it, the last attention's output projection reads what it reads for the first query alone.

    That is computed beside the attention itself, which a traced graph then leaves out as nothing reads it.
    Where the head reads more than the first token, or queries are no matrix of their own, nothing changes.
    """
    family = family_of(model.config.model_type)
    if not family.reads_first_token(model.config) or not family.attends_from_first:
        yield
        return
    encoder = base_model(model)
    layer, parts = family.layers_of(encoder)[-1], family.parts_of(encoder)[-1]
    called: dict[str, Any] = {}
    signature = inspect.signature(layer.forward)

    def entering(_module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        called.update(signature.bind(*inputs, **named).arguments)

    def context(_module: nn.Module, _inputs: tuple[Any, ...]) -> torch.Tensor:
        return family.attend_from_first(parts, called, heads=shape_of(model.config).attention_heads)

    hooks = [
        layer.register_forward_pre_hook(entering, with_kwargs=True),
        parts.attention_output.register_forward_pre_hook(context),
    ]
    with _hooked(hooks):
        yield


@contextmanager
def _hooked(hooks: list[RemovableHandle]) -> Iterator[None]:
    """Remove the ``hooks`` in the end."""
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
