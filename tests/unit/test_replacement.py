"""Rows made by replacing words (benchmarks/recipe)."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks" / "recipe"))

from replacement import neighbours, replace_words  # noqa: E402


def test_neighbours_are_the_nearest_whole_words_by_angle():
    vocabulary = {"good": 0, "fine": 1, "bad": 2, "##ing": 3, "a": 4, "42": 5, "great": 6}
    embeddings = np.array([[1, 0], [9, 1], [-1, 0], [1, 0.01], [1, 0], [1, 0], [1, 1]], dtype=float)

    near = neighbours(vocabulary, embeddings, 2)

    assert {word: set(words) for word, words in near.items()} == {
        "good": {"fine", "great"},
        "fine": {"good", "great"},
        "great": {"good", "fine"},
        "bad": {"great", "fine"},
    }


def test_a_word_that_both_texts_have_is_replaced_by_the_same_one():
    frame = pd.DataFrame(
        {"sentence1": ["Good dogs, 3 good cats."], "sentence2": ["A good-ish dog"], "label": [1]}
    )
    near = {"good": ["fine", "great"], "dog": ["hound"]}

    made = replace_words(frame, ["sentence1", "sentence2"], near, share=1.0, copies=20, seed=1)

    assert list(made.columns) == ["sentence1", "sentence2"]  # and no label
    assert set(made.itertuples(index=False, name=None)) == {
        (f"{word} dogs, 3 {word} cats.", f"A {word}-ish hound") for word in near["good"]
    }


def test_the_share_is_that_of_the_words_replaced_and_a_seed_makes_the_same_rows():
    frame = pd.DataFrame({"sentence": ["one two three four five"] * 400})
    near = {word: ["x"] for word in ["one", "two", "three", "four"]}

    made = replace_words(frame, ["sentence"], near, share=0.25, copies=2, seed=1)

    replaced = made["sentence"].str.count("x").sum() / (4 * 800)
    assert len(made) == 800 and abs(replaced - 0.25) < 0.03  # four standard errors
    assert made.equals(replace_words(frame, ["sentence"], near, share=0.25, copies=2, seed=1))
    assert not made.equals(replace_words(frame, ["sentence"], near, share=0.25, copies=2, seed=2))
