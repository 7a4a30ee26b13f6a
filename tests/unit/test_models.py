"""Fetching, slicing, the compact vocabulary and saved folders, for every model of the family."""

import shutil

import numpy as np
import pytest
import torch
from conftest import FAMILY, write_teacher

from kdnas.artifacts import read_json
from kdnas.errors import UserError
from kdnas.models.fetch import fetch_teacher
from kdnas.models.loading import (
    base_model,
    load_classifier,
    load_config,
    new_classifier,
    pretrained_classifier,
    save_classifier,
    student_config,
)
from kdnas.models.slicing import slice_encoder, teacher_layer
from kdnas.models.student import build_student
from kdnas.models.vocabulary import Vocabulary
from kdnas.space import Architecture
from kdnas.tasks import get_task

TASK = get_task("mnli")
SHAPE = Architecture(4, 24, 6, 48, "gelu")


def logits(model, seed=0, high=64):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(4, high, (3, 9), generator=generator)
    with torch.no_grad():
        return model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits


@pytest.mark.parametrize("model_type", FAMILY)
def test_slicing_nothing_away_gives_the_teacher(model_type, tmp_path):
    teacher = pretrained_classifier(write_teacher(tmp_path / "base", model_type), TASK, 0.0, 1)
    student, hidden = build_student(SHAPE, teacher, TASK, "teacher", 0.0, 1)
    assert hidden == list(range(24))
    assert torch.equal(logits(student), logits(teacher))


@pytest.mark.parametrize("model_type", FAMILY)
@pytest.mark.parametrize("heads", [2, 3, 6])
def test_any_smaller_shape_can_be_sliced_and_runs(model_type, heads, tmp_path):
    teacher = pretrained_classifier(write_teacher(tmp_path / "base", model_type), TASK, 0.0, 1)
    small = Architecture(3, 12, heads, 20, "relu")
    student, hidden = build_student(small, teacher, TASK, "teacher", 0.0, 1)
    assert Architecture.from_model_config(student.config) == small
    assert len(hidden) == 12
    assert torch.isfinite(logits(student)).all()
    embedding = base_model(teacher).embeddings.word_embeddings.weight
    assert torch.equal(base_model(student).embeddings.word_embeddings.weight, embedding[:, hidden])


def test_layers_are_every_kth_and_the_last():
    assert [teacher_layer(i, 3, 6) for i in range(3)] == [1, 3, 5]
    assert [teacher_layer(i, 4, 6) for i in range(4)] == [1, 2, 4, 5]
    assert [teacher_layer(i, 2, 12) for i in range(2)] == [5, 11]


def test_dimensions_without_weight_are_the_ones_cut_away(tmp_path):
    teacher = pretrained_classifier(write_teacher(tmp_path / "base"), TASK, 0.0, 1)
    tensors = {name: value.clone() for name, value in base_model(teacher).state_dict().items()}
    dead_neurons, dead_dimensions = [3, 17, 40], [0, 11]
    for layer in range(4):
        prefix = f"encoder.layer.{layer}."
        tensors[prefix + "output.dense.weight"][:, dead_neurons] = 0.0
        for reader in ("attention.self.query", "attention.self.key", "attention.self.value"):
            tensors[f"{prefix}{reader}.weight"][:, dead_dimensions] = 0.0
        tensors[prefix + "intermediate.dense.weight"][:, dead_dimensions] = 0.0
    sliced, hidden = slice_encoder(tensors, SHAPE, Architecture(4, 18, 6, 45, "gelu"))
    assert not set(dead_dimensions) & set(hidden)
    kept = [neuron for neuron in range(48) if neuron not in dead_neurons]
    source = tensors["encoder.layer.2.intermediate.dense.bias"][kept]
    assert torch.equal(sliced["encoder.layer.2.intermediate.dense.bias"], source)


def test_attention_scores_keep_the_teachers_scale_when_heads_merge(tmp_path):
    teacher = pretrained_classifier(write_teacher(tmp_path / "base"), TASK, 0.0, 1)
    tensors = base_model(teacher).state_dict()
    sliced, _ = slice_encoder(tensors, SHAPE, Architecture(4, 24, 3, 48, "gelu"))
    x = torch.randn(5, 24)

    def scores(weights, heads):
        name = "encoder.layer.0.attention.self."
        q = (x @ weights[name + "query.weight"].T + weights[name + "query.bias"]).view(5, heads, -1)
        k = (x @ weights[name + "key.weight"].T + weights[name + "key.bias"]).view(5, heads, -1)
        return torch.einsum("qhd,khd->hqk", q, k) / q.shape[-1] ** 0.5

    merged = scores(tensors, 6).view(3, 2, 5, 5).sum(1)
    assert torch.allclose(scores(sliced, 3), merged, atol=1e-4)


def test_whole_heads_are_kept_when_the_head_size_stays(tmp_path):
    teacher = pretrained_classifier(write_teacher(tmp_path / "base"), TASK, 0.0, 1)
    tensors = base_model(teacher).state_dict()
    sliced, _ = slice_encoder(tensors, SHAPE, Architecture(4, 12, 3, 48, "gelu"))
    name = "encoder.layer.0.attention.self.value.bias"
    teacher_heads = [head.tolist() for head in tensors[name].view(6, 4)]
    assert all(head.tolist() in teacher_heads for head in sliced[name].view(3, 4))


def test_wider_or_deeper_than_the_teacher_is_refused(teacher_base):
    teacher = pretrained_classifier(teacher_base, TASK, 0.0, 1)
    with pytest.raises(ValueError, match="does not fit"):
        slice_encoder(base_model(teacher).state_dict(), SHAPE, Architecture(4, 24, 6, 96, "gelu"))


@pytest.mark.parametrize("model_type", FAMILY)
def test_compact_vocabulary_changes_no_output_and_is_undone(model_type, tmp_path):
    model = pretrained_classifier(write_teacher(tmp_path / "base", model_type), TASK, 0.0, 1)
    padding = model.config.pad_token_id
    ids = np.array([[2, 30, 31, 90, 3], [2, 17, 3, padding, padding]])
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def run(token_ids):
        mask = torch.from_numpy((ids != padding).astype(np.int64))
        with torch.no_grad():
            return model.eval()(input_ids=torch.from_numpy(token_ids), attention_mask=mask).logits

    expected = run(ids)
    vocabulary = Vocabulary(list(ids), padding, 200)
    whole = vocabulary.shrink(model)
    assert len(base_model(model).embeddings.word_embeddings.weight) < 12
    assert torch.equal(run(vocabulary.lookup[ids]), expected)
    with torch.no_grad():
        base_model(model).embeddings.word_embeddings.weight[vocabulary.lookup[90]] = 5.0
    vocabulary.restore(model, whole)
    after = model.state_dict()
    name = f"{model.base_model_prefix}.embeddings.word_embeddings.weight"
    assert (after[name][90] == 5.0).all()
    before[name][90] = 5.0
    assert all(torch.equal(after[key], value) for key, value in before.items())


def test_saved_student_opens_with_transformers_and_has_no_absolute_path(teacher_base, tmp_path):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    teacher = pretrained_classifier(teacher_base, TASK, 0.0, 1)
    student, _ = build_student(Architecture(2, 12, 3, 24, "relu"), teacher, TASK, "teacher", 0.1, 1)
    folder = tmp_path / "student"
    folder.mkdir()
    save_classifier(student, teacher_base, folder, {"task": "mnli"})
    opened = AutoModelForSequenceClassification.from_pretrained(folder)
    assert opened.config.id2label == {0: "entailment", 1: "neutral", 2: "contradiction"}
    assert torch.equal(logits(opened), logits(student))
    assert AutoTokenizer.from_pretrained(folder)("w1 w2")["input_ids"]
    assert str(teacher_base.parent) not in (folder / "config.json").read_text()
    assert torch.equal(logits(load_classifier(folder)), logits(student))


def test_head_of_a_checkpoint_is_never_used(teacher_base, tmp_path):
    # a checkpoint with three labels in another order must not bring its head along
    wrong = pretrained_classifier(teacher_base, TASK, 0.0, 9)
    wrong.config.id2label = {0: "contradiction", 1: "neutral", 2: "entailment"}
    save_classifier(wrong, teacher_base, tmp_path, {})
    fresh = pretrained_classifier(tmp_path, TASK, 0.0, 1)
    assert fresh.config.id2label[0] == "entailment"
    assert not torch.equal(fresh.classifier.weight, wrong.classifier.weight)


def test_random_student_depends_on_seed_and_shape_only(teacher_base):
    config = student_config(load_config(teacher_base), Architecture(1, 12, 3, 24, "gelu"))
    torch.manual_seed(1)
    one = new_classifier(config, 4)
    torch.manual_seed(2)
    other = new_classifier(config, 4)
    assert torch.equal(logits(one), logits(other))
    assert not torch.equal(logits(one), logits(new_classifier(config, 5)))


def accept(config):
    pass


def local(folder, **changes):
    return {"source": "local", "name": str(folder), "revision": None, "sha256": None} | changes


def test_fetch_copies_weights_configuration_and_tokenizer(teacher_base, tmp_path):
    fetch_teacher(local(teacher_base), tmp_path / "base", accept)
    meta = read_json(tmp_path / "base" / "meta.json")
    assert meta["name"] == "base"
    assert len(meta["sha256"]) == 64
    assert load_config(tmp_path / "base").hidden_size == 24


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda folder: local(folder / "nowhere"), "there is no such folder"),
        (lambda folder: local(folder, sha256="f" * 64), "SHA-256"),
        (lambda folder: local(folder, source="package", name="no_such_package_here"), "no such package"),
        (lambda folder: local(folder, source="package", name="json"), "no model.safetensors"),
    ],
)
def test_teacher_that_is_not_there_is_one_sentence(change, sentence, teacher_base, tmp_path):
    with pytest.raises(UserError, match=sentence):
        fetch_teacher(change(teacher_base), tmp_path / "base", accept)
    assert not (tmp_path / "base").exists()


def test_damaged_and_pickled_weights_and_strangers_are_refused(teacher_base, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(teacher_base, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="damaged"):
        fetch_teacher(local(folder), tmp_path / "base", accept)
    weights.rename(folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"no model\.safetensors"):
        fetch_teacher(local(folder), tmp_path / "base", accept)
    (folder / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(UserError, match="'gpt2', not one of the BERT family"):
        fetch_teacher(local(folder), tmp_path / "base", accept)
