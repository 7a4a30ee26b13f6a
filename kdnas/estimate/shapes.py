"""Operations, parameters and memory of an encoder, from its shape alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kdnas.models.families import family_of
from kdnas.search.space import Architecture, encoder_parameters

BYTES = 4  # of a float32 number
TRAINING_COPIES = 4  # weights, gradients and Adam's two moments


@dataclass(frozen=True)
class Embeddings:
    """The sizes of a model's embedding tables, which students share with their teacher.

    ``per_head`` are the parameters that all layers share for each attention head; ``gated`` is whether layers
    have a gated FFN and no biases (:func:`kdnas.search.space.encoder_parameters`).
    """

    vocabulary: int
    positions: int
    token_types: int
    per_head: int = 0
    gated: bool = False

    @classmethod
    def from_model_config(cls, config: Any) -> Embeddings:
        """Read them off a configuration of the BERT family (:func:`kdnas.models.families.shape_of`)."""
        family = family_of(config.model_type)
        return cls(
            config.vocab_size,
            family.position_rows(config),
            family.token_types(config),
            family.parameters_per_head(config),
            family.gated,
        )


def forward_flops(architecture: Architecture, tokens: float, *, whole: bool = False) -> float:
    """Return the floating-point operations of a forward pass for one token among ``tokens`` of an input.

    A layer has four H x H matrices, two H x F ones, and for each token two products with ``tokens`` vectors
    of width H in its attention; a multiply-add counts as two operations (as in Kaplan et al. 2020,
    arXiv 2001.08361, section 2.1). Unless the last layer is ``whole``, three of its matrices are for the
    first token alone (kdnas.models.last_layer) and count as nothing. Factorised embeddings have one E x H
    matrix. Embedding tables, norms and heads are left out, and so is the third matrix of a gated FFN, at most
    a fifth of ModernBERT's operations: the time of an operation is measured on the teacher, so what all
    models lack cancels out.
    """
    size, ffn = architecture.hidden_size, architecture.ffn_size
    projection = 2 * architecture.embedding_size * size if architecture.factorised else 0
    behind_attention = 2 * size * size + 4 * size * ffn
    layer = 6 * size * size + 4 * size * tokens + behind_attention
    return projection + architecture.layers * layer - (0 if whole else behind_attention)


def maps_flops(architecture: Architecture, teacher: Architecture) -> float:
    """Return the hidden-state loss's operations per token: a map from H_S to 2 H_T in every layer."""
    return architecture.layers * 4 * architecture.hidden_size * teacher.hidden_size


def training_flops(forward: float) -> float:
    """Return the operations of a training step from its ``forward`` ones: backward takes twice as many."""
    return 3 * forward


def parameters(architecture: Architecture, embeddings: Embeddings, labels: int) -> int:
    """Return the parameters of a classifier of this shape, embeddings and head included."""
    size, width = architecture.hidden_size, architecture.embedding_size
    norm = width if embeddings.gated else 2 * width
    tables = (embeddings.vocabulary + embeddings.positions + embeddings.token_types) * width + norm
    if architecture.factorised:
        tables += width * size + size
    head = (size * size + size) + (size * labels + labels)
    shared = embeddings.per_head * architecture.attention_heads
    return tables + encoder_parameters(architecture, gated=embeddings.gated) + shared + head


def timing_bytes(shapes: Sequence[Architecture], embeddings: Embeddings) -> int:
    """Return the memory of the weights of networks timed together, which share word embeddings."""
    of_networks = sum(parameters(shape, embeddings, 2) for shape in shapes)
    widths = [shape.embedding_size for shape in shapes]
    shared = embeddings.vocabulary * (sum(widths) - sum(set(widths)))
    return BYTES * (of_networks - shared)


def training_bytes(count: float) -> float:
    """Return the memory of ``count`` parameters in training (float32, AdamW)."""
    return TRAINING_COPIES * BYTES * count


def activation_bytes(architecture: Architecture, rows: int, tokens: int) -> int:
    """Return roughly the bytes that a forward pass on ``rows`` inputs of ``tokens`` keeps for backward.

    For each token a layer keeps about sixteen tensors of width H (projections, residuals, norms, dropout) and
    six of width F: fitted to the peak memory of fine-tuning MiniLM on a CPU. Fused attention keeps no scores.
    """
    width = 16 * architecture.hidden_size + 6 * architecture.ffn_size
    return BYTES * rows * tokens * architecture.layers * width


def moments_bytes(teacher: Architecture) -> int:
    """Return the memory of a teacher's second moments: a layer has four matrices H x H and one F x F."""
    return BYTES * teacher.layers * (4 * teacher.hidden_size**2 + teacher.ffn_size**2)


def refit_flops(architecture: Architecture, teacher: Architecture) -> float:
    """Return the operations of a refit's fits for one token: the products of their inputs and outputs.

    A layer has two fits of the teacher's stream on the student's and those of its two output projections
    (kdnas.models.refit).
    """
    size, ffn = architecture.hidden_size, architecture.ffn_size
    streams = 2 * size * (size + teacher.hidden_size)
    return 2 * architecture.layers * (streams + 2 * size * size + ffn * (ffn + size))


def targets_bytes(teacher: Architecture, rows: int, tokens: float) -> float:
    """Return the memory of what students are refitted to: what the first layer reads and two sums a layer."""
    return BYTES * rows * tokens * teacher.hidden_size * (1 + 2 * teacher.layers)


def hidden_states_kept(architecture: Architecture, teacher: Architecture) -> int:
    """Return how many tensors of the teacher's width the hidden-state loss keeps for every token.

    They are the teacher's states, and each student layer's mapped ones, targets and errors, twice as wide.
    """
    return teacher.layers + 6 * architecture.layers


def distillation_bytes(
    teacher: Architecture, student: Architecture, weights: float, *, rows: int, tokens: int, states: int
) -> float:
    """Return the most memory that students take beside their teacher's weights.

    They train side by side, and each batch goes through them one after the other. For small students, the
    teacher's moments behind their initialisation may take more than training (kdnas.training.lesson).

    Args:
        teacher: its shape.
        student: the shape that keeps the most of a batch.
        weights: the parameters of all students together.
        rows: inputs of a batch.
        tokens: of an input.
        states: the tensors of the teacher's width that the losses keep for a token.
    """
    batch = activation_bytes(student, rows, tokens) + BYTES * rows * tokens * states * teacher.hidden_size
    return max(training_bytes(weights) + batch, BYTES * weights + moments_bytes(teacher))
