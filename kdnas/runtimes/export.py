"""A classifier as an ONNX file."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdnas.errors import UserError
from kdnas.models.last_layer import behind_attention, first_query_only, reading_first_token
from kdnas.models.loading import load_classifier
from kdnas.models.tokenizer import load_tokenizer
from kdnas.runtimes.base import needs
from kdnas.sentences import reason

OPSET = 17  # of ONNX: the newest that the exporter writes without conversion


class _Logits(nn.Module):
    """A classifier with the inputs of its tokenizer in their order, and the logits as its one output."""

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.names = names

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.model(**dict(zip(self.names, inputs, strict=True))).logits


def export_classifier(folder: str | Path, file: Path) -> None:
    """Write the classifier in the transformers ``folder`` to the ONNX ``file``, in float32.

    Its inputs are the tokenizer's ``model_input_names`` in their order, each (batch, tokens) int64 of any
    size; its output is ``logits`` (batch, labels). Its last layer computes what these need
    (:mod:`kdnas.models.last_layer`). The file's metadata name opset, producer and classes.
    Raises UserError if the folder is damaged or the model has an operator that cannot be exported.
    """
    names = load_tokenizer(folder).model_input_names
    export_network(load_classifier(folder), file, names=names, called=str(folder))


def export_network(model: Any, file: Path, *, names: Sequence[str], called: str) -> None:
    """Write a classifier to the ONNX ``file`` with the inputs ``names``, like :func:`export_classifier`.

    ``called`` is its name in sentences. Raises UserError if it has an operator that cannot be exported.
    """
    needs("onnx")
    import onnx

    model.set_attn_implementation("eager")  # plain operators, which every runtime has
    # a wrapper in training mode would put the model back into it, dropout included
    wrapper = _Logits(model, names).eval()
    other_than_padding = ((model.config.pad_token_id or 0) + 1) % model.config.vocab_size
    ids = torch.full((2, 5), other_than_padding)
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    inputs = tuple(given.get(name, torch.zeros_like(ids)) for name in names)
    axes: dict[str, dict[int, str]] = {name: {0: "batch", 1: "tokens"} for name in names}
    written = io.BytesIO()
    try:
        cut = reading_first_token(behind_attention(model))
        with torch.no_grad(), cut, first_query_only(model), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tracing: the gate compares what comes out
            torch.onnx.export(
                wrapper,
                inputs,
                written,  # type: ignore[arg-type]  # a file is taken, its types only know paths
                input_names=list(names),
                output_names=["logits"],
                dynamic_axes=axes | {"logits": {0: "batch"}},
                opset_version=OPSET,
                dynamo=False,  # ten times as fast as the other exporter
            )
    except (RuntimeError, torch.onnx.OnnxExporterError) as error:
        raise UserError(
            f"{called} cannot be exported to ONNX ({reason(error)}); allowed: latency.runtime and "
            "deployment.runtimes without runtimes that need it"
        ) from error
    graph = onnx.load_model_from_string(written.getvalue())
    classes = [name for _, name in sorted(model.config.id2label.items())]
    metadata = {
        "opset": str(OPSET),
        "producer": f"kdnas with torch {torch.__version__}",
        "classes": ", ".join(classes),
    }
    onnx.helper.set_model_props(graph, metadata)
    onnx.save(graph, file)


def write_tokenizer(tokenizer: Any, file: Path, max_length: int) -> None:
    """Write the file of the package ``tokenizers`` that cuts to ``max_length`` tokens and pads nothing.

    The file in a model's own folder may pad every text to a fixed length and cut elsewhere: transformers
    overrules that, ``tokenizers`` alone does not.
    """
    from tokenizers import Tokenizer

    own = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    own.no_padding()
    own.enable_truncation(max_length)
    file.write_text(own.to_str(), encoding="utf-8")
