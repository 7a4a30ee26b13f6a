"""ModernBERT as a teacher: what is particular to a pre-norm model with a gated FFN and rotary positions."""

import numpy as np
import pytest
import torch
from tiny import signals_of, token_ids, write_teacher

from kdnas.data.tasks import get_task
from kdnas.losses.base import HIDDEN_STATES, RELATIONS
from kdnas.models.families import family_of
from kdnas.models.loading import (
    base_model,
    load_classifier,
    load_config,
    pretrained_classifier,
    save_classifier,
    student_config,
)
from kdnas.models.refit import measure_targets
from kdnas.models.student import build_student
from kdnas.models.vocabulary import Vocabulary
from kdnas.search.space import Architecture
from kdnas.training.forward import Forward

TASK = get_task("mnli")
SHAPE = Architecture(4, 24, 6, 48, "gelu")
SMALL = Architecture(3, 12, 3, 24, "gelu")


@pytest.fixture(params=["cls", "mean"])
def pooling(request):
    return request.param


@pytest.fixture
def make_teacher(tmp_path):
    def make(**changes):
        base = write_teacher(tmp_path / "base", "modernbert", **changes)
        return pretrained_classifier(base, TASK, dropout=0.0, seed=1).eval()

    return make


def batch_of(rows=60, seed=9):
    """Return rows of 12 tokens, every third with padding behind 7."""
    ids = token_ids(rows, 12, seed=seed, high=60)
    mask = torch.ones_like(ids)
    mask[::3, 7:] = 0
    return {"input_ids": ids.masked_fill(mask == 0, 61), "attention_mask": mask}


def logits(model, batch):
    with torch.no_grad():
        return model.eval()(**batch).logits


def build(teacher, shape, signals=None, targets=None):
    return build_student(shape, teacher, TASK, signals=signals, dropout=0.1, seed=1, targets=targets).eval()


def test_a_student_of_its_teachers_shape_is_its_teacher_on_padded_rows_too(pooling, make_teacher):
    teacher, batch = make_teacher(classifier_pooling=pooling), batch_of()
    student = build(teacher, SHAPE, signals_of(teacher))
    assert (logits(student, batch) - logits(teacher, batch)).abs().max() < 5e-6
    alone = {"input_ids": batch["input_ids"][:1, :7], "attention_mask": torch.ones(1, 7, dtype=torch.long)}
    assert (logits(student, alone) - logits(teacher, batch)[:1]).abs().max() < 1e-5


@pytest.mark.parametrize(("layers", "sources"), [(1, [0]), (2, [0, 3]), (3, [0, 2, 3])])
def test_fewer_layers_are_the_teachers_without_the_others(layers, sources, pooling, make_teacher, tmp_path):
    """Each goes on to attend to all or to near tokens, in the saved model too."""
    teacher, batch = make_teacher(classifier_pooling=pooling), batch_of()
    signals, targets = signals_of(teacher), measure_targets(teacher, [batch_of(240, seed=2)], 1)
    shape = Architecture(layers, 24, 6, 48, "gelu")
    student = build(teacher, shape, signals)
    assert student.config.layer_types == [teacher.config.layer_types[source] for source in sources]
    refitted = logits(build(teacher, shape, signals, targets), batch) - logits(teacher, batch)
    whole = logits(teacher, batch)
    teacher.model.layers = torch.nn.ModuleList(teacher.model.layers[source] for source in sources)
    assert (logits(student, batch) - logits(teacher, batch)).abs().max() < 5e-6
    assert (refitted**2).mean() < 0.8 * ((logits(student, batch) - whole) ** 2).mean()
    (tmp_path / "saved").mkdir()
    save_classifier(student, tokenizer_folder=tmp_path / "base", folder=tmp_path / "saved", details={})
    assert torch.equal(logits(load_classifier(tmp_path / "saved"), batch), logits(student, batch))


def test_which_tokens_a_layer_attends_to_matters_here(make_teacher):
    """Otherwise the test above could not fail."""
    teacher, batch = make_teacher(), batch_of()
    before = logits(teacher, batch)
    for layer in teacher.model.layers:
        layer.attention_type = "full_attention"
    assert (logits(teacher, batch) - before).abs().max() > 0.01


@pytest.mark.parametrize(
    "shape", [SMALL, Architecture(4, 20, 5, 40, "gelu"), Architecture(2, 24, 6, 24, "relu")]
)
def test_narrowing_is_nearer_than_chance_and_the_refit_than_narrowing(shape, pooling, make_teacher):
    teacher, batch = make_teacher(classifier_pooling=pooling), batch_of()
    signals, targets = signals_of(teacher), measure_targets(teacher, [batch_of(240, seed=2)], 1)
    wanted = logits(teacher, batch)
    chance, narrowed, refitted = (
        ((logits(build(teacher, shape, *given), batch) - wanted) ** 2).mean()
        for given in ((None, None), (signals, None), (signals, targets))
    )
    assert refitted < 0.8 * narrowed < 0.8 * 0.8 * chance


def test_a_teacher_that_needs_fewer_dimensions_is_narrowed_without_loss(make_teacher, tmp_path):
    """A model of 12 dimensions is laid into 24 by hand, with any gains but in the embeddings."""
    folder = write_teacher(
        tmp_path / "small", "modernbert", hidden_size=12, num_attention_heads=3, intermediate_size=20
    )
    small = pretrained_classifier(folder, TASK, dropout=0.0, seed=1).eval()
    with torch.no_grad():
        small.model.embeddings.norm.weight.fill_(0.9)
    large = make_teacher()
    large.load_state_dict(widen(small.state_dict(), large.state_dict()))
    batch = batch_of()
    expected = logits(small, batch)
    spread = expected.std(0).max()
    assert (logits(large, batch) - expected).abs().max() < 0.01 * spread
    student = build(large, Architecture(4, 12, 3, 20, "gelu"), signals_of(large))
    assert (logits(student, batch) - expected).abs().max() < 0.02 * spread


def widen(small, large):
    """Return the tensors of a model of twice the hidden size that computes what ``small`` does."""
    generator = torch.Generator().manual_seed(3)
    others = torch.randn(24, 11, generator=generator)
    basis = torch.linalg.qr(torch.cat([torch.ones(24, 1), others], 1)).Q
    basis[:, 0] = 1 / 24**0.5
    first = torch.linalg.qr(torch.cat([torch.ones(12, 1), torch.eye(12)[:, 1:]], 1)).Q
    first[:, 0] = 1 / 12**0.5
    basis = basis @ first.T  # (1, ..., 1) of the small one goes to that of the large one
    heads = torch.cat([torch.arange(4) + 8 * head for head in range(3)])  # every other head is in use
    neurons = torch.arange(7, 27)
    tensors = {}

    def reads(name, norm, rows, parts):
        """Lay a matrix behind a norm, which divides by 1 / sqrt(2) of the deviation, into any gain."""
        gain = 0.5 + torch.rand(24, generator=generator) if norm else torch.ones(24)
        scale = small[norm] / 2**0.5 if norm else torch.ones(12)
        wide = [torch.zeros_like(large[name].chunk(parts)[0]) for _ in range(parts)]
        for given, target in zip(small[name].chunk(parts), wide, strict=True):
            target[rows] = (given * scale) @ basis.T / gain
        tensors[name] = torch.cat(wide)
        if norm:
            tensors[norm] = gain

    tensors["model.embeddings.tok_embeddings.weight"] = (
        small["model.embeddings.tok_embeddings.weight"] @ basis.T
    )
    tensors["model.embeddings.norm.weight"] = torch.full((24,), 0.9 / 2**0.5)
    for layer in range(4):
        place = f"model.layers.{layer}."
        reads(f"{place}attn.Wqkv.weight", f"{place}attn_norm.weight" if layer else None, heads, 3)
        reads(f"{place}mlp.Wi.weight", f"{place}mlp_norm.weight", neurons, 2)
        for name, columns in (("attn.Wo", heads), ("mlp.Wo", neurons)):
            wide = torch.zeros_like(large[f"{place}{name}.weight"])
            tensors[f"{place}{name}.weight"] = wide.index_copy(
                1, columns, basis @ small[f"{place}{name}.weight"]
            )
    # its norm goes over the activations: with each of them twice it gives the same
    reads("head.dense.weight", "model.final_norm.weight", torch.arange(12), 1)
    tensors["head.dense.weight"][12:] = tensors["head.dense.weight"][:12]
    tensors["head.norm.weight"] = small["head.norm.weight"].repeat(2)
    tensors["classifier.weight"] = torch.cat([small["classifier.weight"], torch.zeros(3, 12)], 1)
    tensors["classifier.bias"] = small["classifier.bias"]
    return tensors


def test_queries_keys_and_values_are_parts_of_one_product(make_teacher):
    teacher, batch = make_teacher(), batch_of()
    found = []
    teacher.model.layers[-1].attn.Wqkv.register_forward_hook(lambda *passed: found.append(passed[-1]))
    with torch.no_grad():
        relations = Forward(teacher, frozenset({RELATIONS}))(batch).relations
    assert [part.shape for part in relations] == [(60, 12, 24)] * 3
    assert torch.equal(torch.cat(relations, dim=-1), found[0])


def test_hidden_states_are_compared_as_blocks_read_them(make_teacher):
    teacher, batch = make_teacher(), batch_of()
    with torch.no_grad():
        states = Forward(teacher, frozenset({HIDDEN_STATES}))(batch).hidden_states
    assert len(states) == 4
    for state in states:
        torch.testing.assert_close(state.mean(-1), torch.zeros(60, 12), atol=1e-5, rtol=0)
        torch.testing.assert_close(state.var(-1, correction=0), torch.ones(60, 12), atol=1e-3, rtol=0)


@pytest.mark.parametrize("padded", [True, False])
def test_a_batch_that_says_whether_it_is_padded_gives_the_same(padded, pooling, make_teacher):
    """As on a GPU: one mask for all layers would not do."""
    teacher, batch = make_teacher(classifier_pooling=pooling), batch_of()
    if not padded:
        batch["attention_mask"] = torch.ones_like(batch["attention_mask"])
    with torch.no_grad():
        found = Forward(teacher)(batch | {"padded": torch.tensor(padded)}).logits
    assert torch.equal(found, logits(teacher, batch))


def test_a_padding_id_behind_the_words_is_renumbered_with_them(make_teacher):
    model, batch = make_teacher(), batch_of()
    expected, ids = logits(model, batch), batch["input_ids"].numpy()
    vocabulary = Vocabulary([ids.ravel()], family_of("modernbert").last_fixed_id(model.config, 61), 200)
    whole = vocabulary.shrink(model)
    embeddings = base_model(model).get_input_embeddings()
    assert len(embeddings.weight) == len(np.unique(ids)) < 60
    assert embeddings.padding_idx == vocabulary.lookup[61]
    assert torch.equal(
        logits(model, batch | {"input_ids": torch.from_numpy(vocabulary.lookup[ids])}), expected
    )
    vocabulary.restore(model, whole)
    assert base_model(model).get_input_embeddings().padding_idx == 61
    assert torch.equal(logits(model, batch), expected)


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        (Architecture(3, 12, 6, 20, "gelu"), "has heads of 2 dimensions, not 4"),
        (Architecture(3, 12, 3, 20, "gelu", 6), "an ELECTRA cannot"),
    ],
)
def test_students_that_cannot_be_are_refused(shape, sentence, make_teacher):
    teacher = make_teacher()
    with pytest.raises(ValueError, match=sentence):
        build(teacher, shape, signals_of(teacher))


def test_a_pattern_of_older_versions_does_not_outlive_the_teachers_layers(make_teacher, tmp_path):
    make_teacher()
    config = load_config(tmp_path / "base")
    assert config.global_attn_every_n_layers == 2  # in the file, beside the list
    student = student_config(config, Architecture(2, 12, 3, 20, "gelu"))
    assert student.layer_types == ["full_attention", "sliding_attention"]
    assert "global_attn_every_n_layers" not in student.to_dict()
