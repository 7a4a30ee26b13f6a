"""Random networks and rows for the tests on a GPU."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from kdnas.data.tasks import get_task
from kdnas.losses.base import Pair
from kdnas.losses.objective import Objective, reads_of_teacher
from kdnas.models.loading import classifier_config, new_classifier
from kdnas.models.student import build_student
from kdnas.search.space import Architecture
from kdnas.training.data import Encoded
from kdnas.training.forward import Teaching
from kdnas.training.learner import Learner
from kdnas.training.loop import train
from kdnas.training.recipe import Stage
from kdnas.training.run import Run
from kdnas.training.scoring import predict

TASK = get_task("mnli")
LOSSES = {"hidden": 1.0, "logits": 1.0, "relations": 1.0, "labels": 1.0}
STAGE = Stage(
    epochs=2,
    min_steps=0,
    batch_size=8,
    learning_rate=5e-4,
    warmup=0.1,
    weight_decay=0.01,
    dropout=0.1,
    max_gradient_norm=1.0,
)


@dataclass(frozen=True)
class Sizes:
    """The teacher and students of the tests, and the tokens and words of their rows."""

    teacher: Architecture
    students: tuple[Architecture, ...]
    tokens: int
    words: int

    @classmethod
    def real(cls) -> Sizes:
        """MiniLM and three students of it."""
        shapes = ((3, 384, 12, 1536, "gelu"), (4, 192, 6, 384, "relu"), (2, 288, 12, 768, "gelu"))
        teacher = Architecture(6, 384, 12, 1536, "gelu")
        return cls(teacher, tuple(Architecture(*shape) for shape in shapes), 128, 30522)

    @classmethod
    def tiny(cls) -> Sizes:
        """What a busy CPU trains in no time."""
        shapes = ((2, 24, 6, 48, "gelu"), (2, 12, 6, 24, "relu"), (1, 24, 6, 24, "gelu"))
        return cls(
            Architecture(4, 24, 6, 48, "gelu"), tuple(Architecture(*shape) for shape in shapes), 16, 200
        )


def bert_config(shape: Architecture, words: int) -> Any:
    """Return the configuration of a BERT classifier without dropout."""
    from transformers import AutoConfig

    config = AutoConfig.for_model(
        "bert",
        vocab_size=words,
        hidden_size=shape.hidden_size,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.attention_heads,
        intermediate_size=shape.ffn_size,
        hidden_act=shape.activation,
        max_position_embeddings=512,
    )
    return classifier_config(config, TASK, 0.0)


def make_teacher(sizes: Sizes) -> nn.Module:
    return new_classifier(bert_config(sizes.teacher, sizes.words), seed=1).eval()


def make_rows(sizes: Sizes, rows: int = 40, full: bool = False) -> Encoded:
    """Return rows of random words whose first tells the label; all of full length, or from a third of it."""
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 3, rows)
    shortest = sizes.tokens if full else sizes.tokens // 3
    lengths = generator.integers(shortest, sizes.tokens + 1, rows)
    # ids above 5 are no padding; a few words, so that what is learned of one row helps with another
    ids = [generator.integers(9, 60, length) for length in lengths]
    for row, label in zip(ids, labels, strict=True):
        row[0] = 6 + label
    return Encoded(ids, [np.zeros(length, np.int64) for length in lengths], labels.astype(np.int64), 0)


def make_learner(
    run: Run,
    teacher: nn.Module,
    shape: Architecture,
    stage: Stage = STAGE,
    losses: dict[str, float] = LOSSES,
    signals: Any = None,
) -> Learner:
    """Return a student of ``teacher`` on the run's device; the same for the same arguments."""
    torch.manual_seed(1)  # of the maps of the hidden-state loss
    student = build_student(shape, teacher, TASK, signals=signals, dropout=stage.dropout, seed=1)
    pair = Pair(student.config, teacher.config, temperature=2.0, relation_heads=6)
    learner = Learner({"shape": shape.to_dict(), "run": run.key}, stage, seed=1)
    learner.take_up(student, Objective(losses, pair), torch.empty(0))
    learner.start(run.device, run.autocast)
    return learner


def train_all(
    run: Run,
    sizes: Sizes,
    shapes: Iterable[Architecture],
    stage: Stage = STAGE,
    rows: Encoded | None = None,
    lines: list[str] | None = None,
) -> list[Learner]:
    """Train students of ``shapes`` side by side, as a cohort does."""
    teacher = make_teacher(sizes)
    learners = [make_learner(run, teacher, shape, stage) for shape in shapes]
    rows = rows or make_rows(sizes)
    teaching = make_teaching(run, teacher, rows)
    run.report = lines.append if lines is not None else lambda text: None
    train(learners, rows, seed=1, run=run, teaching=teaching)
    for learner in learners:
        run.checkpoints.remove(learner.key)
    return learners


def weights_of(learner: Learner) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu() for name, value in learner.named_parameters()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Tell whether two models are the same to the last bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def make_teaching(run, teacher, rows):
    """Return the teacher's side of the losses on ``rows``, with its logits from one pass over them."""
    logits = torch.from_numpy(predict(teacher.to(run.device), rows, run.device))
    return Teaching(teacher, logits, reads_of_teacher(LOSSES), device=run.device, autocast=run.autocast)
