"""One forward pass that leaves what the losses compare."""

from __future__ import annotations

import torch
from torch import nn

from kdnas.models.loading import base_model
from kdnas.training.losses import Outputs

MODEL_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def model_inputs(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the part of a batch that a model takes."""
    return {name: batch[name] for name in MODEL_INPUTS if name in batch}


class Forward:
    """Runs a classifier and keeps logits, hidden states and the last layer's queries, keys and values."""

    def __init__(self, model: nn.Module, hidden_states: bool, relations: bool) -> None:
        self.model = model
        self.hidden_states = hidden_states
        self.capturing = False
        self.captured: list[torch.Tensor] = []
        if relations:
            attention = base_model(model).encoder.layer[-1].attention.self
            for projection in (attention.query, attention.key, attention.value):
                projection.register_forward_hook(self._capture)

    def _capture(self, module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        if self.capturing:  # another Forward may run the same model
            self.captured.append(output)

    def __call__(self, batch: dict[str, torch.Tensor]) -> Outputs:
        self.captured, self.capturing = [], True
        try:
            inputs = model_inputs(batch) | self._mask(batch)
            result = self.model(**inputs, output_hidden_states=self.hidden_states)
        finally:
            self.capturing = False
        states = tuple(result.hidden_states[1:]) if self.hidden_states else ()
        captured, self.captured = self.captured, []
        return Outputs(result.logits, states, tuple(captured))

    def _mask(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor | None]:
        """Return the mask as attention takes it, where the batch says whether it is padded.

        transformers would make the same one, but first ask the GPU whether there is anything to mask.
        """
        if "padded" not in batch or self.model.config._attn_implementation != "sdpa":
            return {}
        mask = batch["attention_mask"].bool()[:, None, None, :] if batch["padded"] else None
        return {"attention_mask": mask}
