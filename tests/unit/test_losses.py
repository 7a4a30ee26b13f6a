"""The losses against slow references written out by hand."""

import math

import numpy as np
import pytest
import torch

from kdnas.training.losses import (
    HiddenStateLoss,
    Outputs,
    labels_loss,
    logits_loss,
    uniform_last_layers,
)
from kdnas.training.objective import Objective, Weights

NO_TERM = {"hidden": 0, "logits": 0, "relations": 0, "labels": 0, "temperature": 2.0, "relation_heads": 2}


def term(name, student, teacher, mask=None):
    """Return one term of the objective; ``student`` and ``teacher`` are what it compares."""
    objective = Objective(Weights(**(NO_TERM | {name: 1})), False, None)
    nothing = torch.zeros(1, 1)
    outputs = [
        Outputs(value, (), ()) if name == "logits" else Outputs(nothing, (), value)
        for value in (student, teacher)
    ]
    return float(objective(*outputs, {"attention_mask": nothing if mask is None else mask})[name])


def test_uniform_last_by_hand():
    assert uniform_last_layers(3, 6) == [(0, 3), (2, 4), (4, 5)]
    assert uniform_last_layers(4, 6) == [(0, 2), (1, 3), (3, 4), (4, 5)]
    assert uniform_last_layers(6, 6) == [(i, i) for i in range(6)]
    with pytest.raises(ValueError, match="deeper"):
        uniform_last_layers(7, 6)


def test_hidden_loss_counts_real_tokens_only():
    torch.manual_seed(0)
    loss = HiddenStateLoss(2, 3, 4, 5)
    student = tuple(torch.randn(2, 4, 3) for _ in range(2))
    teacher = tuple(torch.randn(2, 4, 5) for _ in range(4))
    mask = torch.tensor([[1.0, 1, 1, 0], [1, 0, 0, 0]])
    total, count = 0.0, 0
    for layer, (uniform, last) in enumerate([(0, 2), (2, 3)]):
        for row, token in ((0, 0), (0, 1), (0, 2), (1, 0)):
            mapped = loss.maps[layer](student[layer][row, token])
            target = torch.cat([teacher[uniform][row, token], teacher[last][row, token]])
            total += float(((mapped - target) ** 2).sum().detach())
            count += 10
    assert float(loss(student, teacher, mask).detach()) == pytest.approx(total / count, rel=1e-5)


def test_fitted_maps_are_the_least_squares_ones_over_real_tokens():
    generator = torch.Generator().manual_seed(1)
    batches = []
    for tokens in (7, 9):
        student = tuple(torch.randn(4, tokens, 3, generator=generator) for _ in range(2))
        teacher = tuple(torch.randn(4, tokens, 5, generator=generator) for _ in range(4))
        mask = (torch.arange(tokens) < torch.tensor([[tokens], [3], [1], [5]])).float()
        batches.append((student, teacher, mask))
    loss = HiddenStateLoss(2, 3, 4, 5)
    loss.fit(batches)
    real = [mask.bool().numpy() for _, _, mask in batches]
    for layer, (uniform, last) in enumerate([(0, 2), (2, 3)]):
        reads = np.concatenate([b[0][layer].numpy()[m] for b, m in zip(batches, real, strict=True)])
        targets = np.concatenate(
            [
                torch.cat([b[1][uniform], b[1][last]], -1).numpy()[m]
                for b, m in zip(batches, real, strict=True)
            ]
        )
        best = np.linalg.lstsq(np.hstack([reads, np.ones((len(reads), 1))]), targets, rcond=None)[0]
        assert np.allclose(loss.maps[layer].weight.detach().numpy(), best[:-1].T, atol=2e-3)
        assert np.allclose(loss.maps[layer].bias.detach().numpy(), best[-1], atol=2e-3)


def test_maps_fitted_to_what_a_line_explains_leave_no_loss():
    student = (torch.randn(1, 40, 4),)
    turned = student[0] @ torch.randn(4, 3) + torch.randn(3)
    loss = HiddenStateLoss(1, 4, 1, 3)
    batch = (student, (turned,), torch.ones(1, 40))
    assert float(loss(*batch).detach()) > 0.1
    loss.fit([batch])
    assert float(loss(*batch).detach()) < 1e-4


def test_logits_loss_by_hand():
    student, teacher, temperature = [1.0, 0.0], [0.0, 2.0], 2.0
    p = [math.exp(v / temperature) for v in teacher]
    q = [math.exp(v / temperature) for v in student]
    p, q = [v / sum(p) for v in p], [v / sum(q) for v in q]
    expected = temperature**2 * sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    value = term("logits", torch.tensor([student]), torch.tensor([teacher]))
    assert value == pytest.approx(expected, rel=1e-5)
    assert float(logits_loss(torch.tensor([[1.0]]), torch.tensor([[3.0]]), 2.0, True)) == 4.0


def test_regression_never_broadcasts():
    logits = torch.tensor([[1.0], [2.0], [4.0]])
    assert float(labels_loss(logits, torch.tensor([1.0, 2.0, 1.0]), True)) == pytest.approx(3.0)
    with pytest.raises(ValueError, match="differ"):
        labels_loss(logits, torch.tensor([[1.0], [2.0], [1.0]]), True)
    with pytest.raises(ValueError, match="do not match"):
        logits_loss(logits, torch.zeros(3), 1.0, True)


def test_relations_against_a_loop():
    torch.manual_seed(1)
    heads, tokens = 2, [4, 2]
    student = tuple(torch.randn(2, 4, 6) for _ in range(3))
    teacher = tuple(torch.randn(2, 4, 8) for _ in range(3))
    mask = torch.tensor([[1.0] * 4, [1, 1, 0, 0]])

    def relations(vectors, row, head, size):
        part = vectors[row, : tokens[row], head * size : (head + 1) * size]
        return torch.softmax(part @ part.T / math.sqrt(size), dim=-1)

    per_kind = []
    for kind in range(3):
        divergences = []
        for row in range(2):
            for head in range(heads):
                p = relations(teacher[kind], row, head, 4)
                q = relations(student[kind], row, head, 3)
                divergences += (p * (p / q).log()).sum(-1).tolist()
        per_kind.append(sum(divergences) / len(divergences))
    value = term("relations", student, teacher, mask)
    assert value == pytest.approx(sum(per_kind) / 3, rel=1e-4)
