"""Students with factorised embeddings: their initialisation, files and place in the search space."""

import pandas as pd
import pytest
import torch
from tiny import DISTILLATION, distil, evaluate, student_job, write_data, write_teacher

from kdnas.data.tasks import get_task
from kdnas.errors import UserError
from kdnas.estimate.shapes import Embeddings, forward_flops, parameters
from kdnas.files.artifacts import read_json, write_json
from kdnas.files.store import Store
from kdnas.latency.table import LatencyTable
from kdnas.models.loading import (
    base_model,
    count_parameters,
    load_classifier,
    pretrained_classifier,
    save_classifier,
)
from kdnas.models.signals import measure_signals
from kdnas.models.student import build_student
from kdnas.search.space import Architecture, SearchSpace
from kdnas.training.rows import Rows

TASK = get_task("mnli")
USED = 64  # word pieces from 4 on that the tests' inputs hold
WHOLE = {
    "layers": [3],
    "hidden_size": [12, 24],
    "attention_heads": [3],
    "ffn_size": [48],
    "activation": ["relu"],
}


def inputs(rows, seed):
    ids = torch.randint(4, USED, (rows, 9), generator=torch.Generator().manual_seed(seed))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def states(model, batch):
    with torch.no_grad():
        return base_model(model.eval())(**batch).last_hidden_state


def factorised(teacher, hidden_size, embedding_size):
    architecture = Architecture(4, hidden_size, 6, 48, "gelu", embedding_size)
    return build_student(
        architecture, teacher, TASK, signals=measure_signals(teacher, [inputs(64, 1)]), dropout=0.0, seed=1
    )


@pytest.mark.parametrize("model_type", ["bert", "roberta", "electra", "xlm-roberta", "distilbert"])
def test_tables_of_fewer_dimensions_are_factorised_without_loss(model_type, tmp_path):
    """Only word pieces that no input holds need more than eleven dimensions."""
    teacher = pretrained_classifier(write_teacher(tmp_path / "base", model_type), TASK, dropout=0.0, seed=1)
    needed = torch.linalg.qr(torch.randn(24, 10, generator=torch.Generator().manual_seed(2))).Q
    embeddings = base_model(teacher).embeddings
    with torch.no_grad():
        for table in embeddings.children():
            if not isinstance(table, torch.nn.Embedding):
                continue
            table.weight.copy_(table.weight @ needed @ needed.T)
        embeddings.word_embeddings.weight[USED:] = 5 * torch.randn(200 - USED, 24)
    batch = inputs(3, 5)
    student = factorised(teacher, 24, 11)
    assert base_model(student).embeddings.word_embeddings.weight.shape == (200, 11)
    assert student.config.model_type == "electra"
    torch.testing.assert_close(states(student, batch), states(teacher, batch), atol=1e-4, rtol=0)
    lossy = states(factorised(teacher, 24, 6), batch)
    assert (lossy - states(teacher, batch)).abs().max() > 0.1


def write_byte_pairs(folder):
    """Write a RoBERTa's tokenizer as its makers do: nothing but the model's type says whose it is."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters = pre_tokenizers.ByteLevel.alphabet()
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=270, special_tokens=specials, initial_alphabet=letters, show_progress=False
    )
    tokenizer.train_from_iterator(["the cat sat on the mat"] * 9, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    for file in folder.glob("*token*"):
        file.unlink()
    tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer.model.save(str(folder))
    write_json(folder / "tokenizer_config.json", {"model_max_length": 32})


def test_a_saved_student_reads_texts_as_its_teacher_does(tmp_path):
    from transformers import AutoTokenizer

    base = write_teacher(tmp_path / "base", "roberta", vocab_size=300)
    write_byte_pairs(base)
    teacher = pretrained_classifier(base, TASK, dropout=0.0, seed=1)
    student = build_student(
        Architecture(4, 24, 6, 48, "gelu", 12), teacher, TASK, signals=None, dropout=0.0, seed=1
    )
    save_classifier(student, tokenizer_folder=base, folder=tmp_path / "student", details={})
    texts = ("the mat sat", "a cat")
    expected = AutoTokenizer.from_pretrained(base)(*texts)["input_ids"]
    assert len(set(expected)) > 5
    saved = AutoTokenizer.from_pretrained(tmp_path / "student")
    assert saved(*texts)["input_ids"] == expected
    assert (saved.pad_token_id, saved.model_max_length) == (1, 32)


def test_a_head_with_tanh_starts_near_that_of_the_teacher(teacher_base):
    teacher = pretrained_classifier(teacher_base, TASK, dropout=0.0, seed=1)
    student = factorised(teacher, 24, 23)
    slopes = []
    for model, first, second in (
        (teacher, "bert.pooler.dense", "classifier"),
        (student, "classifier.dense", "classifier.out_proj"),
    ):
        first, second = model.get_submodule(first), model.get_submodule(second)
        activation = torch.tanh if model is teacher else torch.nn.functional.gelu
        state = torch.zeros(24)
        slopes.append(
            torch.autograd.functional.jacobian(
                lambda x, f=first, s=second, a=activation: s(a(f(x) - f.bias)), state
            )
        )
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("model_type", ["bert", "camembert", "distilbert"])
def test_both_widths_can_be_narrowed(model_type, tmp_path):
    teacher = pretrained_classifier(write_teacher(tmp_path / "base", model_type), TASK, dropout=0.0, seed=1)
    student = factorised(teacher, 12, 7)
    assert torch.isfinite(states(student, inputs(3, 5))).all()
    shape = Architecture(4, 12, 6, 48, "gelu", 7)
    assert parameters(shape, Embeddings.from_model_config(student.config), 3) == count_parameters(student)


def test_projection_counts_as_an_operation():
    # one 2 x 3 matrix more
    whole, narrow = Architecture(1, 3, 1, 3, "gelu"), Architecture(1, 3, 1, 3, "gelu", 2)
    assert forward_flops(narrow, 5) - forward_flops(whole, 5) == 2 * 2 * 3


@pytest.mark.parametrize("initialisation", ["teacher", "refit", "random"])
def test_students_are_distilled_and_go_on_to_the_next_task(initialisation, teacher_base, tmp_path, make_run):
    architecture = Architecture(2, 12, 3, 24, "relu", 5)
    settings = DISTILLATION | {"initialisation": initialisation}
    start = None
    for name, stage in (("mnli", "student"), ("rte", "glue")):
        teacher = tmp_path / f"teacher_{name}"
        teacher.mkdir()
        task, data = get_task(name), write_data(tmp_path / name, name)
        save_classifier(
            pretrained_classifier(teacher_base, task, dropout=0.0, seed=1),
            tokenizer_folder=teacher_base,
            folder=teacher,
            details={},
        )
        job = student_job("small", architecture, name, 1, stage, start, teacher, data, 32, settings)
        start = tmp_path / f"student_{name}"
        distil(job, make_run(), Store(tmp_path / "store"), start, tmp_path / f"{name}.json")
        student = load_classifier(start)
        assert student.config.model_type == "electra"
        assert student.electra.embeddings.word_embeddings.weight.shape == (200, 5)
        assert read_json(tmp_path / f"{name}.json")["parameters"] == count_parameters(student)


def test_a_candidate_is_told_from_the_one_with_whole_tables(teacher_base, tmp_path, make_run):
    data = write_data(tmp_path / "data", "mnli")
    teacher = tmp_path / "teacher"
    teacher.mkdir()
    save_classifier(
        pretrained_classifier(teacher_base, TASK, dropout=0.0, seed=1),
        tokenizer_folder=teacher_base,
        folder=teacher,
        details={},
    )
    shapes = [Architecture(2, 12, 3, 24, "relu", size) for size in (12, 5)]
    entries = [{"candidate": place, "architecture": shape.to_dict()} for place, shape in enumerate(shapes)]
    store = Store(tmp_path / "store")
    rows = Rows.of_task("mnli", data, max_length=32, scored=["validation_matched"])
    whole, narrow = evaluate(entries, teacher, rows, DISTILLATION, 1, make_run(), store)
    # 200 word pieces, 40 positions, 2 types and two of the norm, each of 12 or of 5; a projection of 5 x 12
    assert whole["parameters"] - narrow["parameters"] == 244 * (12 - 5) - (5 * 12 + 12)
    again = evaluate(entries, teacher, rows, DISTILLATION, 1, make_run(), store)
    assert [entry["from_store"] for entry in again] == [True, True]
    assert again[1]["weights_sha256"] == narrow["weights_sha256"] != whole["weights_sha256"]


# Architectures and the space


def test_names_and_dictionaries_tell_only_factorised_embeddings():
    whole, narrow = Architecture(3, 24, 3, 48, "relu"), Architecture(3, 24, 3, 48, "relu", 8)
    assert (whole.short_name, narrow.short_name) == ("3L-24H-3A-48F-relu", "3L-24H-3A-48F-8E-relu")
    assert "embedding_size" not in whole.to_dict()
    assert Architecture.from_dict(whole.to_dict() | {"embedding_size": None}) == whole
    assert Architecture.from_dict(narrow.to_dict()) == narrow
    assert Architecture(3, 24, 3, 48, "relu", 24) == whole
    with pytest.raises(UserError, match="embedding_size 25 is larger than hidden_size 24"):
        Architecture(3, 24, 3, 48, "relu", 25)


def test_a_choice_above_the_hidden_size_stands_for_it_and_counts_once():
    space = SearchSpace(WHOLE | {"embedding_size": [8, 16, 24]})
    sizes = [(shape.hidden_size, shape.embedding_size) for shape in space.enumerate()]
    assert sizes == [(12, 8), (12, 12), (24, 8), (24, 16), (24, 24)]
    assert len(space) == 5
    assert [space.encode(shape)[-1] for shape in space.enumerate()] == [0, 1, 0, 1, 2]
    assert Architecture(3, 12, 3, 48, "relu", 10) not in space


@pytest.mark.parametrize("choices", [{}, {"embedding_size": None}])
def test_without_choices_the_tables_are_whole(choices):
    space = SearchSpace(WHOLE | choices)
    assert [shape.factorised for shape in space.enumerate()] == [False, False]
    assert space.encode(space.enumerate()[1]) == (0, 1, 0, 0, 0)
    assert Architecture(3, 24, 3, 48, "relu", 8) not in space


def test_a_latency_table_may_have_embedding_sizes(tmp_path):
    rows = [{"device": "cpu", **Architecture(3, 24, 3, 48, "relu").to_dict(), "latency_ms": 3.0}]
    rows.append({**rows[0], "embedding_size": 8, "latency_ms": 2.0})
    pd.DataFrame(rows).to_csv(tmp_path / "table.csv", index=False)
    table = LatencyTable(tmp_path / "table.csv")
    assert table.look_up("cpu", Architecture(3, 24, 3, 48, "relu")) == 3.0
    assert table.look_up("cpu", Architecture(3, 24, 3, 48, "relu", 8)) == 2.0
