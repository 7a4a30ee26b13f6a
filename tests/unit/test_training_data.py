"""Tokenised splits: a tokenizer that is not the model's."""

import shutil

import pytest
from tiny import WORDS, write_data, write_frame, write_teacher

from kdnas.data.frames import read_split, write_split
from kdnas.data.tasks import get_task
from kdnas.errors import UserError
from kdnas.files.artifacts import read_json, write_json
from kdnas.models.loading import load_tokenizer
from kdnas.training.data import load_data
from kdnas.training.unknown import remark_unknown, unknown_share


def load(folder, vocabulary_size):
    task = get_task("mnli")
    frames = write_frame(task, 12, 1), {"scored": write_frame(task, 6, 2)}
    return load_data(*frames, task, folder, 16, vocabulary_size)


def test_a_token_that_the_model_lacks_is_named(tmp_path):
    write_teacher(tmp_path)
    largest = int(load(tmp_path, 200).vocabulary.used.max())
    load(tmp_path, largest + 1)
    message = rf"gives a text the token {largest}; allowed: below the model's vocab_size {largest}$"
    with pytest.raises(UserError, match=message):
        load(tmp_path, largest)


def test_a_tokenizer_without_padding_is_named(tmp_path):
    write_teacher(tmp_path / "base")
    folder = shutil.copytree(tmp_path / "base", tmp_path / "unpadded")
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (folder / name).exists():
            settings = read_json(folder / name)
            settings.pop("pad_token", None)
            write_json(folder / name, settings)
    with pytest.raises(UserError, match="unpadded has no pad_token"):
        load(folder, 200)


def test_unknown_tokens_are_counted_without_special_ones_and_padding(tmp_path):
    tokenizer = load_tokenizer(write_teacher(tmp_path))
    assert unknown_share(tokenizer, [f"{WORDS[0]} strange", f"{WORDS[1]} {WORDS[2]}"], 16) == 0.25
    assert unknown_share(tokenizer, [f"{WORDS[0]} strange words"], 1) == 0.0  # what is cut off does not count
    tokenizer.unk_token = None
    assert unknown_share(tokenizer, ["strange"], 16) == 0.0


@pytest.mark.parametrize(
    ("strange", "told"), [(15, []), (16, ["50% of the tokens in the training texts of mnli "])]
)
def test_a_tokenizer_that_knows_half_of_the_words_is_told(tmp_path, strange, told):
    base, data, warned = write_teacher(tmp_path / "base"), write_data(tmp_path / "data", "mnli"), []
    train = read_split(data, "train")[:16]
    texts = ["strange"] * strange + [WORDS[0]] * (32 - strange)
    write_split(data / "train.parquet", train.assign(premise=texts[:16], hypothesis=texts[16:]))
    remark_unknown(base, data, "mnli", 16, warned.append)
    assert [text[: len("50% of the tokens in the training texts of mnli ")] for text in warned] == told
