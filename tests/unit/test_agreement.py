"""A teacher's configuration, weights and tokenizer: each disagreement is one sentence where it is fetched."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import WORDS, write_teacher
from transformers import AutoModelForMaskedLM, AutoTokenizer

from kdnas.data.tasks import get_task
from kdnas.errors import UserError
from kdnas.files.artifacts import read_json, write_json
from kdnas.models.files import WEIGHTS, files_that_may_count, tokenizer_files
from kdnas.models.identity import model_digest
from kdnas.models.loading import pretrained_classifier, save_classifier
from kdnas.teachers.fetch import TeacherSource, fetch_teacher

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdef", *(f"##{char}" for char in "abcdef")]


def fetch(folder, target):
    section = {"source": "local", "name": str(folder), "revision": None, "sha256": None}
    fetch_teacher(TeacherSource.from_config(section), target, lambda config, facts: None)
    return target


def change(folder, file, **changes):
    write_json(folder / file, read_json(folder / file) | changes)


@pytest.fixture
def teacher(teacher_base, tmp_path):
    """A copy of a teacher, to be spoilt."""
    return shutil.copytree(teacher_base, tmp_path / "teacher")


def refused(folder, tmp_path, sentence):
    with pytest.raises(UserError, match=sentence):
        fetch(folder, tmp_path / "base")
    assert not (tmp_path / "base").exists()


# --- weights


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        (
            "vocab_size",
            201,
            r"word_embeddings.weight in the shape 200 x 24, .* has vocab_size 201 and needs 201 x",
        ),
        ("vocab_size", 199, r"word_embeddings.weight in the shape 200 x 24"),
        ("max_position_embeddings", 80, r"position_embeddings.weight in the shape 40 x 24"),
        ("type_vocab_size", 1, r"token_type_embeddings.weight in the shape 2 x 24"),
        (
            "intermediate_size",
            96,
            r"intermediate.dense.bias in the shape 48, .* has intermediate_size 96 and",
        ),
        ("hidden_size", 12, r"in the shape .*24"),
        ("num_hidden_layers", 5, r"lack encoder.layer.4.* has num_hidden_layers 5; allowed"),
        ("num_hidden_layers", 3, r"also have .*encoder.layer.3.* has num_hidden_layers 3; allowed"),
        ("num_attention_heads", 5, r"cannot be opened with its config.json"),
        ("hidden_act", "no such", r"cannot be opened with its config.json"),
    ],
)
def test_a_size_that_the_weights_do_not_have(teacher, tmp_path, key, value, sentence):
    change(teacher, "config.json", **{key: value})
    refused(teacher, tmp_path, sentence)


def spoil(folder, make):
    save_file(make(load_file(folder / WEIGHTS)), folder / WEIGHTS, {"format": "pt"})


def test_weights_that_are_no_numbers(teacher, tmp_path):
    def make(tensors):
        tensors["encoder.layer.2.output.dense.weight"][3, 4] = float("nan")
        return tensors

    spoil(teacher, make)
    refused(teacher, tmp_path, r"have NaN or infinity in encoder\.layer\.2\.output\.dense\.weight; allowed")


@pytest.mark.parametrize(
    "make",
    [
        lambda tensors: {f"bert.{name}": value for name, value in tensors.items()},
        lambda tensors: {name: value.half() for name, value in tensors.items()},
        lambda tensors: {name: value.bfloat16() for name, value in tensors.items()},
        lambda tensors: {name: value for name, value in tensors.items() if not name.startswith("pooler.")},
        lambda tensors: (
            tensors | {"embeddings.position_ids": torch.arange(40)[None], "classifier.bias": torch.ones(3)}
        ),
        lambda tensors: {
            name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): value
            for name, value in tensors.items()
        },
    ],
    ids=["prefix", "float16", "bfloat16", "no pooler", "buffer and head", "old names"],
)
def test_what_is_normal_is_taken(teacher, tmp_path, make):
    spoil(teacher, make)
    assert read_json(fetch(teacher, tmp_path / "base") / "meta.json")["pair_token_types"] == 1


@pytest.mark.parametrize("model_type", ["bert", "roberta", "electra"])
def test_a_language_model_with_tied_weights_is_taken(tmp_path, model_type):
    folder = write_teacher(tmp_path / "teacher", model_type)
    AutoModelForMaskedLM.from_pretrained(folder).save_pretrained(folder)
    fetch(folder, tmp_path / "base")


def test_weights_in_shards_are_told_how_to_become_one_file(teacher, tmp_path):
    AutoModelForMaskedLM.from_pretrained(teacher).save_pretrained(teacher, max_shard_size="20KB")
    assert (teacher / f"{WEIGHTS}.index.json").is_file()
    (teacher / WEIGHTS).unlink(missing_ok=True)
    refused(
        teacher, tmp_path, r"has its weights in shards \(model\.safetensors\.index\.json\); .*max_shard_size"
    )


# --- tokenizers that are not the model's


def test_a_tokenizer_without_padding(teacher, tmp_path):
    settings = read_json(teacher / "tokenizer_config.json")
    settings.pop("pad_token")
    write_json(teacher / "tokenizer_config.json", settings)
    refused(teacher, tmp_path, "has no pad_token; allowed: one with a pad_token")


def test_a_token_that_the_model_lacks(tmp_path):
    vocabulary = 4 + len(WORDS)
    fetch(write_teacher(tmp_path / "enough", vocab_size=vocabulary), tmp_path / "taken")
    folder = write_teacher(tmp_path / "teacher", vocab_size=vocabulary - 1)
    refused(
        folder,
        tmp_path,
        f"the token 'w59' with the id {vocabulary - 1}; allowed: ids below .* {vocabulary - 1}",
    )


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("tokenizer.json", "{}", r"tokenizer of teacher .* cannot be opened \("),
        ("tokenizer.json", "not json", r"tokenizer of teacher .* cannot be opened \("),
        ("tokenizer_config.json", "[]", r"tokenizer of teacher .* cannot be opened \("),
        ("config.json", "[]", r"config\.json of teacher .* holds a list; allowed: a JSON object"),
    ],
)
def test_a_file_that_is_none(teacher, tmp_path, file, content, sentence):
    (teacher / file).write_text(content)
    refused(teacher, tmp_path, sentence)


def test_a_vocabulary_in_another_class_s_file(teacher, tmp_path):
    (teacher / "tokenizer.json").rename(teacher / "vocab.json")
    write_json(teacher / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer"})
    refused(teacher, tmp_path, "has special tokens only; allowed: one with its vocabulary in .*vocab.txt")


def test_words_that_it_cannot_read(teacher, tmp_path):
    content = read_json(teacher / "tokenizer.json")
    content["model"]["unk_token"] = "none such"
    write_json(teacher / "tokenizer.json", content)
    refused(teacher, tmp_path, "cannot read every text .*; allowed: one that has an unk_token")


def test_token_types_of_pairs_are_noted(tmp_path):
    folder = write_teacher(tmp_path / "teacher", "roberta", vocab_size=204, type_vocab_size=1)
    for file in folder.glob("*token*"):
        file.unlink()
    (folder / "vocab.txt").write_text("\n".join(PIECES))
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer"})
    assert read_json(fetch(folder, tmp_path / "base") / "meta.json")["pair_token_types"] == 2
    change(folder, "tokenizer_config.json", model_input_names=["input_ids", "attention_mask"])
    assert read_json(fetch(folder, tmp_path / "none") / "meta.json")["pair_token_types"] == 1


# --- the copy


def slow_tokenizer(folder, special):
    """Replace a teacher's tokenizer by the files of a slow one with two tokens added."""
    for file in folder.glob("*token*"):
        file.unlink()
    (folder / "vocab.txt").write_text("\n".join(PIECES))
    added = ["[LOW]", "[HIGH]"] if special else ["tagone", "tagtwo"]
    write_json(folder / "added_tokens.json", {token: len(PIECES) + i for i, token in enumerate(added)})
    names = {"additional_special_tokens": added[::-1]} if special else {}
    write_json(folder / "special_tokens_map.json", {"pad_token": "[PAD]", "unk_token": "[UNK]"} | names)
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer"})
    return added


@pytest.mark.parametrize("special", [False, True])
def test_added_tokens_go_with_the_teacher_and_its_students(teacher, tmp_path, special):
    added = slow_tokenizer(teacher, special)
    text = f"abc {added[0]} fed {added[1]}"
    expected = AutoTokenizer.from_pretrained(teacher)(text)["input_ids"]
    assert expected[-2] == len(PIECES) + 1
    base = fetch(teacher, tmp_path / "base")
    save_classifier(
        pretrained_classifier(base, get_task("rte"), dropout=0.0, seed=1),
        tokenizer_folder=base,
        folder=tmp_path / "saved",
        details={},
        max_length=16,
    )
    for folder in (base, tmp_path / "saved"):
        assert AutoTokenizer.from_pretrained(folder)(text)["input_ids"] == expected
    assert teacher / "added_tokens.json" in files_that_may_count(teacher)

    digest = model_digest(base)
    change(base, "added_tokens.json", **{added[0]: len(PIECES) + 1, added[1]: len(PIECES)})
    assert model_digest(base) != digest


def test_merges_of_another_name_are_copied(tmp_path):
    folder = write_teacher(tmp_path / "teacher", "roberta")
    for file in folder.glob("*token*"):
        file.unlink()
    (folder / "vocab.txt").write_text("".join(f"{piece} 1\n" for piece in ("a@@", "b@@", "ab@@", "c", "abc")))
    (folder / "bpe.codes").write_text("a b 10\nab c</w> 9\n")
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "BertweetTokenizer"})
    base = fetch(folder, tmp_path / "base")
    assert "bpe.codes" in tokenizer_files(base)
    views = [AutoTokenizer.from_pretrained(place).tokenize("abc ab") for place in (folder, base)]
    assert views[0] == views[1] and "abc" in views[0]


def test_the_file_of_this_version_is_copied(teacher, tmp_path):
    """Of several tokenizer.VERSION.json transformers takes the newest that is not newer than itself."""
    content = json.loads((teacher / "tokenizer.json").read_text())
    vocabulary = content["model"]["vocab"]
    vocabulary["w5"], vocabulary["w6"] = vocabulary["w6"], vocabulary["w5"]
    write_json(teacher / "tokenizer.4.0.0.json", content)
    names = ["tokenizer.json", "tokenizer.4.0.0.json"]
    change(teacher, "tokenizer_config.json", fast_tokenizer_files=names)
    base = fetch(teacher, tmp_path / "base")
    ids = [AutoTokenizer.from_pretrained(folder)("w5")["input_ids"] for folder in (teacher, base)]
    assert ids[0] == ids[1] == [1, vocabulary["w5"], 2]


def test_what_is_no_part_of_the_tokenizer_stays(teacher, tmp_path):
    for name in ("trainer_state.json", "modules.json", "README.md", "evil.py", "training_args.bin"):
        (teacher / name).write_text("{}")
    base = fetch(teacher, tmp_path / "base")
    assert tokenizer_files(base) == ["tokenizer.json", "tokenizer_config.json"]
