"""A teacher's attention heads in students with fewer or narrower ones."""

import numpy as np
import pytest
import torch
from tiny import signals_of, token_ids, write_teacher

from kdnas.data.tasks import get_task
from kdnas.models.families.bert import Bert
from kdnas.models.heads import head_outputs, head_sources, narrow_heads, score_maps, value_map
from kdnas.models.loading import pretrained_classifier
from kdnas.models.student import build_student
from kdnas.search.space import Architecture

TASK = get_task("mnli")
SHAPE = Architecture(4, 24, 6, 48, "gelu")


def narrowed(layer, signals, student):
    outputs = head_outputs(layer, signals, parts=Bert.parts, heads=SHAPE.attention_heads)
    sources = head_sources(outputs, shape=SHAPE, student=student)
    return narrow_heads(layer, signals, sources, parts=Bert.parts, student=student)


@pytest.fixture
def teacher(tmp_path):
    return pretrained_classifier(write_teacher(tmp_path / "base"), TASK, dropout=0.0, seed=1)


def first_layer(teacher):
    """Return the tensors of the teacher's first layer and what it carries on some tokens."""
    return teacher.bert.encoder.layer[0].state_dict(), signals_of(teacher)[0]


def best_of_rank(matrix, rank):
    """The nearest matrix of that rank, as Eckart and Young have it."""
    left, strengths, right = np.linalg.svd(matrix, full_matrices=False)
    return (left[:, :rank] * strengths[:rank]) @ right[:rank]


def loud_quiet(rows, generator):
    """Vectors of five dimensions that depend on each other, with a mean."""
    mix = generator.normal(size=(5, 5)) * [3.0, 2.0, 1.0, 0.5, 0.1]
    return generator.normal(size=(rows, 5)) @ mix.T + generator.normal(size=5)


@pytest.mark.parametrize("size", [1, 3])
def test_scores_of_a_narrower_head_are_the_nearest_that_its_width_allows(size):
    generator = np.random.default_rng(0)
    queries, keys = loud_quiet(40, generator), loud_quiet(60, generator)
    centred = keys - keys.mean(0)
    second, covariance = (torch.from_numpy(x.T @ x / len(x)) for x in (queries, centred))
    of_query, of_key = (x.numpy() for x in score_maps(second, covariance, size))
    scores = (queries @ of_query.T) @ (centred @ of_key.T).T
    assert np.allclose(scores, best_of_rank(queries @ centred.T, size))


def test_queries_and_keys_of_a_narrower_head_are_as_large_as_each_other():
    generator = np.random.default_rng(0)
    queries, keys = loud_quiet(40, generator), 100 * loud_quiet(60, generator)
    second, covariance = (torch.from_numpy(x.T @ x / len(x)) for x in (queries, keys - keys.mean(0)))
    of_query, of_key = score_maps(second, covariance, 2)
    squares = [(m @ s @ m.T).diagonal() for m, s in ((of_query, second), (of_key, covariance))]
    assert torch.allclose(*squares)


@pytest.mark.parametrize("size", [1, 3])
def test_what_a_narrower_head_writes_is_the_nearest_that_its_width_allows(size):
    generator = np.random.default_rng(0)
    context, columns = loud_quiet(40, generator), generator.normal(size=(8, 5))
    context -= context.mean(0)
    kept = value_map(torch.from_numpy(context.T @ context / 40), torch.from_numpy(columns), size).numpy()
    assert np.allclose((kept**2).sum(1), 1)
    values, written = context @ kept.T, context @ columns.T
    refitted = np.linalg.lstsq(values, written, rcond=None)[0]
    assert np.allclose(values @ refitted, best_of_rank(written, size))


def test_a_head_that_scores_nothing_stays_finite():
    nothing, something = torch.zeros(4, 4, dtype=torch.float64), torch.eye(4, dtype=torch.float64)
    for moments in ((nothing, something), (something, nothing), (nothing, nothing)):
        assert all(torch.isfinite(values).all() for values in score_maps(*moments, 2))
    assert torch.isfinite(value_map(nothing, torch.zeros(8, 4, dtype=torch.float64), 2)).all()


def test_of_more_heads_those_stay_that_write_most(teacher):
    quiet = [row for head in (0, 1, 4) for row in range(4 * head, 4 * head + 4)]
    loud = [row for row in range(24) if row not in quiet]
    with torch.no_grad():  # loud inside, but hardly anything of it is written
        attention = teacher.bert.encoder.layer[0].attention
        attention.self.value.weight[quiet] *= 10
        attention.output.dense.weight[:, quiet] *= 0.001
    layer, signals = first_layer(teacher)
    maps = narrowed(layer, signals, Architecture(4, 12, 3, 48, "gelu"))
    assert all(torch.equal(kept, torch.eye(24, dtype=torch.float64)[loud]) for kept in maps)


def test_what_all_tokens_share_is_nothing_that_a_head_writes(teacher):
    with torch.no_grad():
        attention = teacher.bert.encoder.layer[0].attention
        attention.self.value.bias[:4] = 100.0  # the output projection's bias can say it
        attention.output.dense.weight[:, :4] *= 0.01
    layer, signals = first_layer(teacher)
    maps = narrowed(layer, signals, Architecture(4, 20, 5, 48, "gelu"))
    assert torch.equal(maps.queries, torch.eye(24, dtype=torch.float64)[4:])


def test_what_all_keys_share_has_no_say_in_the_scores(teacher):
    narrower = Architecture(4, 12, 6, 48, "gelu")
    layer, signals = first_layer(teacher)
    before = narrowed(layer, signals, narrower)
    layer["attention.self.key.bias"] = layer["attention.self.key.bias"] + 5.0  # softmax takes it away
    after = narrowed(layer, signals, narrower)
    assert torch.allclose(before.queries.T @ before.keys, after.queries.T @ after.keys, rtol=1e-3, atol=1e-6)


def test_narrower_heads_mix_rows_of_one_head_of_the_teacher(teacher):
    layer, signals = first_layer(teacher)
    for kept in narrowed(layer, signals, Architecture(4, 12, 6, 48, "gelu")):
        used = (kept != 0).view(6, 2, 6, 4).any(3).any(1)
        assert torch.equal(used, torch.eye(6, dtype=torch.bool))


def test_wider_heads_start_as_the_heads_they_come_from(teacher):
    """The rest of each head has no effect at first, and a gradient: a student of three heads out of six."""
    with torch.no_grad():
        for layer in teacher.bert.encoder.layer:  # the others write nothing, so three are all that is needed
            layer.attention.output.dense.weight[:, [*range(0, 4), *range(12, 20)]] = 0.0
    student = build_student(
        Architecture(4, 24, 3, 48, "gelu"), teacher, TASK, signals=signals_of(teacher), dropout=0.0, seed=1
    )
    ids = token_ids(seed=1)
    outputs = [model.eval()(input_ids=ids).logits for model in (teacher, student)]
    assert torch.allclose(*outputs, atol=1e-4)
    outputs[1].square().sum().backward()
    attention = student.bert.encoder.layer[1].attention
    without_effect = [row for head in range(3) for row in range(8 * head + 4, 8 * head + 8)]
    assert (attention.self.query.weight[without_effect] == 0).all()
    assert attention.self.query.weight.grad[without_effect].abs().sum(1).min() > 0
    assert attention.output.dense.weight.grad[:, without_effect].abs().sum(0).min() > 0


def test_more_heads_than_the_teachers_are_cut_from_its_rows_in_order(teacher):
    layer, signals = first_layer(teacher)
    maps = narrowed(layer, signals, Architecture(4, 24, 12, 48, "gelu"))
    assert all(torch.equal(kept, torch.eye(24, dtype=torch.float64)) for kept in maps)
