"""A student's first weights: slices of its teacher.

The rule (our choice; docs/method.md says why):

- Layers: student layer i (from 0, of L_S) starts from teacher layer ceil((i + 1) L_T / L_S) - 1, so every
  k-th layer and always the last.
- Hidden dimensions, one choice for the whole residual stream: those that the copied layers read most, by
  the squared norm of the query, key, value and FFN input columns times the squared gain of the layer
  norm before.
- FFN neurons, a layer: the largest product of input and output weight norms.
- Attention heads, a layer: the teacher's rows are cut in order into one chunk a student head; within a
  chunk whole teacher heads come first, by importance, and within a head the most important rows. Queries
  and keys share their rows; values and the output projection share theirs. Queries are rescaled so that
  the attention scores keep the teacher's scale at another head size.
"""

from __future__ import annotations

import math
import re

import torch

from kdnas.space import Architecture

_LAYER = re.compile(r"encoder\.layer\.(\d+)\.(.+)")


def teacher_layer(layer: int, student_layers: int, teacher_layers: int) -> int:
    """Return the teacher layer (from 0) from which student layer ``layer`` (from 0) starts."""
    return math.ceil((layer + 1) * teacher_layers / student_layers) - 1


def slice_encoder(
    teacher: dict[str, torch.Tensor], shape: Architecture, student: Architecture
) -> tuple[dict[str, torch.Tensor], list[int]]:
    """Return the student's encoder tensors cut from the teacher's, and the kept hidden dimensions.

    ``teacher`` is the state dictionary of an encoder of ``shape`` (names without the model's prefix); the
    student may not exceed it in any dimension (ValueError). Tensors are float32 copies on the CPU.
    """
    if (
        student.layers > shape.layers
        or student.hidden_size > shape.hidden_size
        or student.ffn_size > shape.ffn_size
    ):
        raise ValueError(f"{student.short_name} does not fit into the teacher {shape.short_name}")
    teacher = {name: value.detach().float().cpu() for name, value in teacher.items()}
    sources = [teacher_layer(i, student.layers, shape.layers) for i in range(student.layers)]
    hidden = _top(_hidden_importance(teacher, sources), student.hidden_size)
    sliced: dict[str, torch.Tensor] = {}
    for name, value in teacher.items():
        if not _LAYER.match(name):
            sliced[name] = _slice_outside(name, value, hidden, shape.hidden_size)
    for target, source in enumerate(sources):
        prefix = f"encoder.layer.{source}."
        layer = {
            name.removeprefix(prefix): value for name, value in teacher.items() if name.startswith(prefix)
        }
        for name, value in _slice_layer(layer, hidden, shape, student).items():
            sliced[f"encoder.layer.{target}.{name}"] = value
    return sliced, hidden.tolist()


def _top(importance: torch.Tensor, count: int) -> torch.Tensor:
    """Return the positions of the ``count`` largest values in ascending order; ties go to the first."""
    order = torch.sort(importance, descending=True, stable=True).indices
    return torch.sort(order[:count]).values


def _hidden_importance(teacher: dict[str, torch.Tensor], sources: list[int]) -> torch.Tensor:
    importance = torch.zeros(())
    for source in sources:
        prefix = f"encoder.layer.{source}."
        before = f"encoder.layer.{source - 1}.output.LayerNorm.weight"
        gain = teacher[before] if source else torch.ones(())
        for projection in ("query", "key", "value"):
            weight = teacher[f"{prefix}attention.self.{projection}.weight"]
            importance = importance + (weight**2).sum(0) * gain**2
        weight = teacher[f"{prefix}intermediate.dense.weight"]
        gain = teacher[f"{prefix}attention.output.LayerNorm.weight"]
        importance = importance + (weight**2).sum(0) * gain**2
    return importance


def _slice_outside(name: str, value: torch.Tensor, hidden: torch.Tensor, size: int) -> torch.Tensor:
    """Cut embeddings and pooler: every axis of the hidden size, but not one of the vocabulary."""
    axes = range(value.dim())
    if name.endswith("_embeddings.weight"):
        axes = [1]
    elif name.startswith("embeddings_project"):
        axes = [0]
    for axis in axes:
        if value.shape[axis] == size:
            value = value.index_select(axis, hidden)
    return value.clone()


def _slice_layer(
    layer: dict[str, torch.Tensor], hidden: torch.Tensor, shape: Architecture, student: Architecture
) -> dict[str, torch.Tensor]:
    query, key = layer["attention.self.query.weight"], layer["attention.self.key.weight"]
    value, output = layer["attention.self.value.weight"], layer["attention.output.dense.weight"]
    scores = _attention_rows(query.norm(dim=1) * key.norm(dim=1), shape, student)
    values = _attention_rows(value.norm(dim=1) * output.norm(dim=0), shape, student)
    into, out = layer["intermediate.dense.weight"], layer["output.dense.weight"]
    neurons = _top(into.norm(dim=1) * out.norm(dim=0), student.ffn_size)
    head_sizes = (
        student.hidden_size / student.attention_heads,
        shape.hidden_size / shape.attention_heads,
    )
    rescale = math.sqrt(head_sizes[0] / head_sizes[1])
    rows = {
        "attention.self.query": scores,
        "attention.self.key": scores,
        "attention.self.value": values,
        "attention.output.dense": hidden,
        "attention.output.LayerNorm": hidden,
        "intermediate.dense": neurons,
        "output.dense": hidden,
        "output.LayerNorm": hidden,
    }
    columns = {"attention.output.dense": values, "output.dense": neurons}
    sliced = {}
    for name, tensor in layer.items():
        module = name.rpartition(".")[0]
        cut = tensor.index_select(0, rows[module])
        if cut.dim() == 2:
            cut = cut.index_select(1, columns.get(module, hidden))
        sliced[name] = cut * rescale if module == "attention.self.query" else cut
    return sliced


def _attention_rows(importance: torch.Tensor, shape: Architecture, student: Architecture) -> torch.Tensor:
    """Return the teacher's rows (hidden_size of them) that the student's heads take, head by head."""
    teacher_size = shape.hidden_size // shape.attention_heads
    student_size = student.hidden_size // student.attention_heads
    rows = []
    for chunk in torch.arange(shape.hidden_size).tensor_split(student.attention_heads):
        parts = [
            chunk[chunk // teacher_size == head] for head in torch.unique(chunk // teacher_size).tolist()
        ]
        parts.sort(key=lambda part: -float((importance[part] ** 2).sum()))
        taken: list[int] = []
        for part in parts:
            wanted = min(student_size - len(taken), len(part))
            taken += part[_top(importance[part], wanted)].tolist()
        rows += sorted(taken)
    return torch.tensor(rows)
