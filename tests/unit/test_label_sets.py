"""Tasks whose rows have any number of labels: how they are read, drawn, trained, adopted and refused."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from glue_files import load_task, local
from tiny import STAGE, WORDS, finetune, write_teacher
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from kdnas.config.check import check_config
from kdnas.data.frames import fingerprint, read_split, write_split, write_task
from kdnas.data.heldout import cut_validation, hold_out
from kdnas.data.kinds import FEWEST_OF_SET, LabelSets
from kdnas.data.proxy import build_proxy
from kdnas.data.remarks import remarks
from kdnas.data.tasks import completed, get_task, task_definitions
from kdnas.errors import UserError
from kdnas.files.artifacts import read_json
from kdnas.files.store import Store
from kdnas.teachers.adoption import adopt_teacher
from kdnas.teachers.class_order import better_order

LABELS = ["calm", "dark", "loud"]
ENTRY = {"text_columns": ["text"], "metrics": ["micro_f1"], "multi_label": True}
TAGS = {"name": "tags", **ENTRY, "labels": LABELS, "threshold": 0.5}
ROWS = [["dark"], [], ["loud", "calm"], ["calm"], ["loud", "dark"], ["dark", "calm"], ["loud"], []]
CODES = [(1,), (), (0, 2), (0,), (1, 2), (0, 1), (2,), ()]


def load(path, definition=TAGS, layout=None, **settings):
    given = {"custom_tasks": {"tags": layout or {}}, **settings}
    return load_task(definition, local(path) | given)


def write_lines(path, frame, split="train"):
    (path / "tags").mkdir(exist_ok=True)
    frame.to_json(path / "tags" / f"{split}.jsonl", orient="records", lines=True)


def texts(rows=8, word="text"):
    return pd.DataFrame({"text": [f"{word} {row}" for row in range(rows)]})


def write_as(path, form, rows=ROWS, split="train"):
    """Write ``rows`` in one of the forms that labels may have, and return the layout that says so."""
    folder = path / "tags"
    folder.mkdir(exist_ok=True)
    frame = texts(len(rows), split)
    zeros_and_ones = frame.assign(**{name: [int(name in row) for row in rows] for name in LABELS})
    joined = frame.assign(label=["; ".join(row) for row in rows])
    if form in ("names", "codes"):
        codes = [[LABELS.index(name) for name in row] for row in rows]
        write_lines(path, frame.assign(label=rows if form == "names" else codes), split)
        return {}
    if form == "parquet":
        frame.assign(label=rows).to_parquet(folder / f"{split}.parquet")
        return {}
    if form == "class labels":  # as the datasets library writes a list of them
        codes = [[LABELS.index(name) for name in row] for row in rows]
        feature = {"feature": {"names": LABELS, "_type": "ClassLabel"}, "_type": "List"}
        notes = json.dumps({"info": {"features": {"label": feature}}}).encode()
        table = pa.Table.from_pandas(frame.assign(label=codes), preserve_index=False)
        pq.write_table(table.replace_schema_metadata({b"huggingface": notes}), folder / f"{split}.parquet")
        return {}
    if form.startswith("columns"):
        suffix, separator = ("tsv", "\t") if form.endswith("tsv") else ("csv", ",")
        zeros_and_ones.to_csv(folder / f"{split}.{suffix}", sep=separator, index=False)
        return {"label_columns": LABELS}
    if form == "booleans":
        write_lines(path, zeros_and_ones.astype(dict.fromkeys(LABELS, bool)), split)
        return {"label_columns": LABELS}
    suffix, separator = ("tsv", "\t") if form.endswith("tsv") else ("csv", ",")
    joined.to_csv(folder / f"{split}.{suffix}", sep=separator, index=False)
    return {"label_separator": ";"}


SEPARATOR = {"label_separator": ";"}
FORMS = [
    "names",
    "codes",
    "parquet",
    "class labels",
    "columns",
    "columns, tsv",
    "booleans",
    "separator",
    "separator, tsv",
]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_sets(tmp_path, form):
    layout = [write_as(tmp_path, form, split=split) for split in ("train", "validation", "test")][0]
    frames, meta = load(tmp_path, layout=layout)
    for split in ("train", "validation", "test"):
        assert frames[split]["label"].tolist() == CODES
        assert list(frames[split].columns) == ["text", "label", "idx"]
    assert meta["found"] == {"test": True}
    # through files and back
    write_split(tmp_path / "rows.parquet", frames["train"])
    (tmp_path / "rows.parquet").rename(tmp_path / "train.parquet")
    again = read_split(tmp_path, "train")
    assert again["label"].tolist() == CODES
    assert fingerprint({"train": again}) == fingerprint({"train": frames["train"]})


@pytest.mark.parametrize("form", ["names", "parquet", "separator", "class labels"])
def test_labels_that_the_entry_leaves_open_are_those_of_the_training_rows(tmp_path, form):
    layout = [write_as(tmp_path, form, split=split) for split in ("train", "validation")][0]
    frames, meta = load(tmp_path, TAGS | {"labels": None}, layout=layout)
    assert meta["found"] == {"labels": LABELS}
    assert frames["validation"]["label"].tolist() == CODES


def test_a_test_split_may_lack_labels_and_unlabelled_rows_do(tmp_path):
    write_as(tmp_path, "names")
    write_as(tmp_path, "names", split="validation")
    write_lines(tmp_path, texts(word="test"), "test")
    write_lines(tmp_path, texts(word="more"), "unlabelled")
    frames, meta = load(tmp_path, max_unlabelled_rows={"tags": None})
    assert (meta["test"], list(frames)) == ("without labels", ["train", "validation", "unlabelled"])
    both = pd.concat([frames["train"], frames["unlabelled"]])["label"]
    targets = get_task(TAGS).kind.targets(both)
    assert targets[:3].tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 1]]
    assert (targets[len(ROWS) :] == -1).all() and targets.shape == (16, 3)
    write_as(tmp_path, "names", [[]] * 8, split="test")
    assert load(tmp_path)[1]["test"] == "without labels"


@pytest.mark.parametrize(
    ("rows", "layout", "words"),
    [
        ([["dark"], ["bright"], ["calm"]], {}, 'row 2: label has "bright"; allowed: 0 (calm), 1 (dark), '),
        ([["dark"], [3], ["calm"]], {}, "row 2: label has 3; allowed: 0 (calm)"),
        ([["dark"], "calm", []], {}, 'row 2: label is "calm"; allowed with multi_label: a list of names'),
        ([["dark"], None, []], {}, "row 2: label is null (as in 1 of 3 rows); allowed: a value in every row"),
        ([["dark"], [], ["calm"]], {}, "has no row of label 2 (loud); training needs every label"),
        ([["dark"], ["dark"]], {}, "has the label dark in all of its 2 rows; allowed: at least two diff"),
        ([["dark", "loud"]] * 2, {}, "has the labels dark, loud in all of its 2 rows"),
        ([[], []], {}, "has no label in all of its 2 rows"),
        (["dark|calm", ""], SEPARATOR, 'tags.label_separator is ";", which is in no row of label of'),
        (["dark|calm", ""], SEPARATOR, '(the first: "dark|calm"); allowed: what stands between two'),
        ([["dark"], []], SEPARATOR, 'row 1: label is ["dark"]; allowed with label_separator: text'),
        (["", "['dark']", "['calm', 'dark']"], {"label_separator": ","},
         "has in label lists written as text, the first \"['dark']\"; allowed with label_separator: labels"),
        (["dark;;calm", "", "quiet"], SEPARATOR, 'row 3: label has "quiet"; allowed: 0 (calm)'),
    ],
)  # fmt: skip
def test_wrong_labels_are_told_in_a_sentence(tmp_path, rows, layout, words):
    write_lines(tmp_path, texts(len(rows)).assign(label=rows))
    with pytest.raises(UserError) as caught:
        load(tmp_path, layout=layout)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("2", 'row 3: dark is "2"; allowed: 1 for a row with this label and 0 for one without'),
        ("", 'row 3: dark is ""; allowed: 1 for a row'),
        ("-1", 'row 3: dark is "-1"; allowed'),
        ("yes", 'row 3: dark is "yes"; allowed'),
    ],
)
def test_a_column_of_0_and_1_has_nothing_else(tmp_path, cell, words):
    layout = write_as(tmp_path, "columns")
    file = tmp_path / "tags/train.csv"
    lines = file.read_text().splitlines()
    lines[3] = f"{lines[3].partition(',')[0]},0,{cell},1"
    file.write_text("\n".join(lines))
    with pytest.raises(UserError) as caught:
        load(tmp_path, layout=layout)
    assert words in str(caught.value)


def test_a_label_s_column_that_is_missing_is_named(tmp_path):
    write_as(tmp_path, "columns")
    with pytest.raises(UserError, match='has no column "quiet"; it has text, calm, dark, loud'):
        load(tmp_path, layout={"label_columns": [*LABELS, "quiet"]})


def test_a_label_of_another_split_alone_is_refused(tmp_path):
    write_as(tmp_path, "names")
    write_lines(tmp_path, texts(2).assign(label=[["dark"], ["bright"]]), "validation")
    with pytest.raises(UserError, match='row 2: label has "bright"; allowed: one of the 3 labels of'):
        load(tmp_path, TAGS | {"labels": None})


@pytest.mark.parametrize("kind", ["names", "class labels"])
def test_lists_without_the_key_say_which_one_is_meant(tmp_path, kind):
    write_as(tmp_path, kind)
    single = {"name": "tags", "text_columns": ["text"], "labels": None, "metrics": ["accuracy"]}
    with pytest.raises(
        UserError, match=r"for several labels in a row, data\.custom_tasks\.tags\.multi_label is true"
    ):
        load(tmp_path, single)


# The configuration


def refusal(changes):
    entry = {"text_columns": ["text"], "metrics": ["micro_f1"], "multi_label": True} | changes
    data = {"source": "local", "path": "mine", "tasks": ["tags"], "custom_tasks": {"tags": entry}}
    with pytest.raises(UserError) as caught:
        check_config({"data": data, "search": {"task": "tags"}})
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metrics": ["accuracy"]}, "metrics has accuracy; allowed with multi_label: true: micro_f1, "),
        ({"metrics": ["pearson"]}, "metrics has pearson; allowed with multi_label: true: micro_f1"),
        ({"metrics": ["micro_f1", "roc_auc"]}, "metrics has roc_auc; allowed with multi_label: true"),
        (
            {"multi_label": False},
            "metrics has micro_f1 (it is for several labels in a row: multi_label: true); allowed with one",
        ),
        ({"multi_label": "yes"}, 'multi_label is "yes"; allowed: true or false'),
        ({"threshold": 1}, "threshold is 1; allowed: a number (above 0, below 1)"),
        ({"multi_label": False, "threshold": 0.3}, "threshold is 0.3, which is for several labels in a row"),
        ({"multi_label": False, "label_separator": ";"}, 'label_separator is ";", which is for several'),
        ({"multi_label": False, "label_columns": LABELS}, "allowed: multi_label: true beside it"),
        ({"label_columns": ["a"]}, "label_columns is"),
        ({"label_columns": LABELS, "labels": LABELS}, "but label_columns has a column for each"),
        ({"label_columns": LABELS, "label_separator": ";"}, 'label_separator is ";", but label_columns has'),
        ({"label_columns": ["text", "dark"]}, "text_columns has text; allowed: columns of text whose"),
        ({"labels": ["a;b", "c"], "label_separator": ";"}, 'labels has "a;b"; allowed with label_separator'),
        ({"label_separator": ""}, 'label_separator is ""; allowed: one to ten characters'),
    ],
)  # fmt: skip
def test_an_entry_that_contradicts_itself_is_refused(changes, words):
    assert words in refusal(changes)


def test_the_definition_has_the_labels_and_the_threshold_and_no_layout():
    entry = {**ENTRY, "label_columns": LABELS, "threshold": 0.3}
    data = {"source": "local", "path": "mine", "tasks": ["tags"], "custom_tasks": {"tags": entry}}
    found = task_definitions(check_config({"data": data, "search": {"task": "tags"}})["data"])["tags"]
    assert found == TAGS | {"threshold": 0.3}
    task = get_task(found)
    assert task.definition == found
    assert (task.num_labels, task.regression, task.kind.problem_type) == (
        3,
        False,
        "multi_label_classification",
    )
    assert task.kind.threshold == 0.3


# Draws


def rows_of(sets, words=None):
    """Return a frame of one row a label set, each with a text of its own unless ``words`` has them."""
    return pd.DataFrame(
        {"text": words or [f"text {row}" for row in range(len(sets))], "label": sets, "idx": range(len(sets))}
    )


def skewed(rows=600, seed=1):
    """Return label sets in which labels are on 40 %, 15 % and 4 % of the rows."""
    drawn = np.random.default_rng(seed).random((rows, 3)) < [0.4, 0.15, 0.04]
    return [tuple(map(int, np.flatnonzero(row))) for row in drawn]


def shares(frame):
    return get_task(TAGS).kind.targets(frame["label"]).mean(axis=0)


def test_a_rare_set_counts_as_its_rarest_label():
    sets = [(0,)] * 30 + [(1,)] * 12 + [(0, 1)] * FEWEST_OF_SET + [(0, 2)] * 3 + [(2,)] * 2 + [()] * 4
    stratum = LabelSets(tuple(LABELS)).strata(get_task(TAGS).kind.targets(pd.Series(sets)))
    parts = [
        set(stratum[start:end].tolist()) for start, end in ((0, 30), (30, 42), (42, 52), (52, 57), (57, 61))
    ]
    assert all(len(part) == 1 for part in parts)  # sets of 3 and 2 rows are one stratum, by label 2
    assert len(set.union(*parts)) == 5


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_draws_keep_the_shares_of_labels_and_rows_without_any(seed):
    frame, task = rows_of(skewed(seed=seed)), get_task(TAGS)
    train, heldout = hold_out(frame, task, share=0.2, rows=None)
    rest, validation = cut_validation(train, task, 0.1)
    proxy = build_proxy(rest, TAGS, share=0.3, seed=seed)
    assert len(heldout) == 120 and len(validation) == 48 and len(proxy) == round(0.3 * 432)
    for part in (train, heldout, validation, proxy):
        assert shares(part) == pytest.approx(shares(frame), abs=0.03)
        assert (part["label"] == ()).mean() == pytest.approx((frame["label"] == ()).mean(), abs=0.02)
        assert (shares(part) > 0).all()
    assert hold_out(frame, task, share=0.2, rows=None)[1].equals(heldout)


def test_rows_that_share_a_text_stay_together():
    sets = skewed(300)
    words = [f"text {row // 3}" for row in range(300)]
    train, heldout = hold_out(rows_of(sets, words), get_task(TAGS), share=0.2, rows=None)
    assert not set(train["text"]) & set(heldout["text"])
    assert len(heldout) == pytest.approx(60, abs=6)
    assert shares(heldout) == pytest.approx(shares(train), abs=0.08)


def test_a_part_without_a_label_is_refused_by_its_name():
    frame = rows_of([(0,), (1,), (0, 1)] * 8 + [(2, 0)])
    with pytest.raises(
        UserError, match='leaves the held-out set no row of label "loud" of tags|training no row of label "l'
    ):
        hold_out(frame, get_task(TAGS), share=0.3, rows=None)


def test_lists_of_a_data_set_of_the_hub(monkeypatch):
    import datasets

    named = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.List(datasets.ClassLabel(names=LABELS))}
    )
    codes = [list(row) for row in CODES]
    splits = {
        "train": datasets.Dataset.from_dict({"text": list(texts()["text"]), "label": codes}, features=named),
        "unlabelled": datasets.Dataset.from_dict({"text": ["more", "and more"], "label": [None, None]}),
        "validation": datasets.Dataset.from_dict({"text": list(texts(word="dev")["text"]), "label": ROWS}),
    }
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.DatasetDict(splits))
    place = {"hub": {"repository": "somebody/tags", "revision": "c" * 40}}
    given = {"source": "hub", "custom_tasks": {"tags": place}, "max_unlabelled_rows": {"tags": None}}
    frames, meta = load_task(TAGS | {"labels": None}, given)
    assert meta["found"] == {"labels": LABELS}
    assert frames["train"]["label"].tolist() == frames["validation"]["label"].tolist() == CODES
    assert len(frames["unlabelled"]) == 2


def test_equal_texts_with_other_labels_are_told(tmp_path):
    write_lines(tmp_path, texts().assign(label=ROWS, text=["same", "same", *texts(6)["text"]]))
    write_as(tmp_path, "names", split="validation")
    frames, meta = load(tmp_path)
    (told,) = remarks(get_task(completed(TAGS, meta)), frames, meta)
    assert told.endswith("repeats the texts of another row, and 1 of their texts has several sets of labels")


def test_labels_that_a_scoring_split_lacks_are_told(tmp_path):
    write_as(tmp_path, "names")
    write_as(tmp_path, "names", [["dark"], [], ["calm"]], split="validation")
    frames, meta = load(tmp_path)
    (told,) = remarks(get_task(completed(TAGS, meta)), frames, meta)
    assert told.startswith("the split validation of tags has no row of 1 of its 3 labels") and told.endswith(
        "loud"
    )


# Training and adopting


def write_topics(folder, rows=160):
    """Write a task's folder in which each label is a word of the text."""
    task, frames = get_task(TAGS), {}
    for seed, split in enumerate(task.splits):
        generator = np.random.default_rng(seed)
        sets = [tuple(map(int, np.flatnonzero(row))) for row in generator.random((rows, 3)) < [0.5, 0.3, 0.4]]
        words = [[*(WORDS[code] for code in row), *generator.choice(WORDS[10:], 4)] for row in sets]
        frames[split] = rows_of(sets, [" ".join(generator.permutation(row)) for row in words])
    meta = {"task": "tags", "source": "local", "synthetic": False, "heldout_from": None, "fingerprint": "x"}
    splits = {split: {"rows": rows, "official_rows": None} for split in frames}
    write_task(folder, frames, meta | {"splits": splits, "unlabelled_fingerprint": None})
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_teacher(tmp_path_factory.mktemp("base") / "encoder")


@pytest.fixture
def taught(base, tmp_path, make_run):
    """Return a teacher of the task, its rows and its scores."""
    data = write_topics(tmp_path / "data")
    training = {"max_length": 16, "training": STAGE | {"epochs": 25, "dropout": 0.0}}
    folder, metrics = tmp_path / "taught", tmp_path / "taught.json"
    finetune(base, data, TAGS, training, 1, make_run(), Store(tmp_path / "s"), folder, metrics)
    return folder, data, read_json(metrics)["scores"]["validation"]


def test_a_teacher_learns_sets_and_transformers_pipeline_reads_its_labels(taught):
    folder, data, scores = taught
    config = read_json(folder / "config.json")
    assert config["problem_type"] == "multi_label_classification"
    assert config["id2label"] == dict(zip("012", LABELS, strict=True))
    assert scores["micro_f1"] > 0.9  # three words in a text
    rows = read_split(data, "validation").head(20)
    classify = pipeline("text-classification", model=folder, top_k=None)
    found = [{one["label"] for one in row if one["score"] > 0.5} for row in classify(rows["text"].tolist())]
    wanted = [{LABELS[code] for code in codes} for codes in rows["label"]]
    assert sum(map(set.__eq__, found, wanted)) >= 15
    right = 2 * sum(len(a & b) for a, b in zip(found, wanted, strict=True))
    assert right / sum(map(len, found + wanted)) > 0.85


@pytest.mark.parametrize(
    ("order", "names", "refused"),
    [
        ([2, 0, 1], ["loud", "Calm", "dark"], None),
        (
            [2, 0, 1],
            ["LABEL_0", "LABEL_1", "LABEL_2"],
            "an id2label that names the model's outputs, such as 0: l",
        ),
        ([0, 1, 2], ["LABEL_0", "LABEL_1", "LABEL_2"], None),
    ],
)
def test_an_own_classifier_is_adopted_in_the_order_of_its_labels(taught, tmp_path, order, names, refused):
    folder, data, scores = taught
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        for parameter in (model.classifier.weight, model.classifier.bias):
            parameter.copy_(parameter[order])
    model.config.id2label = dict(enumerate(names))
    model.config.label2id = {name: code for code, name in enumerate(names)}
    model.save_pretrained(tmp_path / "given")
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path / "given")
    places = {"model_folder": tmp_path / "adopted", "metrics_file": tmp_path / "adopted.json"}

    def adopt():
        adopt_teacher(
            tmp_path / "given", data, TAGS,
            max_length=16, seed=1, device="cpu", threads=1, warn=print, **places,
        )  # fmt: skip

    if refused:
        with pytest.raises(UserError, match=refused):
            adopt()
        return
    adopt()
    assert read_json(places["metrics_file"])["scores"]["validation"] == scores
    assert read_json(places["model_folder"] / "config.json")["id2label"]["0"] == "calm"


def test_the_order_of_one_class_a_row_is_judged_as_before():
    """On one answer and one label a row, the general rule is the confusion matrix's."""
    labels = np.arange(90) % 3
    found = better_order(np.eye(3, dtype=int)[(labels + 1) % 3], np.eye(3, dtype=int)[labels])
    assert found.tolist() == [2, 0, 1]
