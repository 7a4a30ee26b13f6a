"""A forward pass of a classifier, and the teacher's side of the losses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from kdnas.losses.base import HIDDEN_STATES, RELATIONS, Outputs
from kdnas.models.families import family_of
from kdnas.models.last_layer import behind_attention, reading_first_token
from kdnas.models.loading import base_model
from kdnas.training.device import to_device

if TYPE_CHECKING:
    from transformers import PreTrainedModel


MODEL_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def model_inputs(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the part of a batch that a model takes."""
    return {name: batch[name] for name in MODEL_INPUTS if name in batch}


class Forward:
    """Runs a classifier and keeps logits, hidden states and the last layer's queries, keys and values."""

    def __init__(self, model: PreTrainedModel, reads: frozenset[str] = frozenset()) -> None:
        """``reads`` names the outputs that are wanted beside the logits."""
        self.model = model
        self.family = family_of(model.config.model_type)
        self.hidden_states = HIDDEN_STATES in reads
        self.cut = [] if self.hidden_states else behind_attention(model)  # those are wanted of all tokens
        self.capturing = False
        self.captured: list[torch.Tensor] = []
        if RELATIONS in reads:
            parts = self.family.parts_of(base_model(model))[-1]
            for projection in (parts.query, parts.key, parts.value):
                projection.register_forward_hook(self._capture)

    def _capture(self, module: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        if self.capturing:  # another Forward may run the same model
            self.captured.append(output)

    def __call__(self, batch: dict[str, torch.Tensor]) -> Outputs:
        """Return the outputs on one batch (:func:`kdnas.training.data.collate`)."""
        self.captured, self.capturing = [], True
        try:
            inputs = model_inputs(batch) | self._mask(batch)
            with reading_first_token(self.cut):
                result = self.model(**inputs, output_hidden_states=self.hidden_states)
        finally:
            self.capturing = False
        states = tuple(result.hidden_states[1:]) if self.hidden_states else ()
        if self.family.pre_norm:  # blocks read it so, and raw it may have a few huge dimensions
            states = tuple(F.layer_norm(state, state.shape[-1:]) for state in states)
        captured, self.captured = self.captured, []
        return Outputs(result.logits, states, tuple(captured))

    def _mask(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor | None]:
        """Return the mask as attention takes it, where the batch says whether it is padded.

        transformers would make the same one, but first ask the GPU whether there is anything to mask.
        """
        kind = self.model.config._attn_implementation
        if "padded" not in batch or kind not in ("sdpa", "eager") or not self.family.one_mask:
            return {}
        if not batch["padded"]:
            return {"attention_mask": None}
        mask = batch["attention_mask"].bool()[:, None, None, :]
        if kind == "eager":  # it adds the mask to the scores
            dtype = self.model.dtype
            mask = torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, torch.finfo(dtype).min)
        return {"attention_mask": mask}


class Teaching:
    """The teacher's side of the losses on some rows.

    Its logits are known beforehand. The ``teacher`` itself runs beside the students only where the losses
    compare more: hidden states and relations of all rows would not fit into memory. It may be None if they
    compare logits alone.
    """

    def __init__(
        self,
        teacher: PreTrainedModel | None,
        logits: torch.Tensor,
        reads: frozenset[str],
        *,
        device: torch.device,
        autocast: bool,
    ) -> None:
        self.logits = logits  # (rows, labels)
        self.forward: Forward | None = None
        if reads:
            assert teacher is not None
            self.forward = Forward(teacher.to(device).eval(), reads)
        self.device = device
        self.autocast = autocast

    @torch.no_grad()
    def __call__(self, rows: np.ndarray, batch: dict[str, torch.Tensor]) -> Outputs:
        """Return the teacher's outputs for the rows numbered ``rows`` (batch,), which ``batch`` holds."""
        logits = to_device(self.logits[torch.from_numpy(rows)], self.device)
        if self.forward is None:
            return Outputs(logits)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            return replace(self.forward(batch), logits=logits)
