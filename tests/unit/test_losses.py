"""The losses against slow references written out by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kdnas.config.schema import load_schema
from kdnas.data.kinds import MULTI_LABEL, REGRESSION, SINGLE_LABEL, Classes, LabelSets
from kdnas.losses import LABELS, LOSSES, loss_class
from kdnas.losses.base import Outputs, Pair
from kdnas.losses.hidden import HiddenStates, uniform_last_layers
from kdnas.losses.labels import Labels
from kdnas.losses.logits import Logits
from kdnas.losses.objective import Objective, reads_of_teacher

NOTHING = torch.zeros(1, 1)


def shape(layers, hidden):
    return SimpleNamespace(num_hidden_layers=layers, hidden_size=hidden, problem_type=SINGLE_LABEL)


def pair_of(problem_type, **given):
    return Pair(SimpleNamespace(problem_type=problem_type), None, **given)


def term(name, student, teacher, mask=None):
    """Return one term of the objective; ``student`` and ``teacher`` are what it compares."""
    pair = pair_of(SINGLE_LABEL, temperature=2.0, relation_heads=2)
    objective = Objective({name: 1.0}, pair)
    outputs = [
        Outputs(value, (), ()) if name == "logits" else Outputs(NOTHING, (), value)
        for value in (student, teacher)
    ]
    return float(objective(*outputs, {"attention_mask": NOTHING if mask is None else mask})[name])


def hidden_loss(loss, student, teacher, mask):
    outputs = [Outputs(NOTHING, states) for states in (student, teacher)]
    return float(loss(*outputs, {"attention_mask": mask}).detach())


def test_the_registry_is_the_configs(tmp_path):
    keys = load_schema()["properties"]["distillation"]["properties"]["losses"]["properties"]
    assert list(keys) == list(LOSSES)
    assert [name for name in LOSSES if not loss_class(name).needs_teacher] == [LABELS]


def test_the_teacher_is_asked_for_what_the_chosen_losses_read():
    assert reads_of_teacher({"labels": 1.0, "logits": 0.0}) is None
    assert reads_of_teacher({"labels": 1.0, "logits": 0.5}) == frozenset()
    assert reads_of_teacher({"hidden": 1.0, "relations": 2.0}) == {"hidden_states", "relations"}


def test_uniform_last_by_hand():
    assert uniform_last_layers(3, 6) == [(0, 3), (2, 4), (4, 5)]
    assert uniform_last_layers(4, 6) == [(0, 2), (1, 3), (3, 4), (4, 5)]
    assert uniform_last_layers(6, 6) == [(i, i) for i in range(6)]
    with pytest.raises(ValueError, match="deeper"):
        uniform_last_layers(7, 6)


def test_hidden_loss_counts_real_tokens_only():
    torch.manual_seed(0)
    loss = HiddenStates(Pair(shape(2, 3), shape(4, 5)))
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
    assert hidden_loss(loss, student, teacher, mask) == pytest.approx(total / count, rel=1e-5)


def test_fitted_maps_are_the_least_squares_ones_over_real_tokens():
    generator = torch.Generator().manual_seed(1)
    batches = []
    for tokens in (7, 9):
        student = tuple(torch.randn(4, tokens, 3, generator=generator) for _ in range(2))
        teacher = tuple(torch.randn(4, tokens, 5, generator=generator) for _ in range(4))
        mask = (torch.arange(tokens) < torch.tensor([[tokens], [3], [1], [5]])).float()
        batches.append((student, teacher, mask))
    loss = HiddenStates(Pair(shape(2, 3), shape(4, 5)))
    loss.fit(
        (Outputs(NOTHING, student), Outputs(NOTHING, teacher), {"attention_mask": mask})
        for student, teacher, mask in batches
    )
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
    loss = HiddenStates(Pair(shape(1, 4), shape(1, 3)))
    batch = (student, (turned,), torch.ones(1, 40))
    assert hidden_loss(loss, *batch) > 0.1
    loss.fit([(Outputs(NOTHING, student), Outputs(NOTHING, (turned,)), {"attention_mask": batch[2]})])
    assert hidden_loss(loss, *batch) < 1e-4


def test_logits_loss_by_hand():
    student, teacher, temperature = [1.0, 0.0], [0.0, 2.0], 2.0
    p = [math.exp(v / temperature) for v in teacher]
    q = [math.exp(v / temperature) for v in student]
    p, q = [v / sum(p) for v in p], [v / sum(q) for v in q]
    expected = temperature**2 * sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    value = term("logits", torch.tensor([student]), torch.tensor([teacher]))
    assert value == pytest.approx(expected, rel=1e-5)
    regression = Logits(pair_of(REGRESSION, temperature=2.0))
    assert float(regression(Outputs(torch.tensor([[1.0]])), Outputs(torch.tensor([[3.0]])), {})) == 4.0


def test_class_weights_weigh_rows_by_their_label():
    logits, labels = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), torch.tensor([0, 0, 1])
    losses = [math.log(1 + math.exp(-2)), math.log(1 + math.exp(1)), math.log(1 + math.exp(1))]
    weighted = Labels(pair_of(SINGLE_LABEL, class_weights=(0.75, 1.5)))
    expected = (0.75 * losses[0] + 0.75 * losses[1] + 1.5 * losses[2]) / 3.0
    assert float(weighted(Outputs(logits), None, {"labels": labels})) == pytest.approx(expected)
    equal = Labels(pair_of(SINGLE_LABEL))
    assert float(equal(Outputs(logits), None, {"labels": labels})) == pytest.approx(sum(losses) / 3)
    assert Classes(("a", "b")).balanced_weights(np.array([0, 0, 1, 0])) == pytest.approx((4 / 6, 4 / 2))
    assert not weighted.state_dict()  # a checkpoint holds what is learned


def softplus(value):
    return math.log(1 + math.exp(value))


def test_label_sets_are_the_sum_of_their_labels_by_hand():
    logits, labels = (
        torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]]),
        torch.tensor([[1.0, 0, 0], [0, 1, 1]]),
    )
    rows = [softplus(-2) + softplus(-1) + softplus(0.5), softplus(0) + softplus(-3) + softplus(2)]
    found = Labels(pair_of(MULTI_LABEL))(Outputs(logits), None, {"labels": labels})
    assert float(found) == pytest.approx(sum(rows) / 2, rel=1e-5)
    with pytest.raises(ValueError, match=r"predictions \(2, 3\) and labels \(2,\) differ"):
        Labels(pair_of(MULTI_LABEL))(Outputs(logits), None, {"labels": labels[:, 0]})


def test_label_sets_learn_each_label_s_probability_from_the_teacher_by_hand():
    student, teacher, temperature = [[1.0, -2.0], [0.5, 0.0]], [[0.0, -1.0], [3.0, 0.2]], 2.0
    expected = 0.0
    for own, given in zip(sum(student, []), sum(teacher, []), strict=True):
        p, q = (1 / (1 + math.exp(-value / temperature)) for value in (given, own))
        expected += p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    loss = Logits(pair_of(MULTI_LABEL, temperature=temperature))
    found = float(loss(Outputs(torch.tensor(student)), Outputs(torch.tensor(teacher)), {}))
    assert found == pytest.approx(temperature**2 * expected / 2, rel=1e-5)


def test_two_classes_are_one_label():
    """The softmax of two logits is the sigmoid of their difference, so both losses are the same number."""
    torch.manual_seed(1)
    student, teacher, label = torch.randn(5, 2), torch.randn(5, 2), torch.tensor([0, 1, 1, 0, 1])
    two, one = (pair_of(kind, temperature=3.0) for kind in (SINGLE_LABEL, MULTI_LABEL))
    difference = [Outputs((logits[:, 1] - logits[:, 0])[:, None]) for logits in (student, teacher)]
    of_classes = Logits(two)(Outputs(student), Outputs(teacher), {})
    assert torch.allclose(of_classes, Logits(one)(*difference, {}), atol=1e-6)
    of_classes = Labels(two)(Outputs(student), None, {"labels": label})
    assert torch.allclose(of_classes, Labels(one)(difference[0], None, {"labels": label[:, None].float()}))


def test_class_weights_of_label_sets_weigh_presence_and_absence():
    targets = np.array([[1, 0], [0, 0], [0, 1], [0, 1]], dtype=np.float32)
    weights = LabelSets(("a", "b")).balanced_weights(targets)
    assert weights == ((4 / 6, 4 / 2), (1.0, 1.0))
    loss = Labels(pair_of(MULTI_LABEL, class_weights=weights))
    logits, labels = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 0.0]])
    expected = 2 * (2.0 * softplus(-1) + 1.0 * softplus(2)) / 3.0  # two labels, weighted mean
    assert float(loss(Outputs(logits), None, {"labels": labels})) == pytest.approx(expected, rel=1e-5)
    assert not loss.state_dict()


def test_regression_never_broadcasts():
    logits, pair = Outputs(torch.tensor([[1.0], [2.0], [4.0]])), pair_of(REGRESSION)
    assert float(Labels(pair)(logits, None, {"labels": torch.tensor([1.0, 2.0, 1.0])})) == pytest.approx(3.0)
    with pytest.raises(ValueError, match="differ"):
        Labels(pair)(logits, None, {"labels": torch.tensor([[1.0], [2.0], [1.0]])})
    with pytest.raises(ValueError, match="do not match"):
        Logits(pair)(logits, Outputs(torch.zeros(3)), {})


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
