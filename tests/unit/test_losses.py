"""The losses against slow references written out by hand."""

import math

import pytest
import torch

from kdnas.losses import (
    HiddenStateLoss,
    labels_loss,
    logits_loss,
    relations_loss,
    uniform_last_layers,
)


def test_uniform_last_by_hand():
    assert uniform_last_layers(3, 6) == [(0, 3), (2, 4), (4, 5)]
    assert uniform_last_layers(4, 6) == [(0, 2), (1, 3), (3, 4), (4, 5)]
    assert uniform_last_layers(6, 6) == [(i, i) for i in range(6)]
    with pytest.raises(ValueError, match="deeper"):
        uniform_last_layers(7, 6)


def test_hidden_loss_counts_real_tokens_only():
    torch.manual_seed(0)
    loss = HiddenStateLoss(2, 3, 4, 5, None)
    student = tuple(torch.randn(2, 4, 3) for _ in range(2))
    teacher = tuple(torch.randn(2, 4, 5) for _ in range(4))
    mask = torch.tensor([[1.0, 1, 1, 0], [1, 0, 0, 0]])
    total, count = 0.0, 0
    for layer, (uniform, last) in enumerate([(0, 2), (2, 3)]):
        for row, token in ((0, 0), (0, 1), (0, 2), (1, 0)):
            mapped = loss.maps[layer](student[layer][row, token])
            target = torch.cat([teacher[uniform][row, token], teacher[last][row, token]])
            total += float(((mapped - target) ** 2).sum())
            count += 10
    assert float(loss(student, teacher, mask)) == pytest.approx(total / count, rel=1e-5)


def test_hidden_loss_of_a_sliced_student_starts_at_what_slicing_lost():
    teacher = tuple(torch.randn(1, 3, 4) for _ in range(2))
    loss = HiddenStateLoss(2, 4, 2, 4, [0, 1, 2, 3])
    # nothing was cut away, and both targets of each layer are the layer itself
    assert float(loss(teacher, teacher, torch.ones(1, 3))) == 0.0
    half = tuple(state[..., [1, 3]] for state in teacher)
    loss = HiddenStateLoss(2, 2, 2, 4, [1, 3])
    lost = sum(float((state[..., [0, 2]] ** 2).mean()) for state in teacher) / 2 / 2
    assert float(loss(half, teacher, torch.ones(1, 3))) == pytest.approx(lost, rel=1e-5)


def test_logits_loss_by_hand():
    student, teacher, temperature = [1.0, 0.0], [0.0, 2.0], 2.0
    p = [math.exp(v / temperature) for v in teacher]
    q = [math.exp(v / temperature) for v in student]
    p, q = [v / sum(p) for v in p], [v / sum(q) for v in q]
    expected = temperature**2 * sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    value = logits_loss(torch.tensor([student]), torch.tensor([teacher]), temperature, False)
    assert float(value) == pytest.approx(expected, rel=1e-5)
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
    value = relations_loss(student, teacher, mask, heads)
    assert float(value) == pytest.approx(sum(per_kind) / 3, rel=1e-4)
