"""Tokenised splits: a tokenizer that is not the model's."""

import shutil

import pytest
from tiny import write_frame, write_teacher

from kdnas.data.tasks import get_task
from kdnas.errors import UserError
from kdnas.files.artifacts import read_json, write_json
from kdnas.training.data import load_data


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
