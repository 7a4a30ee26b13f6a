"""Warnings about rows that can be read and are probably not what their owner thinks."""

import json

import numpy as np
import pandas as pd
import pytest
from glue_files import load_task, local

from kdnas.data.doubts import doubts, joined_by
from kdnas.data.names import folded, unquoted
from kdnas.data.tasks import completed, get_task

CLASSES = {"name": "own", "text_columns": ["text"], "labels": None, "metrics": ["accuracy"]}
NUMBERS = CLASSES | {"metrics": ["pearson"]}
SETS = CLASSES | {"metrics": ["micro_f1"], "multi_label": True}


def texts(count):
    return [f"what a long day, number {row}" for row in range(count)]


def told(tmp_path, labels, definition=CLASSES, layout=None, **columns):
    """Return the doubts about a training file, and the given further files: pairs of texts and labels."""
    files = {"train": (columns.pop("text", texts(len(labels))), labels)} | columns
    (tmp_path / "own").mkdir()
    for name, (rows, values) in files.items():
        lines = [json.dumps({"text": text, "label": label}) for text, label in zip(rows, values, strict=True)]
        (tmp_path / "own" / f"{name}.jsonl").write_text("\n".join(lines))
    frames, meta = load_task(definition, local(tmp_path, custom_tasks={"own": layout or {}}))
    return doubts(get_task(completed(definition, meta)), frames, meta)


@pytest.mark.parametrize(
    "labels",
    [
        ["bad", "good"],
        [0, 1, 2],
        [-1, 0, 1],  # a sentiment
        [1, 2, 3, 4, 5],
        list(range(77)),  # codes
        ["1", "2", "2.5"],
        ["android/ui", "android/net", "ios/ui", "ios/net"],  # a hierarchy
        ["London, UK", "Leeds, UK", "Paris, France"],
        ["c", "c++", "c#"],
        ["A", "A-", "A+"],
        ["unknown", "other"],
        ["[urgent]", "[normal]"],
    ],
)
def test_usual_classes_are_not_doubted(tmp_path, labels):
    assert told(tmp_path, labels * 20) == []


@pytest.mark.parametrize("name", ["nan", "None", "NULL", "N/A", "?", "-1", "<NA>"])
def test_a_class_that_stands_for_no_label(tmp_path, name):
    (sentence,) = told(tmp_path, ["bad", "good", "good", name] * 10)
    assert sentence.startswith(
        f'"{name}", a class of own (10 of 40 training rows), often stands for a missing'
    )


@pytest.mark.parametrize(("labels", "code"), [([0, 1, 2, -1], "-1"), ([1, 2, 3, 99], "99")])
def test_a_code_that_stands_for_no_label(tmp_path, labels, code):
    (sentence,) = told(tmp_path, labels * 10)
    assert sentence.startswith(
        f'"{code}", a class of own (10 of 40 training rows), often stands for a missing'
    )


@pytest.mark.parametrize(
    ("names", "separator"),
    [
        (["a", "b", "a;b", "b;a"], ";"),
        (["a|b", "b|c", "c|a"], "|"),  # no label is alone
        (["joy", "fear", "anger", "joy, fear", "fear, anger"], ","),
        (["a", "b", "a/b", "b/a"], "/"),
        (["a", "b", "a;b", "c;a"], ";"),  # c is never alone
        (["a", "b", "a, b", "c, a"], None),
        (["a", "b", "a;b"], ";"),
        (["a", "b", "a,b"], None),
        (["a", "a;b"], None),
        (["a", "a;b", "a;c"], None),
        (["x/a", "x/b", "y/a", "y/b"], None),
        (["a;", ";a", "a"], None),
        ([], None),
    ],
)
def test_labels_that_are_joined(names, separator):
    assert joined_by(names) == separator


def test_a_single_label_that_looks_like_several(tmp_path):
    (sentence,) = told(tmp_path, ["sport", "money", "sport;money", "money;sport"] * 10)
    assert 'as "money;sport"; if a row has several' in sentence
    assert sentence.endswith('data.custom_tasks.own needs multi_label: true and label_separator: ";"')


def test_labels_of_a_set_that_look_like_several(tmp_path):
    (sentence,) = told(tmp_path, [["a", "b"], ["a|b"], ["b|a"], ["b"]] * 10, SETS)
    assert 'the labels of own look like several labels with "|" between them' in sentence


def test_lists_written_as_text(tmp_path):
    (sentence,) = told(tmp_path, ["['a']", "['a', 'b']", "[]"] * 10)
    assert sentence.startswith("3 of the classes of own look like lists written as text, as \"['a', 'b']\"")


def test_names_in_quotes(tmp_path):
    (sentence,) = told(tmp_path, ["'a'", "'b'", "c"] * 10)
    assert sentence.startswith("quotes are part of the names of 2 of the 3 classes of own, as \"'a'\"")


def test_codes_beside_names(tmp_path):
    (sentence,) = told(tmp_path, ["bad", "good", 0, 1] * 10)
    assert sentence.startswith("some classes of own are whole numbers (0, 1) and some are not (bad, good)")


def test_amounts_as_classes(tmp_path):
    (sentence,) = told(tmp_path, list(range(1990, 2010)) * 3)
    assert sentence.startswith(
        "the 20 classes of own are whole numbers from 1990 to 2009; if they are amounts"
    )


def test_names_that_the_config_lists_are_not_doubted(tmp_path):
    assert (
        told(
            tmp_path,
            ["none", "a;b", "a", "b", "b;a"] * 5,
            CLASSES | {"labels": ["none", "a", "b", "a;b", "b;a"]},
        )
        == []
    )


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Lost card", "lost_card", True),
        ("lost-card", "lost  card", True),
        ("na\u00efve", "nai\u0308ve", True),
        ("a\u200b", "a", True),
        ("1.0", "1", True),
        ("01", "1", True),
        ("'a'", "a", True),
        ("-1", "1", False),
        ("c++", "c", False),
        ("A-", "A", False),
        ("1.5", "1", False),
        ("a b", "ab", False),
    ],
)
def test_names_that_are_spelt_alike(one, other, alike):
    assert (folded(one) == folded(other)) == alike


@pytest.mark.parametrize(
    ("name", "bare"),
    [('"a"', "a"), ("' a '", "a"), ("„a“", "a"), ('"a', '"a'), ('""', '""'), ("rock 'n'", "rock 'n'")],
)
def test_quotes_around_a_name(name, bare):
    assert unquoted(name) == bare


@pytest.mark.parametrize("make", ["{}", "ID-{}", "{}.5", "ff{:06x}", "2021-03-{}"])
def test_identifiers_as_texts(tmp_path, make):
    rows = [make.format(row) for row in range(100)]
    (sentence,) = told(tmp_path, ["bad", "good"] * 50, text=rows)
    assert sentence.startswith(
        '100 of the 100 texts in "text" of train of own are numbers or identifiers, as'
    )


@pytest.mark.parametrize("make", ["我的卡丢了{}", "buy {}", "word", "«oui, {}", "B2B sales"])
def test_texts_that_are_short_or_in_other_scripts(tmp_path, make):
    rows = [f"{make.format(row)}" for row in range(100)]
    assert told(tmp_path, ["bad", "good"] * 50, text=rows, val=(rows, ["bad", "good"] * 50)) == []


@pytest.mark.parametrize("sign", ["na\u00c3\u00afve", "it\u00e2\u20ac\u2122s", "na\ufffdve", "it\x92s"])
def test_garbled_texts(tmp_path, sign):
    rows = texts(100)
    rows[:5] = [f"{sign} {row}" for row in range(5)]
    (sentence,) = told(tmp_path, ["bad", "good"] * 50, text=rows)
    assert sentence.startswith(
        '5 of the 100 texts in "text" of train of own have signs of text that was read'
    )


def test_texts_in_quotes(tmp_path):
    (sentence,) = told(tmp_path, ["bad", "good"] * 50, text=[f'"{text}"' for text in texts(100)])
    assert sentence.startswith('100 of the 100 texts in "text" of train of own are in quotes, which models')


@pytest.mark.parametrize("names", [["bad", "good"], ["1", "2"]])
def test_a_row_inside_a_text(tmp_path, names):
    rows = texts(100)
    rows[7] = f"so long,{names[0]}\nand thanks"
    rows[8] = "we won 2,1\nand went home"
    rows[9] = f"so long, {names[0]}\nand thanks,{names[0]}"
    (sentence,) = told(tmp_path, names * 50, text=rows)
    assert sentence.startswith("in 1 of the 100 texts") and "a line ends in a comma and a class" in sentence


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize("odd", [-1, -999, 999, 9999, 1e6, -1e6])
def test_numbers_unlike_the_others(tmp_path, odd, count):
    numbers = np.linspace(0, 100, 300).round(1).tolist()
    if count > 1 and odd not in (-1, -999, 999, 9999):
        count = 2  # many of them are no longer far from what most are
    for row in range(count):
        numbers[row * 7 + 3] = odd
    (sentence,) = told(tmp_path, numbers, NUMBERS)
    assert sentence.startswith(
        f"in {count} of the 300 rows of train of own the number is unlike the others ("
    )
    assert f": {odd:g}; if it stands" in sentence


@pytest.mark.parametrize(
    "numbers",
    [
        list(range(100)),  # which has a 99
        [row % 5 + 1 for row in range(100)],
        np.exp(np.random.default_rng(0).normal(4, 1, 500)).tolist(),  # prices
        np.random.default_rng(0).normal(size=200).clip(-1, 1).tolist(),
        [-1, 0, 1] * 30,
        [0] * 60 + [1, 2] * 30,
    ],
)
def test_usual_numbers_are_not_doubted(tmp_path, numbers):
    assert told(tmp_path, numbers, NUMBERS) == []


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize(("factor", "shift"), [(0.01, 0), (100, 0), (1, 273)])
def test_a_split_in_another_unit(tmp_path, split, factor, shift):
    numbers = np.linspace(0, 100, 200)
    other = (texts(50), (np.linspace(0, 100, 50) * factor + shift).tolist())
    (sentence,) = told(
        tmp_path, numbers.tolist(), NUMBERS, **{"val": (texts(50), numbers[::4].tolist()), split: other}
    )
    name = {"val": "validation"}.get(split, split)
    assert sentence.startswith(f"most numbers of {name} of own are from ")


def test_files_that_were_not_read(tmp_path):
    rows = (texts(20), ["bad", "good"] * 10)
    sentences = told(tmp_path, ["bad", "good"] * 50, train_2=rows, unlabeled=rows)
    assert sentences == [
        "the folder of own has files that are no split's and were not read: train_2.jsonl (docs/data.md has "
        "the names)",
        "unlabeled.jsonl of own was not read, because data.max_unlabelled_rows does not name own",
    ]


def test_rows_of_splits_that_were_cut_count_as_training_rows(tmp_path):
    """The numbers are those of the file, whose rows are now in three splits."""
    (tmp_path / "own").mkdir()
    frame = pd.DataFrame({"text": texts(90), "label": ["a", "b", "nan"] * 30})
    frame.to_csv(tmp_path / "own" / "train.csv", index=False)
    frames, meta = load_task(CLASSES, local(tmp_path, custom_tasks={"own": {}}), 0.2)
    assert set(frames) == {"train", "validation", "heldout"}
    (sentence,) = doubts(get_task(completed(CLASSES, meta)), frames, meta)
    assert "(30 of 90 training rows)" in sentence
