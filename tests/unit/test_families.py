"""What is particular to a family of models, and adding one as docs/extending.md shows."""

import re
from pathlib import Path

import pytest
import torch
from tiny import FAMILY, signals_of, token_ids, write_teacher

from kdnas.data.tasks import get_task
from kdnas.errors import UserError
from kdnas.estimate.shapes import Embeddings, parameters
from kdnas.models import families
from kdnas.models.config_file import read_config_file
from kdnas.models.families import FAMILIES, check_family, family_of, shape_of
from kdnas.models.heads import head_outputs
from kdnas.models.loading import base_model, count_parameters, load_config, pretrained_classifier
from kdnas.models.refit import measure_targets
from kdnas.models.student import build_student
from kdnas.search.space import Architecture

DOCS = Path(__file__).resolve().parents[2] / "docs" / "extending.md"
TASK = get_task("mnli")
SHAPE = Architecture(4, 24, 6, 48, "gelu")
SMALL = Architecture(3, 12, 3, 20, "relu")


def teacher_of(folder, model_type):
    return pretrained_classifier(write_teacher(folder, model_type), TASK, dropout=0.0, seed=1).eval()


def student_of(teacher, shape, targets=None):
    signals = signals_of(teacher)
    return build_student(shape, teacher, TASK, signals=signals, dropout=0.2, seed=1, targets=targets).eval()


def logits(model, **changes):
    ids = token_ids()
    with torch.no_grad():
        return model(**({"input_ids": ids, "attention_mask": torch.ones_like(ids)} | changes)).logits


def test_tests_of_all_families_leave_none_out():
    assert set(FAMILY) == set(FAMILIES)


@pytest.mark.parametrize("model_type", FAMILY)
def test_a_student_is_of_its_teachers_class(model_type, tmp_path):
    teacher = teacher_of(tmp_path, model_type)
    assert type(student_of(teacher, SMALL)) is type(teacher)


@pytest.mark.parametrize("model_type", FAMILY)
def test_shape_and_parameters_are_those_of_the_network(model_type, tmp_path):
    """From transformers' configuration and from the file alone."""
    teacher = teacher_of(tmp_path, model_type)
    student = student_of(teacher, SMALL)
    for config in (load_config(tmp_path), read_config_file(tmp_path)):
        assert shape_of(config) == SHAPE
        embeddings = Embeddings.from_model_config(config)
        for shape, model in ((SHAPE, teacher), (SMALL, student)):
            assert parameters(shape, embeddings, 3) == count_parameters(model)


@pytest.mark.parametrize("model_type", FAMILY)
def test_every_dropout_is_the_recipes(model_type, tmp_path):
    student = student_of(teacher_of(tmp_path, model_type), SMALL)
    assert {module.p for module in student.modules() if isinstance(module, torch.nn.Dropout)} == {0.2}


@pytest.mark.parametrize("model_type", FAMILY)
def test_a_model_run_piece_by_piece_gives_what_it_gives(model_type, tmp_path):
    """The refit does so; some rows are padded."""
    model = teacher_of(tmp_path, model_type)
    family, encoder = family_of(model_type), base_model(model)
    mask = torch.ones(3, 9, dtype=torch.long)
    mask[1, 6:] = 0
    ids = token_ids().masked_fill(mask == 0, model.config.pad_token_id)
    with torch.no_grad():
        states = family.embed(encoder, {"input_ids": ids})
        arguments = family.attention_arguments(encoder, states, mask)
        beside = states
        for layer, parts in zip(family.layers_of(encoder), family.parts_of(encoder), strict=True):
            total = parts.attention_output(family.attend(layer, states, arguments)) + beside
            states = parts.attention_norm(total)
            beside = total if family.pre_norm else states
            neurons = parts.activation(parts.ffn_input(states))
            neurons = neurons * parts.ffn_gate(states) if family.gated else neurons
            total = parts.ffn_output(neurons) + beside
            states = parts.ffn_norm(total)
            beside = total if family.pre_norm else states
        found = family.classify(model, states, mask)
    torch.testing.assert_close(found, logits(model, input_ids=ids, attention_mask=mask), atol=1e-6, rtol=1e-5)


def test_what_cannot_be_narrowed_is_refused_with_what_can():
    with pytest.raises(UserError, match='"deberta-v2"; allowed: one of the BERT family, bert, .*, mpnet'):
        check_family("deberta-v2", "the teacher")


# MPNet


def test_all_layers_of_an_mpnet_keep_the_same_heads_with_their_biases(tmp_path):
    teacher = teacher_of(tmp_path, "mpnet")
    parts, signals = family_of("mpnet").parts, signals_of(teacher)
    shares = torch.zeros(6, dtype=torch.float64)
    for source, signal in zip((1, 2, 3), signals[1:], strict=True):
        layer = teacher.mpnet.encoder.layer[source].state_dict()
        outputs = head_outputs(layer, signal, parts=parts, heads=6)
        shares += outputs / outputs.sum()
    best = sorted(shares.topk(3).indices.tolist())
    student = student_of(teacher, Architecture(3, 12, 3, 20, "gelu"))
    biases = teacher.mpnet.encoder.relative_attention_bias.weight
    assert torch.equal(student.mpnet.encoder.relative_attention_bias.weight, biases[:, best])
    wide = student_of(teacher, Architecture(3, 24, 3, 48, "gelu"))  # whole heads, with room beside them
    for layer, source in enumerate((1, 2, 3)):
        rows = wide.mpnet.encoder.layer[layer].attention.attn.v.weight.view(3, 8, 24)[:, :4]
        whole = teacher.mpnet.encoder.layer[source].attention.attn.v.weight.view(6, 4, 24)
        assert torch.equal(rows, whole[best])


def test_more_heads_of_an_mpnet_have_the_bias_of_the_head_that_they_are_cut_from(tmp_path):
    teacher = teacher_of(tmp_path, "mpnet")
    student = student_of(teacher, Architecture(4, 24, 12, 48, "gelu"))
    own, given = (model.mpnet.encoder.relative_attention_bias.weight for model in (student, teacher))
    assert torch.equal(own, given.repeat_interleave(2, dim=1))


def test_a_student_of_an_mpnet_has_no_factorised_tables(tmp_path):
    teacher = teacher_of(tmp_path, "mpnet")
    with pytest.raises(ValueError, match="an ELECTRA cannot"):
        student_of(teacher, Architecture(3, 12, 3, 20, "relu", 6))


# Adding one


def test_a_family_is_one_file_and_one_line(tmp_path, monkeypatch):
    text = DOCS.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n# kdnas/models/families/data2vec.py\n(.*?)```", text, re.DOTALL)
    (line,) = re.findall(r'    ("data2vec-text": "kdnas.models.families.data2vec:Data2VecText",)', text)
    module = tmp_path / "data2vec.py"
    module.write_text(code, encoding="utf-8")
    monkeypatch.setattr(families, "__path__", [*families.__path__, str(tmp_path)])
    name, _, place = line.rstrip(",").replace('"', "").partition(": ")
    monkeypatch.setitem(FAMILIES, name, place)
    teacher = teacher_of(tmp_path / "teacher", name)
    ids = token_ids(60, seed=5)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    same = student_of(teacher, SHAPE)
    assert torch.equal(logits(same), logits(teacher))
    targets = measure_targets(teacher, [batch], 1)
    taught = logits(teacher, **batch)
    start, refitted = (
        logits(student_of(teacher, SMALL, given), **batch) - taught for given in (None, targets)
    )
    assert (refitted**2).mean() < 0.8 * (start**2).mean()
