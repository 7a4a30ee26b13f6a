"""Tokenised texts: tokens that the tokenizer does not know, and those that are cut off."""

import pytest
from tiny import WORDS, write_data, write_teacher

from kdnas.data.frames import read_split, write_split
from kdnas.models.tokenizer import load_tokenizer
from kdnas.teachers.texts import cut_shares, remark_texts, unknown_share


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


def test_cut_rows_and_tokens_are_counted_with_special_ones(tmp_path):
    """Two texts of 3 and 7 words are 6 and 10 tokens beside each other's one word."""
    tokenizer = load_tokenizer(write_teacher(tmp_path))
    columns = [[" ".join(WORDS[:3]), " ".join(WORDS[:7])], [WORDS[8], WORDS[9]]]
    assert cut_shares(tokenizer, columns, 11) == (0.0, 0.0)
    assert cut_shares(tokenizer, columns, 8) == (0.5, pytest.approx(3 / 18))
    assert cut_shares(tokenizer, columns, 6) == (1.0, pytest.approx((1 + 5) / 18))


@pytest.mark.parametrize(("long", "warns"), [(0, False), (3, False), (4, True)])
def test_much_that_is_cut_off_is_warned_of_and_the_rest_is_in_the_log(tmp_path, long, warns, capsys):
    base, data, warned = write_teacher(tmp_path / "base"), write_data(tmp_path / "data", "mnli"), []
    train = read_split(data, "train")
    texts = [" ".join(WORDS[:9])] * long + [WORDS[0]] * (64 - long)
    write_split(data / "train.parquet", train.assign(premise=texts, hypothesis=WORDS[0]))
    remark_texts(base, data, "mnli", max_length=12, warn=warned.append)
    said = f"teacher.max_length 12 cuts {long / 64:.1%} of the training rows of mnli and leaves out "
    assert [text.startswith(said) for text in warned] == [True] * warns
    assert capsys.readouterr().out.startswith(said) != warns
