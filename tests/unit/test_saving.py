"""What is scored is what is saved: a folder, opened by transformers alone, gives the same outputs."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import DISTILLATION, STAGE, distil, finetune, student_job, write_data, write_teacher
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from kdnas.data.frames import read_split
from kdnas.data.tasks import get_task
from kdnas.errors import UserError
from kdnas.files.artifacts import read_json, write_json
from kdnas.files.store import Store
from kdnas.models import loading
from kdnas.models.files import WEIGHTS
from kdnas.models.loading import pretrained_classifier
from kdnas.models.tokenizer import load_tokenizer
from kdnas.search.space import Architecture
from kdnas.training import data as data_module
from kdnas.training import lesson
from kdnas.training.data import encode
from kdnas.training.saving import _batches, save_scored
from kdnas.training.scoring import Scored, score_splits

TASK = get_task("mnli")
TEACHER = {"max_length": 12, "training": STAGE | {"epochs": 1, "learning_rate": 3e-3}}
SMALL = Architecture(2, 12, 3, 24, "gelu")


def change(folder, file, **changes):
    write_json(folder / file, read_json(folder / file) | changes)


def opened(folder, split, data):
    """Logits of a whole split in one padded batch."""
    frame = read_split(data, split)
    texts = [frame[column].tolist() for column in TASK.text_columns]
    batch = AutoTokenizer.from_pretrained(folder)(*texts, padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        return model(**batch).logits.numpy(), batch


def teach(base, data, run, folder):
    places = folder / "model", folder / "metrics.json"
    finetune(base, data, "mnli", TEACHER, 1, run, Store(folder / "store"), *places)
    return places


@pytest.mark.parametrize("padding_of_model", [0, 1, 3, 7])
def test_the_model_s_own_padding_id_keeps_its_meaning(padding_of_model, tmp_path, make_run, monkeypatch):
    """RoBERTa's positions go by it; the tokenizer's is 1 here. The last word of the data is w9 to w59."""
    base = write_teacher(tmp_path / "base", "roberta", pad_token_id=padding_of_model)
    data = write_data(tmp_path / "data", "mnli")
    model, metrics = teach(base, data, make_run(), tmp_path / "teacher")
    job = student_job("small", SMALL, "mnli", 1, "student", None, model, data, 12, DISTILLATION)
    distil(job, make_run(), Store(tmp_path / "store"), tmp_path / "student", tmp_path / "student.json")
    for folder, scores in ((model, metrics), (tmp_path / "student", tmp_path / "student.json")):
        for split in TASK.evaluation_splits:
            right = opened(folder, split, data)[0].argmax(1) == read_split(data, split)["label"]
            assert read_json(scores)["scores"][split]["accuracy"] == right.mean()


def test_a_difference_ends_the_job_before_anything_is_there(tmp_path, make_run, monkeypatch):
    """Without the model's padding id the compact vocabulary gives a word its meaning."""
    whole = data_module.Vocabulary
    monkeypatch.setattr(data_module, "Vocabulary", lambda ids, largest, size: whole(ids, 1, size))
    base = write_teacher(tmp_path / "base", "roberta", pad_token_id=3)
    data = write_data(tmp_path / "data", "mnli")
    with pytest.raises(
        UserError, match=r"^the model of mnli gave row \d+ of validation_matched the outputs "
    ):
        teach(base, data, make_run(), tmp_path / "teacher")
    assert not [path for path in (tmp_path / "teacher").rglob("*") if path.is_file()]


def save_as(folder, model, scored, base, data, max_length=12):
    save_scored(
        model,
        scored,
        TASK,
        tokenizer_folder=base,
        data_folder=data,
        max_length=max_length,
        model_folder=folder,
        details={},
        seed=1,
        train_rows=64,
    )


def saved(base, data, tmp_path, max_length=12):
    """Score an untrained classifier and save it."""
    model = pretrained_classifier(base, TASK, dropout=0.0, seed=1)
    with torch.no_grad():
        model.classifier.weight.mul_(20)
    tokenizer = load_tokenizer(base)
    splits = {
        split: encode(read_split(data, split), TASK, tokenizer, max_length=max_length)
        for split in TASK.evaluation_splits
    }
    scored = score_splits(model, splits, task=TASK, device=torch.device("cpu"))
    save_as(tmp_path / "model", model, scored, base, data, max_length)
    return tmp_path / "model", scored


def test_a_padded_batch_of_any_source_is_read_as_in_scoring(teacher_base, tmp_path):
    """Texts are cut, padding is on the right, also where the source pads on the left and cuts elsewhere."""
    base = shutil.copytree(teacher_base, tmp_path / "base")
    change(base, "tokenizer_config.json", padding_side="left", truncation_side="left", pad_token_type_id=5)
    data = write_data(tmp_path / "data", "mnli")
    folder, scored = saved(base, data, tmp_path, max_length=12)
    for split in TASK.evaluation_splits:
        logits, batch = opened(folder, split, data)
        np.testing.assert_allclose(logits, scored.logits[split], atol=1e-4)
        assert np.ptp(scored.logits[split], axis=0).min() > 0.05
        assert batch["input_ids"].shape[1] == 12
        assert batch["attention_mask"][:, 0].all() and not batch["attention_mask"].all()


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("tokenizer_config.json", {"model_max_length": 9}),
        ("tokenizer_config.json", {"padding_side": "left"}),
        ("tokenizer_config.json", {"model_input_names": ["input_ids"]}),
        ("config.json", {"layer_norm_eps": 0.1}),
        ("config.json", {"hidden_act": "no such"}),
        ("tokenizer_config.json", {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}),
    ],
)
def test_whatever_the_folder_says_otherwise_is_noticed(teacher_base, tmp_path, monkeypatch, file, changes):
    save = loading.save_tokenizer

    def altered(source, folder, **details):
        save(source, folder, **details)
        change(folder, file, **changes)

    monkeypatch.setattr(loading, "save_tokenizer", altered)
    data = write_data(tmp_path / "data", "mnli")
    with pytest.raises(UserError, match="the model of mnli (gave row|was trained and scored, but)"):
        saved(teacher_base, data, tmp_path)
    assert not (tmp_path / "model").exists()


def test_outputs_that_are_no_numbers_are_noticed(teacher_base, tmp_path):
    data = write_data(tmp_path / "data", "mnli")
    model = pretrained_classifier(teacher_base, TASK, dropout=0.0, seed=1)
    logits = np.full((64, 3), np.nan, np.float32)
    scored = Scored({}, dict.fromkeys(TASK.evaluation_splits, logits))
    with pytest.raises(UserError, match="nan, nan, nan when it was scored"):
        save_as(tmp_path / "model", model, scored, teacher_base, data)


def test_a_student_that_is_not_as_scored_is_not_stored(teacher_folder, tmp_path, make_run, monkeypatch):
    data = write_data(tmp_path / "data", "mnli")
    score = lesson.score_splits

    def wrong(*arguments, **where):
        scored = score(*arguments, **where)
        return Scored(scored.metrics, {split: logits + 0.01 for split, logits in scored.logits.items()})

    monkeypatch.setattr(lesson, "score_splits", wrong)
    job = student_job("small", SMALL, "mnli", 1, "student", None, teacher_folder, data, 12, DISTILLATION)
    with pytest.raises(UserError, match="the model of mnli gave row"):
        distil(job, make_run(), Store(tmp_path / "store"), tmp_path / "student", tmp_path / "student.json")
    left = [path.name for path in tmp_path.rglob("*") if path.is_file() and data not in path.parents]
    assert not [name for name in left if "student" in name or name in ("record.json", "model.safetensors")]


# --- token types


def types_of(folder):
    return load_tokenizer(folder)("w1", "w2", return_tensors="pt").get("token_type_ids")


@pytest.mark.parametrize(
    ("named", "names", "version", "types"),
    [
        ("PreTrainedTokenizerFast", None, "5.0.0", True),  # version 4's name: it gave them
        ("TokenizersBackend", None, "5.0.0", False),  # version 5's name: it gives none
        ("TokenizersBackend", None, "4.30.0", False),
        ("PreTrainedTokenizerFast", ["input_ids", "attention_mask"], "4.30.0", False),
        ("TokenizersBackend", ["input_ids", "token_type_ids", "attention_mask"], "5.0.0", True),
        ("BertTokenizer", None, "5.0.0", True),
        ("DistilBertTokenizer", None, "4.30.0", False),
    ],
)
def test_token_types_where_the_model_was_trained_with_them(
    teacher_base, tmp_path, named, names, version, types
):
    base = shutil.copytree(teacher_base, tmp_path / "base")
    settings = read_json(base / "tokenizer_config.json") | {"tokenizer_class": named}
    settings |= {"model_input_names": names} if names else {}
    write_json(base / "tokenizer_config.json", settings)
    change(base, "config.json", transformers_version=version)
    assert (types_of(base) is not None) is types
    data = write_data(tmp_path / "data", "mnli")
    folder, scored = saved(base, data, tmp_path)
    logits, batch = opened(folder, "validation_matched", data)
    assert ("token_type_ids" in batch) is types
    if types and named != "BertTokenizer":  # its own template has them
        assert batch["token_type_ids"].max() == 1
    np.testing.assert_allclose(logits, scored.logits["validation_matched"], atol=1e-4)
    assert (types_of(folder) is not None) is types
    settings = read_json(folder / "tokenizer_config.json")
    assert settings["tokenizer_class"] != "TokenizersBackend"  # version 4 cannot open it


def test_a_model_of_one_type_gets_none(tmp_path):
    base = write_teacher(tmp_path / "base", "roberta")
    change(base, "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    assert types_of(base) is None


@pytest.mark.parametrize("key", ["dtype", "torch_dtype"])
def test_a_teacher_in_half_precision_is_trained_and_saved_in_float32(key, teacher_base, tmp_path, make_run):
    base = shutil.copytree(teacher_base, tmp_path / "base")
    tensors = {name: value.half() for name, value in load_file(base / WEIGHTS).items()}
    save_file(tensors, base / WEIGHTS, {"format": "pt"})
    settings = read_json(base / "config.json")
    settings.pop("dtype", None)
    write_json(base / "config.json", settings | {key: "float16"})
    model, _ = teach(base, write_data(tmp_path / "data", "mnli"), make_run(), tmp_path / "teacher")
    assert {value.dtype for value in load_file(model / WEIGHTS).values()} == {torch.float32}


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 24, 25, 1000])
def test_the_longest_rows_are_read_beside_the_shortest(rows):
    lengths = np.random.default_rng(rows).permutation(rows) + 1
    frame = pd.DataFrame({"a": ["x" * length for length in lengths], "b": ["y"] * rows})
    batches = _batches(frame)
    read = np.concatenate(batches)
    assert len(set(read)) == len(read) == min(rows, 24)
    assert set(range(max(1, rows - 3), rows + 1)) <= set(lengths[batches[0]])
    assert rows < 5 or lengths[batches[0]].min() == 1
