"""Files as people have them: forms and encodings, names of splits, classes and numbers as they come."""

import csv
import gzip
import json

import pandas as pd
import pyarrow.parquet as pq
import pytest
from glue_files import load_task, local, make, rows
from test_sources import with_class_label

from kdnas.data.local_folders import training_files
from kdnas.data.remarks import remarks
from kdnas.data.settings import Layout
from kdnas.data.tasks import completed, get_task
from kdnas.errors import UserError

INTENTS = {"name": "intents", "text_columns": ["text"], "labels": None, "metrics": ["accuracy"]}
PRICES = {"name": "prices", "text_columns": ["text"], "labels": None, "metrics": ["pearson"]}
CATEGORY = {"label_column": "category"}
NAMES = ["refund", "card lost", "café, top-up"]


def intents(count=30, split="train"):
    texts = [f'{split} {row}: "why", he asked, naïvely' for row in range(count)]
    return pd.DataFrame(
        {"text": texts, "category": [NAMES[row % 3] for row in range(count)], "id": range(count)}
    )


def text_of(frame, suffix):
    """The text of a file as pandas, the csv module or the json module write it."""
    if suffix == ".csv":
        return frame.to_csv(index=False)
    if suffix == ".tsv":
        return frame.to_csv(index=False, sep="\t", quoting=csv.QUOTE_NONE)
    if suffix == ".json":
        return json.dumps(frame.to_dict("records"), indent=1)
    return frame.to_json(orient="records", lines=True)


def put(folder, name, frame, encoding="utf-8"):
    """Write ``frame`` as ``folder/name``, in the form that the name says."""
    folder.mkdir(parents=True, exist_ok=True)
    content = text_of(frame, "." + name.removesuffix(".gz").split(".")[1]).encode(encoding)
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


def load(path, definition=INTENTS, heldout=0.0, layout=CATEGORY, **settings):
    return load_task(definition, local(path, custom_tasks={definition["name"]: layout}, **settings), heldout)


def refusal(path, definition=INTENTS, layout=CATEGORY, **settings):
    with pytest.raises(UserError) as caught:
        load(path, definition, layout=layout, **settings)
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 1000
    return str(caught.value)


# Forms


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".json", ".jsonl"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_every_form_in_every_encoding_gives_the_same_rows(tmp_path, suffix, packed, encoding):
    for split in ("train", "validation"):
        put(tmp_path / "intents", f"{split}{suffix}{packed}", intents(split=split), encoding)
    frames, meta = load(tmp_path, layout=CATEGORY | {"encoding": encoding.removesuffix("-sig")})
    assert meta["found"] == {"labels": ["café, top-up", "card lost", "refund"]}
    for split, frame in frames.items():
        assert frame["text"].tolist() == intents(split=split)["text"].tolist()
        assert frame["label"].tolist() == [2, 1, 0] * 10
        assert frame["idx"].tolist() == list(range(30))


def test_csv_keeps_line_breaks_quotes_and_what_pandas_takes_for_missing(tmp_path):
    texts = ["two\nlines", 'a "quote", a comma', "NA", "null", "  padded ", "1.0"]
    for split in ("train", "validation"):
        frame = pd.DataFrame({"text": texts, "category": ["NA", "b"] * 3})
        put(tmp_path / "intents", f"{split}.csv", frame)
    frames, meta = load(tmp_path)
    assert frames["train"]["text"].tolist() == texts
    assert meta["found"]["labels"] == ["NA", "b"]


def test_lines_in_a_text_that_are_no_rows_are_kept(tmp_path):
    texts = ["we won\n2,1\nand lost", "a list:\nbread, a\nmilk,b", "to,a\nbe,b", "one\n\n\ntwo, three"]
    put(tmp_path / "intents", "train.csv", pd.DataFrame({"text": texts * 5, "category": list("abba") * 5}))
    put(tmp_path / "intents", "dev.csv", pd.DataFrame({"text": texts, "category": list("abba")}))
    assert load(tmp_path)[0]["validation"]["text"].tolist() == texts


def test_blank_lines_are_no_rows_and_short_rows_end_in_empty_cells(tmp_path):
    folder = tmp_path / "intents"
    folder.mkdir()
    (folder / "train.csv").write_text("\ncategory,text\n\nx,a\n  \ny\ny,b\nx,c\n")
    (folder / "dev.tsv").write_text(" text\tcategory \na\tx\nb\ty\n")
    frames, _ = load(tmp_path)
    assert frames["train"]["text"].tolist() == ["a", "", "b", "c"]
    assert frames["validation"]["label"].tolist() == [0, 1]


@pytest.mark.parametrize("kind", [".csv", ".csv.gz", ".json", ".json.gz", ".jsonl.gz"])
def test_a_task_of_glue_may_come_in_these_forms_too(tmp_path, kind):
    config = make(tmp_path, "rte", "parquet")
    expected = load_task("rte", config)[1]["fingerprint"]
    (tmp_path / "rte" / "train.parquet").unlink()
    put(tmp_path / "rte", f"train{kind}", rows("rte", "train"))
    assert load_task("rte", config)[1]["fingerprint"] == expected
    assert (tmp_path / "rte" / f"train{kind}") in training_files(tmp_path, "rte")


# Splits


@pytest.mark.parametrize("train", ["train", "training"])
@pytest.mark.parametrize("validation", ["validation", "val", "valid", "dev"])
def test_a_split_may_have_any_of_its_usual_names(tmp_path, train, validation):
    for name in (train, validation):
        put(tmp_path / "intents", f"{name}.csv", intents(split=name))
    (tmp_path / "intents" / "None.tsv").write_text("of no split\n")
    frames, meta = load(tmp_path)
    assert frames["validation"]["text"][0].startswith(validation)
    assert (list(frames), meta["validation_from"], meta["test"]) == (
        ["train", "validation"],
        "validation",
        None,
    )
    assert {path.name for path in training_files(tmp_path, "intents")} == {
        f"{train}.csv",
        f"{validation}.csv",
    }


@pytest.mark.parametrize("name", ["heldout", "held_out", "held-out"])
def test_spellings_of_a_held_out_set(tmp_path, name):
    put(tmp_path / "intents", "train.csv", intents())
    put(tmp_path / "intents", f"{name}.csv", intents(9, "own"))
    frames, meta = load(tmp_path, heldout=0.2)
    assert frames["heldout"]["text"].str.startswith("own").all() and meta["heldout_from"] == "heldout"
    assert tmp_path / "intents" / f"{name}.csv" in training_files(tmp_path, "intents")


@pytest.mark.parametrize("name", ["unlabelled", "unlabeled"])
def test_spellings_of_unlabelled_rows(tmp_path, name):
    put(tmp_path / "intents", "train.csv", intents())
    put(tmp_path / "intents", f"{name}.csv", intents(9, "more")[["text"]])
    frames, _ = load(tmp_path, max_unlabelled_rows={"intents": None})
    assert len(frames["unlabelled"]) == 9
    frames, meta = load(tmp_path)
    assert "unlabelled" not in frames and meta["unread_files"] == [f"{name}.csv"]


def test_files_of_no_split_are_named(tmp_path):
    odd = ["Validation (1).csv", "train copy.csv", "train-2.csv", "train.xlsx", "train_2.csv"]
    told_of_nothing = ["README.md", "LICENSE", ".hidden.csv"]
    put(tmp_path / "intents", "train.csv", intents())
    for name in [*odd, *told_of_nothing]:
        (tmp_path / "intents" / name).write_bytes(b"x")
    (tmp_path / "intents" / "old").mkdir()
    _, meta = load(tmp_path)
    assert meta["unread_files"] == sorted(odd)
    folder = tmp_path / "intents"
    intents().to_parquet(folder / "valid-00000-of-00001.parquet")
    for name in odd:
        (folder / name).unlink()
    assert "unread_files" not in load(tmp_path)[1]  # shards are one split's


@pytest.mark.parametrize("second", ["dev.csv", "validation.json.gz", "valid-00000-of-00001.parquet"])
def test_two_files_of_one_split_are_refused(tmp_path, second):
    for name in ("train.csv", "val.csv"):
        put(tmp_path / "intents", name, intents())
    (tmp_path / "intents" / second).write_bytes(b"")
    assert (
        f"holds the split validation twice, in {' and '.join(sorted(['val.csv', second]))}; keep one"
        in refusal(tmp_path)
    )


def test_a_missing_validation_split_is_cut_from_the_training_rows(tmp_path):
    """Rows of one text stay together, and every class is on both sides by its share."""
    frame = intents(100)
    frame.loc[90:, "text"] = frame.loc[0:9, "text"].tolist()
    put(tmp_path / "intents", "train.csv", frame)
    frames, meta = load(tmp_path)
    again, _ = load(tmp_path)
    assert meta["validation_from"] == "train"
    assert len(frames["validation"]) == 10 and len(frames["train"]) == 90
    assert not set(frames["validation"]["text"]) & set(frames["train"]["text"])
    assert sorted(frames["validation"]["label"].value_counts()) == [3, 3, 4]
    pd.testing.assert_frame_equal(frames["validation"], again["validation"])
    told = remarks(get_task(completed(INTENTS, meta)), frames, meta)
    assert told[0].startswith(
        "intents has no validation split: 10 of its training rows, drawn with the shares"
    )
    assert len(load(tmp_path, layout=CATEGORY | {"validation_share": 0.3})[0]["validation"]) == 30


def test_the_cut_and_the_held_out_slice_are_apart_and_leave_rare_classes_in_training(tmp_path):
    frame = intents(100)
    frame.loc[99, "category"] = "rare"
    put(tmp_path / "intents", "train.csv", frame)
    put(tmp_path / "intents", "heldout.csv", intents(9, "heldout"))
    frames, meta = load(tmp_path, heldout=0.2)
    rare = meta["found"]["labels"].index("rare")
    assert rare in frames["train"]["label"].tolist() and rare not in frames["validation"]["label"].tolist()
    (tmp_path / "intents" / "heldout.csv").unlink()
    put(tmp_path / "intents", "train.csv", intents(100))
    frames, _ = load(tmp_path, heldout=0.2)
    assert [len(frames[split]) for split in ("train", "heldout", "validation")] == [72, 18, 10]
    texts = [set(frame["text"]) for frame in frames.values()]
    assert sum(map(len, texts)) == len(set().union(*texts)) == 100


@pytest.mark.parametrize(
    ("count", "own", "words"),
    [
        (1, None, 'class "rare" of intents has 1 row of the 91 training rows, of which a validation split'),
        (2, None, 'class "rare" of intents has 2 rows of the 92 training rows, of which a validation split'),
        (3, None, None),
        (1, "dev", 'training no row of class "rare" of intents; it has 1 of the 91 training rows; allowed'),
        (2, "dev", None),
        (1, "heldout", None),
    ],
)
def test_a_class_needs_a_row_for_each_side(tmp_path, count, own, words):
    more = pd.DataFrame({"text": [f"rare {row}" for row in range(count)], "category": "rare"})
    put(tmp_path / "intents", "train.csv", pd.concat([intents(90), more]))
    if own:
        put(tmp_path / "intents", f"{own}.csv", intents(9, own))
    if words is None:
        frames, meta = load(tmp_path, heldout=0.2)
        rare = meta["found"]["labels"].index("rare")
        assert rare in frames["train"]["label"].tolist()
        assert own == "heldout" or rare in frames["heldout"]["label"].tolist()
        return
    with pytest.raises(UserError, match=words):
        load(tmp_path, heldout=0.2)


def test_a_held_out_set_has_room_for_all_classes(tmp_path):
    frame = intents(120).assign(category=[f"c{row % 40}" for row in range(120)])
    put(tmp_path / "intents", "train.csv", frame)
    put(tmp_path / "intents", "dev.csv", frame.assign(text=frame["text"] + "!"))
    with pytest.raises(
        UserError, match="heldout is 0.2, which is 24 rows for the 40 classes of .* from 0.334"
    ):
        load(tmp_path, heldout=0.2)
    assert load(tmp_path, heldout=0.334)[0]["heldout"]["label"].nunique() == 40


def test_too_few_rows_to_cut_are_told(tmp_path):
    put(tmp_path / "intents", "train.csv", intents(8))
    assert "validation_share is 0.1 of 8 training rows, which is too few for two different labels" in refusal(
        tmp_path
    )
    put(tmp_path / "intents", "train.csv", intents(60).assign(text=["a", "b", "c"] * 20))
    assert "0.1 of 60 training rows with 3 different texts, which is too few" in refusal(tmp_path)


def test_a_test_split_with_labels_is_scored_and_one_without_is_not(tmp_path):
    put(tmp_path / "intents", "train.csv", intents(60))
    put(tmp_path / "intents", "test.csv", intents(12, "test"))
    frames, meta = load(tmp_path)
    assert (list(frames), meta["test"]) == (["train", "test", "validation"], "scored")
    task = get_task(completed(INTENTS, meta))
    assert task.evaluation_splits == ("validation", "test")
    assert task.display_names["test"] == "intents (test)"
    assert (
        get_task(task.definition).definition
        == task.definition
        == {
            **INTENTS,
            "labels": ["café, top-up", "card lost", "refund"],
            "test": True,
        }
    )
    for suffix in (".csv", ".tsv", ".jsonl"):
        (tmp_path / "intents" / "test.csv").unlink(missing_ok=True)
        put(tmp_path / "intents", f"test{suffix}", intents(12, "test")[["text"]])
        frames, meta = load(tmp_path)
        assert "test" not in frames and meta["test"] == "without labels"
        told = remarks(get_task(completed(INTENTS, meta)), frames, meta)
        assert "the test split of intents has no labels, so no model is scored on it" in told
        (tmp_path / "intents" / f"test{suffix}").unlink()


# Classes


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([10, 9, 1], ["1", "9", "10"]),
        (["10", "9", "x"], ["10", "9", "x"]),
        (["b", "B", "a"], ["B", "a", "b"]),
        ([-1, 0, 1], ["-1", "0", "1"]),
    ],
)
@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_classes_that_are_not_listed_are_sorted(tmp_path, labels, names, suffix):
    for split in ("train", "validation"):
        put(tmp_path / "intents", f"{split}{suffix}", intents().assign(category=labels * 10))
    frames, meta = load(tmp_path)
    assert meta["found"]["labels"] == names
    assert frames["train"]["label"].tolist() == [names.index(str(label)) for label in labels] * 10


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_spaces_around_a_label_do_not_count(tmp_path, suffix):
    labels = ["refund ", " refund", "refund", "card lost", "card lost\u00a0", "card lost"]
    put(tmp_path / "intents", f"train{suffix}", intents().assign(category=labels * 5))
    put(tmp_path / "intents", f"dev{suffix}", intents(2).assign(category=[" refund", "card lost "]))
    for listed in (None, ["card lost", "refund"]):
        frames, _ = load(tmp_path, INTENTS | {"labels": listed})
        assert frames["train"]["label"].tolist() == [1, 1, 1, 0, 0, 0] * 5
        assert frames["validation"]["label"].tolist() == [1, 0]


def test_classes_that_differ_by_quotes_alone_are_refused(tmp_path):
    put(tmp_path / "intents", "train.tsv", intents().assign(category=["refund", '"refund"', "lost"] * 10))
    told = refusal(tmp_path)
    assert 'has in category both refund and "refund", which differ by quotes alone; allowed: one' in told


def test_codes_that_a_file_names_are_read_by_their_names(tmp_path):
    folder = tmp_path / "intents"
    folder.mkdir()
    for split, names in (("train", ["z", "a"]), ("validation", ["a", "z"])):
        frame = pd.DataFrame({"text": list("rstu"), "label": [0, 1, 1, 0]})
        pq.write_table(with_class_label(frame, names), folder / f"{split}.parquet")
    frames, meta = load(tmp_path, layout={})
    assert meta["found"]["labels"] == ["a", "z"]
    assert frames["train"]["label"].tolist() == [1, 0, 0, 1]
    assert frames["validation"]["label"].tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("metric", ["f1", "roc_auc"])
def test_a_metric_of_two_classes_is_refused_for_more(tmp_path, metric):
    put(tmp_path / "intents", "train.csv", intents(60))
    told = refusal(tmp_path, INTENTS | {"metrics": ["accuracy", metric]})
    assert (
        f"intents.metrics has {metric}, but" in told and "train.csv has 3 classes; allowed: accuracy," in told
    )


# Numbers


def test_numbers_of_any_range_get_a_scale(tmp_path):
    points = [0.0, 50.0, 100.0, 30.0, 70.0] * 20
    put(tmp_path / "prices", "train.csv", pd.DataFrame({"text": intents(100)["text"], "points": points}))
    frames, meta = load(tmp_path, PRICES, layout={"label_column": "points"})
    task = get_task(completed(PRICES, meta))
    labels = frames["train"]["label"].astype("float64")
    assert task.scale == pytest.approx((labels.mean(), labels.std(ddof=0)))
    assert task.to_standard(labels).mean() == pytest.approx(0, abs=1e-9)
    assert task.from_standard(task.to_standard(labels)).tolist() == pytest.approx(labels.tolist())
    assert set(frames["train"]["label"]) == {0.0, 30.0, 50.0, 70.0, 100.0}


# What is wrong in one sentence


def broken(**changed):
    return lambda frame: frame.assign(**changed)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "train.csv",
            "text,category\nnaïve,a\n".encode("cp1252"),
            "not UTF-8 text (byte 16); allowed: the file's",
        ),
        ("train.csv", b"", "train.csv has no rows"),
        ("train.csv", b"text,category\n", "train.csv has no rows"),
        (
            "train.csv",
            b"text;category\na, or b;c\n",
            "has semicolons between its columns (text;category); allowed in a .csv file: commas",
        ),
        ("train.csv", b"text\tcategory\na\tb\n", "has tabs between its columns (text\\tcategory); allowed"),
        ("train.tsv", b"text,category\na,b\n", "has commas between its columns (text,category); allowed"),
        (
            "train.csv",
            b"text,category\na,b,c\n",
            "is not a CSV file (2 columns, but 3 fields in line 2); all",
        ),
        ("train.csv", b'text,category\n"a,b\n', "(quotes open in the row of line 2 and never close)"),
        (
            "train.csv",
            b'text,category\na,x\n"b,x\nc,y\n"d,y\n',
            "(in the row of line 3, text follows the quotes that close in line 5)",
        ),
        ("train.csv", b'text,category\n"a \\"b\\" c",x\n', "text follows the quotes that close in line 2"),
        (
            "train.csv",
            b'text,category\na,x\n"b,x\nc,y\nd",y\n',
            'row 2 has a field of 3 lines that look like rows, from "b,x" on; allowed: double quotes',
        ),
        (
            "train.csv",
            b'category,text\nx,a\ny,"b\nx,c\ny,d"\n',
            'row 2 has a field of 3 lines that look like rows, from "b" on; allowed: double quotes',
        ),
        (
            "train.csv",
            b"text,category\na,x\ntext,category\nb,y\n",
            "row 2 has the names of the columns again; allowed: in the first line alone",
        ),
        ("train.tsv", b"", "train.tsv has no rows"),
        ("train.tsv", b"text\ttext\tcategory\na\tb\tc\n", 'has the column "text" twice'),
        ("train.tsv", b"text\tcategory\na\tx\nb\tc\ty\n", 'line 3 is broken: "b\\tc\\ty"; it needs'),
        ("train.jsonl", b"", "train.jsonl has no rows"),
        ("train.json", b"[]", "train.json has no rows"),
        (
            "train.jsonl",
            b'{"text": "a", "category": "x", "category": "y"}\n',
            'line 1: the key "category" is there twice; allowed: each key once',
        ),
        ("train.json", b'[{"text": "a", "text": "b"}]', 'JSON array (the key "text" is there twice)'),
        ("train.csv", gzip.compress(b"text,category\na,b\n", mtime=0), "is packed by gzip; allowed: a name"),
        ("train.jsonl", b"PK\x03\x04rest", "is a zip archive or a spreadsheet; allowed: the table in it"),
        ("train.tsv", b"PAR1rest", "is a Parquet file; allowed: a name that ends in .parquet"),
        (
            "train.csv",
            "text,category\na,b\n".encode("utf-16"),
            "is UTF-16 text; allowed: UTF-8, or utf-16 in data.custom_tasks.intents.encoding",
        ),
        (
            "train.csv",
            "text,category\na,b\n".encode("utf-16-le"),
            "has null characters, the first in line 1; allowed: text without them, or its encoding, such as",
        ),
        ("train.csv", b"text,category\na,b\n\0\0", "has null characters, the first in line 3"),
        ("train.csv", b"text,text,category\na,b,c\n", 'has the column "text" twice'),
        ("train.csv", b"text,category\na,x\nb,\n", "row 2: category is empty (as in 1 of 2 rows)"),
        ("train.json", b'{"data": [\n]}', "is one JSON object with data; allowed: an array of objects"),
        ("train.json", b'{"text": "a",\n"category": 1}', "is one JSON object with text, category; allowed"),
        ("train.json", b'[{"text": "a"}, 3]', "row 2 is not a JSON object: 3"),
        ("train.json", b'[{"text": "a"', "is not a JSON array (Expecting"),
        ("train.jsonl", b'{"text": "a"}\n', 'has no column "category"; it has text'),
        ("train.csv.gz", b"text,category\na,b\n", "is damaged or not a gzip file (Not a gzipped file"),
        ("train.json.gz", gzip.compress(b"[]" * 999, mtime=0)[:-9], "is damaged or not a gzip file"),
    ],
)
def test_a_file_that_is_not_what_its_name_says(tmp_path, name, content, words):
    (tmp_path / "intents").mkdir()
    (tmp_path / "intents" / name).write_bytes(content)
    assert words in refusal(tmp_path)


def test_utf8_text_under_another_encoding_is_refused(tmp_path):
    put(tmp_path / "intents", "train.csv", intents())
    told = refusal(tmp_path, layout=CATEGORY | {"encoding": "cp1252"})
    assert 'is UTF-8 text, but data.custom_tasks.intents.encoding is "cp1252"; allowed: utf-8, which' in told


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            broken(category=["a", None] * 15),
            "row 2: category is null (as in 15 of 30 rows); allowed: a value in",
        ),
        (broken(category=0.5), "row 1: category is 0.5; allowed for a class: a whole number, or text"),
        (broken(category=[True, False] * 15), "row 1: category is true; allowed for a class"),
        (
            broken(category="a"),
            'train.jsonl has the category "a" in all of its 30 rows; allowed: at least two',
        ),
        (broken(category=range(30)), "has 30 different values of category in 30 rows; allowed for classes"),
        (
            broken(category=["x" * 201, "y"] * 15),
            "allowed for a class: a whole number, or text of at most 200",
        ),
        (broken(text=""), "train.jsonl has no text in text, in none of its 30 rows"),
        (broken(text=7), "row 1: text is 7, which is not text"),
        (lambda frame: frame.drop(columns="category"), 'has no column "category"; it has text, id'),
    ],
)
def test_rows_that_are_no_training_rows(tmp_path, change, words):
    put(tmp_path / "intents", "train.jsonl", change(intents()))
    assert words in refusal(tmp_path)


def test_a_class_that_training_has_not_is_told(tmp_path):
    put(tmp_path / "intents", "train.csv", intents())
    put(tmp_path / "intents", "dev.csv", intents().assign(category=["refund", "new"] * 15))
    assert 'dev.csv, row 2: category is "new"; allowed: one of the 3 classes of the training rows' in refusal(
        tmp_path
    )
    put(
        tmp_path / "intents", "dev.csv", intents().assign(category=["0", "1"] * 15)
    )  # no codes of sorted names
    assert 'row 1: category is "0"; allowed: one of the 3' in refusal(tmp_path)


@pytest.mark.parametrize("value", ["12 €", "1,5", "nan", "inf", "1e40"])
def test_numbers_that_are_none(tmp_path, value):
    frame = intents().assign(category=["1", "2.5", value] * 10)
    put(tmp_path / "prices", "train.csv", frame)
    assert f'train.csv, row 3: category is "{value}"; allowed: numbers such as 3.5' in refusal(
        tmp_path, PRICES
    )


# Remarks


def test_empty_and_repeated_rows_are_counted_and_kept(tmp_path):
    frame = intents(30)
    frame.loc[[3, 4], "text"] = ["", None]
    frame.loc[[6, 9, 10], "text"] = frame.loc[5, "text"]
    frame.loc[7, "category"] = " Refund"
    frame.loc[8, "category"] = " Refund"
    put(tmp_path / "intents", "train.jsonl", frame)
    put(tmp_path / "intents", "dev.jsonl", intents(9, "dev"))
    frames, meta = load(tmp_path)
    assert len(frames["train"]) == 30 and frames["train"]["text"][4] == ""
    told = remarks(get_task(completed(INTENTS, meta)), frames, meta)
    assert told == [
        'the classes "Refund", "refund" of intents differ by spelling alone (case, spaces, quotes, hyphens '
        "or zeros)",
        "2 of the 30 rows of train of intents have an empty text",
        "3 of the 30 rows of train of intents repeat the texts of another row, and 1 of their texts has "
        "several labels",
        "the split validation of intents has no row of 1 of its 4 classes, so its scores say nothing about "
        "them: Refund",
    ]


def test_a_layout_has_the_defaults_of_the_schema():
    from kdnas.config.schema import defaults, load_schema

    schema = load_schema()["properties"]["data"]["properties"]["custom_tasks"]["additionalProperties"]
    of_schema = {
        name: value for name, value in defaults(schema).items() if name in Layout.__dataclass_fields__
    }
    assert of_schema == Layout().__dict__


# The hub


@pytest.fixture
def hub(monkeypatch):
    """Replace the hub by the splits that the test puts into the returned dict."""
    import datasets

    splits: dict[str, datasets.Dataset] = {}

    def load_dataset(path, name, revision):
        assert (path, name, revision) == ("somebody/intents", "en", "c" * 40)
        return datasets.DatasetDict(splits)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return splits


PLACE = {"repository": "somebody/intents", "revision": "c" * 40, "configuration": "en"}


def from_hub(place=PLACE, **settings):
    layouts = {"intents": CATEGORY | {"hub": place}}
    return load_task(INTENTS, {"source": "hub", "custom_tasks": layouts, **settings})


def dataset(count, split, names=None):
    import datasets

    found = datasets.Dataset.from_pandas(intents(count, split))
    return found if names is None else found.cast_column("category", datasets.ClassLabel(names=names))


def test_a_data_set_of_the_hub_gives_the_rows_of_a_local_folder(tmp_path, hub):
    for split, count in (("train", 60), ("test", 9)):
        put(tmp_path / "intents", f"{split}.csv", intents(count, split))
        hub[split] = dataset(count, split)
    frames, meta = from_hub()
    assert meta == load(tmp_path)[1] | {"source": "hub"}
    assert list(frames) == ["train", "test", "validation"]


def test_splits_of_the_hub_are_found_by_name_or_named(hub):
    hub |= {name: dataset(30, name) for name in ("train", "dev", "test", "extra", "more")}
    frames, meta = from_hub()
    assert frames["validation"]["text"][0].startswith("dev") and meta["test"] == "scored"
    splits = {"validation": "test", "test": "extra", "unlabelled": "more"}
    frames, meta = from_hub(PLACE | {"splits": splits}, max_unlabelled_rows={"intents": None})
    assert frames["validation"]["text"][0].startswith("test")
    assert frames["test"]["text"][0].startswith("extra") and meta["splits"]["test"]["rows"] == 30
    assert frames["unlabelled"]["text"][0].startswith("more")


def test_codes_of_the_hub_are_read_by_their_names(hub):
    import datasets

    names = ["refund", "café, top-up", "card lost"]
    features = datasets.Features(
        {"text": datasets.Value("string"), "category": datasets.ClassLabel(names=names)}
    )
    for split in ("train", "validation"):
        frame = intents(30, split)[["text"]].assign(category=[0, 2, 1] * 10)
        hub[split] = datasets.Dataset.from_pandas(frame, features=features)
    unlabelled = intents(9, "test")[["text"]].assign(category=-1)
    hub["test"] = datasets.Dataset.from_pandas(unlabelled, features=features)
    frames, meta = from_hub()
    assert meta["found"]["labels"] == sorted(names)
    assert frames["train"]["label"].tolist() == [2, 1, 0] * 10
    assert meta["test"] == "without labels"


@pytest.mark.parametrize(
    ("names", "place", "words"),
    [
        (
            ["fold1"],
            PLACE,
            "somebody/intents/en has no split train or training; it has fold1 (hub.splits.train of",
        ),
        (
            ["train", "dev", "val"],
            PLACE,
            "has the splits val, dev, which all fit validation; allowed: one of them",
        ),
        (
            ["train"],
            PLACE | {"splits": {"test": "none"}},
            "somebody/intents/en/none does not exist at revision cccc",
        ),
    ],
)
def test_splits_that_the_hub_has_not(hub, names, place, words):
    hub |= {name: dataset(30, name) for name in names}
    with pytest.raises(UserError) as caught:
        from_hub(place)
    assert words in str(caught.value)


def test_a_column_that_the_hub_has_not(hub):
    hub["train"] = dataset(30, "train").rename_column("category", "intent")
    with pytest.raises(
        UserError, match='somebody/intents/en/train has no column "category"; it has text, intent'
    ):
        from_hub()
