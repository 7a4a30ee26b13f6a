"""Tokenised texts: tokens that the tokenizer does not know."""

import pytest
from tiny import WORDS, write_data, write_teacher

from kdnas.data.frames import read_split, write_split
from kdnas.models.tokenizer import load_tokenizer
from kdnas.teachers.texts import remark_texts, unknown_share


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
    remark_texts(base, data, "mnli", max_length=16, warn=warned.append)
    assert [text[: len("50% of the tokens in the training texts of mnli ")] for text in warned] == told
