"""Students refitted to their teacher layer by layer: the fits, against numpy's, and what they are worth."""

import numpy as np
import pytest
import torch
from tiny import FACTORISABLE, FAMILY, FOLDS_GAINS, signals_of, token_ids, write_teacher

from kdnas.data.tasks import get_task
from kdnas.models.families import family_of
from kdnas.models.loading import base_model, pretrained_classifier
from kdnas.models.refit import RIDGE, TOKENS, fit, measure_targets
from kdnas.models.residual import residual_basis
from kdnas.models.student import build_student
from kdnas.search.space import Architecture

TASK = get_task("mnli")
SHAPE = Architecture(4, 24, 6, 48, "gelu")
SMALL = Architecture(3, 16, 4, 20, "relu")


def batches_of(rows=240, tokens=9, seed=3):
    """Return rows of ``tokens`` tokens or fewer, in two batches."""
    ids = token_ids(rows, tokens, seed=seed)
    mask = torch.ones_like(ids)
    mask[::3, tokens - 2 :] = 0
    ids[mask == 0] = 1
    halves = zip(ids.split(rows // 2), mask.split(rows // 2), strict=True)
    return [{"input_ids": own_ids, "attention_mask": own_mask} for own_ids, own_mask in halves]


@pytest.fixture
def make_teacher(tmp_path):
    def make(model_type="bert"):
        base = write_teacher(tmp_path / model_type, model_type)
        return pretrained_classifier(base, TASK, dropout=0.0, seed=1).eval()

    return make


def build(teacher, shape, targets=None):
    signals = signals_of(teacher)
    return build_student(shape, teacher, TASK, signals=signals, dropout=0.1, seed=1, targets=targets).eval()


def logits(model, batches):
    with torch.no_grad():
        return torch.cat([model(**batch).logits for batch in batches])


def ridge_regression(inputs, outputs, start):
    """Return weight and bias by numpy's least squares, with the ridge as further rows of data."""
    x, y = (torch.cat(parts).double().numpy() for parts in (inputs, outputs))
    ridge = np.sqrt(RIDGE * (x**2).mean() * len(x)) * np.eye(x.shape[1])
    more = np.vstack([x - x.mean(0), ridge])
    weight = np.linalg.lstsq(more, np.vstack([y - y.mean(0), ridge @ start.detach().double().numpy().T]))[0].T
    return weight, y.mean(0) - weight @ x.mean(0)


def inputs_of(model, modules, batches):
    """Return the first input of each module on the real tokens, batch by batch."""
    found = [[] for _ in modules]
    mask = None
    hooks = [
        module.register_forward_pre_hook(lambda _module, inputs, kept=kept: kept.append(inputs[0][mask]))
        for module, kept in zip(modules, found, strict=True)
    ]
    with torch.no_grad():
        for batch in batches:
            mask = batch["attention_mask"].bool()
            model(**batch)
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize("model_type", FAMILY)
def test_a_student_of_its_teachers_shape_stays_its_teacher(model_type, make_teacher):
    teacher, batches = make_teacher(model_type), batches_of()
    student = build(teacher, SHAPE, measure_targets(teacher, batches, 1))
    apart = (logits(student, batches) - logits(teacher, batches)).abs().max()
    assert apart < 5e-6 if model_type in FOLDS_GAINS else apart == 0


def test_a_fit_is_numpys_ridge_regression():
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(rows, 5, generator=generator) + 2 for rows in (30, 7)]
    outputs = [torch.randn(len(part), 3, generator=generator) - 1 for part in inputs]
    start = torch.randn(3, 5, generator=generator)
    both = zip(fit(inputs, outputs, start), ridge_regression(inputs, outputs, start), strict=True)
    for ours, expected in both:
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def test_a_fit_on_dead_neurons_keeps_its_start_and_gives_the_mean():
    weight, bias = fit([torch.zeros(6, 2)], [torch.arange(6.0)[:, None]], torch.tensor([[3.0, 4.0]]))
    assert weight.tolist() == [[3.0, 4.0]] and bias.tolist() == [2.5]


def test_a_fit_keeps_what_was_exact():
    inputs = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    start = torch.tensor([[1.0, 2.0, 3.0]])
    weight, bias = fit([inputs], [inputs @ start.T + 4], start)
    np.testing.assert_allclose(weight, start, atol=1e-6)
    np.testing.assert_allclose(bias, [4], atol=1e-6)


@pytest.mark.parametrize("model_type", ["bert", "roberta"])
def test_each_output_projection_gives_the_teachers_sums_best(model_type, make_teacher):
    teacher, batches = make_teacher(model_type), batches_of()
    student, start = build(teacher, SMALL, measure_targets(teacher, batches, 1)), build(teacher, SMALL)
    sources = [
        family_of(model_type).teacher_layer(layer, SMALL.layers, SHAPE.layers)
        for layer in range(SMALL.layers)
    ]
    signals = signals_of(teacher)
    basis = residual_basis([signals[source] for source in sources], SMALL.hidden_size).float()
    for layer, source in enumerate(sources):
        own, given, narrowed = (
            base_model(model).encoder.layer[number]
            for model, number in ((student, layer), (teacher, source), (start, layer))
        )
        for block, reads, taught, before in (
            (
                own.attention.output,
                own.attention.self.query,
                given.attention.output,
                narrowed.attention.output,
            ),
            (own.output, own.intermediate.dense, given.output, narrowed.output),
        ):
            written, stream = inputs_of(student, [block.dense, reads], batches)
            (sums,) = inputs_of(teacher, [taught.LayerNorm], batches)
            wanted = [total @ basis - beside for total, beside in zip(sums, stream, strict=True)]
            weight, bias = ridge_regression(written, wanted, before.dense.weight)
            np.testing.assert_allclose(block.dense.weight.detach(), weight, atol=2e-3)
            np.testing.assert_allclose(block.dense.bias.detach(), bias, atol=2e-3)


def test_what_reads_the_stream_is_the_teachers_on_the_predicted_stream(make_teacher):
    teacher, batches = make_teacher(), batches_of()
    student = build(teacher, SMALL, measure_targets(teacher, batches, 1))
    own, given = base_model(student).encoder.layer[1], base_model(teacher).encoder.layer[2]
    (stream,) = inputs_of(student, [own.attention.self.value], batches)
    (taught,) = inputs_of(teacher, [given.attention.self.value], batches)
    signals = signals_of(teacher)
    basis = residual_basis([signals[source] for source in (1, 2, 3)], SMALL.hidden_size)
    weight, bias = ridge_regression(stream, taught, basis)
    # the values of whole heads are rows of the teacher's
    rows = own.attention.self.value.weight.detach().double().numpy()
    whole = given.attention.self.value.weight.detach().double().numpy() @ weight
    distances = np.abs(rows[:, None] - whole[None]).max(-1)
    assert (distances.min(1) < 1e-3).all() and len(set(distances.argmin(1))) == SMALL.hidden_size
    shifts = given.attention.self.value(torch.tensor(bias).float()).detach().numpy()
    np.testing.assert_allclose(own.attention.self.value.bias.detach(), shifts[distances.argmin(1)], atol=1e-3)


def test_the_output_layer_gives_the_teachers_logits_best(make_teacher):
    teacher, batches = make_teacher(), batches_of()
    student, start = build(teacher, SMALL, measure_targets(teacher, batches, 1)), build(teacher, SMALL)
    features = []
    student.classifier.register_forward_pre_hook(lambda _module, inputs: features.append(inputs[0]))
    logits(student, batches)
    weight, bias = ridge_regression(features, [logits(teacher, batches)], start.classifier.weight)
    np.testing.assert_allclose(student.classifier.weight.detach(), weight, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(student.classifier.bias.detach(), bias, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("model_type", "width"),
    [*((name, None) for name in FAMILY), *((name, 8) for name in FACTORISABLE)],
)
def test_a_refitted_student_is_nearer_to_its_teacher_on_other_rows(model_type, width, make_teacher):
    teacher, others = make_teacher(model_type), batches_of(seed=9)
    shape = Architecture(3, 16, 4, 20, "relu", width)
    targets = measure_targets(teacher, batches_of(), 1)
    taught = logits(teacher, others)
    start, refitted = (logits(build(teacher, shape, given), others) - taught for given in (None, targets))
    assert (refitted**2).mean() < 0.8 * (start**2).mean()


def test_the_first_token_and_at_most_some_others_of_a_row_are_fitted(make_teacher):
    ids = token_ids(6, 2 * TOKENS)
    mask = torch.ones_like(ids)
    mask[0, 5:] = 0
    batch = {"input_ids": ids, "attention_mask": mask}
    targets, again, others = (measure_targets(make_teacher(), [batch], seed) for seed in (1, 1, 2))
    (tokens,) = targets.tokens
    assert tokens.sum(1).tolist() == [5, *[TOKENS] * 5]
    assert tokens[:, 0].all() and not tokens[0, 5:].any()
    assert torch.equal(tokens, again.tokens[0]) and not torch.equal(tokens, others.tokens[0])
    assert len(targets.ffn) == len(targets.attention) == SHAPE.layers
    assert {len(part) for (part,) in (*targets.ffn, *targets.attention)} == {5 + 5 * TOKENS}
