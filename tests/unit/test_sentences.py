"""A value, a list of names and a library's error in a sentence: one printable line of few characters."""

from datetime import date

import pytest

from kdnas.sentences import LONGEST, listed, reason, short, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("rte", '"rte"'),
        (None, "null"),
        (True, "true"),
        (0.5, "0.5"),
        (["a", 1], '["a", 1]'),
        ({"a": {"b": None}}, '{"a": {"b": null}}'),
        ("two\nlines\tand é", '"two\\nlines\\tand é"'),
        ("\u2028\x7f\ud800", '"\\u2028\\x7f\\ud800"'),
        (date(2024, 2, 1), '"2024-02-01"'),
        (2**63, "a number of more than 64 bits"),
        (-(2**63), "-9223372036854775808"),
        ([10**5000], "a list that cannot be written"),
        ({(1, 2): 3}, "a dict that cannot be written"),
    ],
)
def test_a_value_is_shown_as_yaml_has_it(value, text):
    assert shown(value) == text


def test_what_is_too_long_keeps_its_ends():
    text = shown("a" * 1000 + "z")
    assert len(text) < LONGEST and text.startswith('"aaa') and text.endswith('az"')
    assert short("b" * LONGEST) == "b" * LONGEST
    assert shown(10**5000) == "a number of more than 64 bits"  # more digits than Python writes
    own: list = []
    own.append(own)
    assert shown(own) == "a list that cannot be written"


def test_names_and_errors_are_one_printable_line():
    assert listed([]) == "none"
    assert listed(["a\nb", 2]) == "a\\nb, 2"
    assert listed(range(22)).endswith("19, and 2 more")
    assert reason(ValueError("first.\nsecond")) == "first"
    assert reason(KeyError()) == "KeyError"
