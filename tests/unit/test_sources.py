import json
import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from glue_files import TSV, load_task, local, make, rows, write

from kdnas.data.sources import fingerprint, read_meta, read_split, write_task
from kdnas.data.tasks import TASKS
from kdnas.errors import UserError


def test_every_format_gives_the_same_rows(tmp_path):
    for name in TASKS:
        prints = {}
        for kind in ("parquet", "shards", "jsonl", "json", "tsv"):
            frames, meta = load_task(name, make(tmp_path / kind, name, kind))
            prints[kind] = meta["fingerprint"]
            for split, frame in frames.items():
                expected = rows(name, split)
                assert list(frame.columns) == list(TASKS[name].columns)
                assert frame["label"].dtype == ("float32" if name == "stsb" else "int64")
                texts = list(TASKS[name].text_columns)
                assert frame[texts].to_numpy().tolist() == expected[texts].to_numpy().tolist()
                assert frame["label"].tolist() == pytest.approx(expected["label"].tolist())
        assert len(set(prints.values())) == 1, prints


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("case", [str, str.lower, str.upper])
def test_folders_of_the_official_download_are_found(tmp_path, name, case):
    frames, _ = load_task(name, make(tmp_path, name, "tsv", folder=case(TSV[name][0])))
    assert list(frames) == list(TASKS[name].splits)


def test_text_labels_map_by_name_and_not_by_position(tmp_path):
    train = rows("wnli", "train").assign(label=["entailment", "not_entailment"] * 3)
    for kind in ("parquet", "jsonl"):
        frames, _ = load_task("wnli", make(tmp_path / kind, "wnli", kind, train=train))
        assert frames["train"]["label"].tolist() == [1, 0] * 3


def test_meta_tells_a_subset_from_the_whole(tmp_path):
    _, meta = load_task("wnli", make(tmp_path, "wnli", validation=rows("wnli", "validation", 71)))
    assert meta["splits"] == {
        "train": {"rows": 6, "official_rows": 635},
        "validation": {"rows": 71, "official_rows": 71},
    }
    assert (meta["task"], meta["source"], meta["synthetic"]) == ("wnli", "local", False)


def test_idx_is_kept_or_counted(tmp_path):
    gaps = rows("rte", "train").assign(idx=[0, 2, 3, 9, 12, 40])
    config = make(tmp_path, "rte", train=gaps, validation=rows("rte", "validation").drop(columns="idx"))
    frames, _ = load_task("rte", config)
    assert frames["train"]["idx"].tolist() == [0, 2, 3, 9, 12, 40]
    assert frames["validation"]["idx"].tolist() == [0, 1, 2, 3, 4, 5]


# --- what is refused


def refused(name: str, config: dict, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_task(name, config)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (
            "label",
            3,
            r"train.jsonl, row 3: label is 3; allowed: 0 \(entailment\), 1 \(neutral\), 2 \(contra",
        ),
        ("label", -1, "row 3: label is -1"),
        ("label", "-", 'row 3: label is "-"'),
        ("label", "Entailment", 'row 3: label is "Entailment"'),
        ("label", 1.0, "row 3: label is 1.0"),
        ("label", True, "row 3: label is true"),
        ("label", None, "row 3: label is null"),
        ("premise", "", "row 3: premise is empty"),
        ("hypothesis", " \t", "row 3: hypothesis is empty"),
        ("premise", None, "row 3: premise is null"),
        ("premise", 7, "row 3: premise is 7, which is not text"),
        ("premise", "\ud800", "row 3: premise is .*, which is not valid Unicode"),
    ],
)
def test_a_bad_value_is_named_with_its_row(tmp_path, column, value, message):
    config = make(tmp_path, "mnli", "jsonl")
    records = rows("mnli", "train").to_dict("records")
    records[2][column] = value
    (tmp_path / "mnli" / "train.jsonl").write_text("\n".join(map(json.dumps, records)))
    refused("mnli", config, message)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5.2, r"row 2: label is 5.2\d*; allowed: numbers from 0 to 5"),
        (-0.1, "row 2: label is -0.1"),
        (float("nan"), "row 2: label is null"),
        (float("inf"), "row 2: label is Infinity"),
    ],
)
def test_scores_outside_the_range(tmp_path, value, message):
    train = rows("stsb", "train")
    train.at[1, "label"] = value
    refused("stsb", make(tmp_path, "stsb", train=train), message)


def test_a_score_that_is_no_number(tmp_path):
    config = make(tmp_path, "stsb", "tsv")
    path = tmp_path / "stsb" / "dev.tsv"
    path.write_text(path.read_text().replace("\t5.0\n", "\tfive\n"))
    refused("stsb", config, 'dev.tsv, row 6: label is "five"; allowed: numbers from 0 to 5')


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="hypothesis"), 'has no column "hypothesis"; it has premise, label, idx'),
        (lambda f: f.drop(columns="label"), 'has no column "label"'),
        (lambda f: f[:0], "train.parquet has no rows"),
        (lambda f: f.assign(label=1), "train.parquet has the label 1 in all of its 6 rows"),
        (lambda f: f[f["label"] != 2], r"has no row of class 2 \(contradiction\)"),
        (lambda f: f.assign(premise=range(6)), "row 1: premise is 0, which is not text"),
        (lambda f: f.assign(idx=0.5), "row 1: idx is 0.5"),
        (lambda f: f.assign(label=f["label"] + 0.0), "row 1: label is 0.0"),
    ],
)
def test_a_bad_table(tmp_path, change, message):
    refused("mnli", make(tmp_path, "mnli", train=change(rows("mnli", "train"))), message)


def test_missing_folder_task_and_split(tmp_path):
    refused("rte", local(tmp_path / "none"), 'data.path is .*none", which is not a folder')
    refused("rte", local(""), "data.path is empty")
    config = make(tmp_path, "cola")
    refused("qnli", config, r"has no folder for the task qnli \(qnli or QNLI\); its folders: cola")
    (tmp_path / "cola" / "validation.parquet").unlink()
    refused(
        "cola",
        config,
        r"no file for the split validation of cola; allowed .* valid or dev with .*; its",
    )


def test_two_sources_of_one_split_are_ambiguous(tmp_path):
    config = make(tmp_path, "cola")
    write(tmp_path / "cola", "cola", rows("cola", "train"), "train", "tsv")
    refused("cola", config, "holds the split train twice, in train.parquet and train.tsv")
    config = make(tmp_path / "folders", "sst2")
    make(tmp_path / "folders", "sst2", folder="SST-2")
    refused("sst2", config, "SST-2 and .*sst2 both hold the task sst2")


def test_a_missing_shard(tmp_path):
    config = make(tmp_path, "cola", "shards")
    (tmp_path / "cola" / "train-00001-of-00002.parquet").unlink()
    refused("cola", config, "train-00001-of-00002.parquet is missing or not one of")


def test_damaged_files(tmp_path):
    config = make(tmp_path, "cola")
    path = tmp_path / "cola" / "train.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    refused("cola", config, "train.parquet is damaged or not a Parquet file")
    path.write_bytes(b"")
    refused("cola", config, "train.parquet is damaged or not a Parquet file")
    config = make(tmp_path, "rte", "jsonl")
    path = tmp_path / "rte" / "train.jsonl"
    path.write_text(path.read_text()[:-9])
    refused("rte", config, "train.jsonl, line 6 is not a JSON object")
    path.write_bytes("naïve".encode("latin-1"))
    refused("rte", config, r"train.jsonl is not UTF-8 text \(byte 2\)")


def with_class_label(frame: pd.DataFrame, names: list[str]) -> pa.Table:
    notes = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return table.replace_schema_metadata({b"huggingface": json.dumps(notes).encode()})


def test_another_label_order_is_refused_with_both_orders(tmp_path):
    config = make(tmp_path, "mnli")
    path = tmp_path / "mnli" / "validation_matched.parquet"
    pq.write_table(with_class_label(rows("mnli", "x"), ["entailment", "neutral", "contradiction"]), path)
    load_task("mnli", config)
    pq.write_table(with_class_label(rows("mnli", "x"), ["contradiction", "entailment", "neutral"]), path)
    refused(
        "mnli",
        config,
        "validation_matched.parquet declares the label order contradiction, entailment, neutral; "
        "mnli needs entailment, neutral, contradiction",
    )


# --- the official TSV files' own quirks


def test_broken_lines_are_an_error_in_a_subset(tmp_path):
    config = make(tmp_path, "qqp", "tsv")
    path = tmp_path / "qqp" / "train.tsv"
    path.write_text(path.read_text() + '"\twas it?\t0\n')
    refused("qqp", config, "train.tsv, line 8 is broken: .*was it")


def test_broken_lines_of_the_complete_file_are_left_out(tmp_path):
    config = make(tmp_path, "wnli", "tsv", train=rows("wnli", "train", 635))
    path = tmp_path / "wnli" / "train.tsv"
    complete = load_task("wnli", config)[1]
    lines = path.read_text().split("\n")
    path.write_text("\n".join([*lines[:5], "1\tcut in", " two\t0", *lines[5:]]))
    assert load_task("wnli", config)[1] == complete


def test_a_tab_inside_the_last_text_is_an_error(tmp_path):
    config = make(tmp_path, "cola", "tsv")
    path = tmp_path / "cola" / "dev.tsv"
    path.write_text(path.read_text() + "src\t1\t\tone\ttwo\n")
    refused("cola", config, "dev.tsv, line 7 is broken")


def test_a_missing_tsv_column(tmp_path):
    config = make(tmp_path, "mnli", "tsv")
    path = tmp_path / "mnli" / "train.tsv"
    path.write_text(path.read_text().replace("gold_label", "label2"))
    refused("mnli", config, 'train.tsv has no column "gold_label"')


def test_the_two_empty_questions_of_the_official_qqp(tmp_path):
    train = rows("qqp", "train")
    train.loc[[1, 4], "question2"] = ""
    for kind in ("parquet", "tsv"):
        load_task("qqp", make(tmp_path / kind, "qqp", kind, train=train))
    train.loc[5, "question1"] = " "
    config = make(tmp_path, "qqp", train=train)
    refused("qqp", config, r"row 2: question2 is empty \(as in 3 rows, where the official data has 2\)")


# --- max_train_rows


@pytest.mark.parametrize("value", [40, {"sst2": 40}])
def test_the_training_split_is_cut_by_class_in_order(tmp_path, value):
    train = rows("sst2", "train", 100).assign(label=[0] * 75 + [1] * 25)
    config = make(tmp_path, "sst2", train=train, validation=rows("sst2", "validation", 60))
    frames, meta = load_task("sst2", config | {"max_train_rows": value})
    assert frames["train"]["label"].value_counts().to_dict() == {0: 30, 1: 10}
    assert frames["train"]["idx"].is_monotonic_increasing
    assert len(frames["validation"]) == 60
    assert meta["splits"]["train"] == {"rows": 40, "official_rows": 67349}
    assert load_task("sst2", config | {"max_train_rows": value})[1] == meta


def test_a_held_out_slice_is_taken_out_before_the_cut(tmp_path):
    train = rows("sst2", "train", 100).assign(label=[0] * 75 + [1] * 25)
    config = make(tmp_path, "sst2", train=train, validation=rows("sst2", "validation", 60))
    frames, meta = load_task("sst2", config | {"max_train_rows": 40}, 0.2)
    assert frames["train"]["label"].value_counts().to_dict() == {0: 30, 1: 10}
    assert frames["heldout"]["label"].value_counts().to_dict() == {0: 6, 1: 2}
    assert not set(frames["train"]["idx"]) & set(frames["heldout"]["idx"])
    assert meta["splits"]["heldout"] == {"rows": 8, "official_rows": None}
    assert meta["heldout_from"] == "train"
    whole, _ = load_task("sst2", config, 0.2)
    assert (len(whole["train"]), len(whole["heldout"])) == (80, 20)


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "tsv"])
def test_a_held_out_slice_of_the_users_own_leaves_the_training_split_whole(tmp_path, kind):
    own = rows("sst2", "heldout", 9)
    config = make(tmp_path, "sst2", kind, train=rows("sst2", "train", 30))
    write(tmp_path / "sst2", "sst2", own, "heldout", kind)
    frames, meta = load_task("sst2", config | {"max_train_rows": 20}, 0.2)
    assert frames["heldout"]["sentence"].tolist() == own["sentence"].tolist()
    assert (len(frames["train"]), meta["heldout_from"]) == (20, "heldout")
    frames, meta = load_task("sst2", config)  # no search task
    assert (set(frames), meta["heldout_from"]) == ({"train", "validation"}, None)


@pytest.mark.parametrize(("split", "at"), [("train", 4), ("validation", 2)])
@pytest.mark.parametrize("order", [1, -1])
def test_a_held_out_slice_with_rows_of_another_split_is_refused(tmp_path, split, at, order):
    others = {"train": rows("rte", "train", 30), "validation": rows("rte", "validation", 8)}
    config = make(tmp_path, "rte", "jsonl", **others)
    own = rows("rte", "heldout", 9)
    columns = ["sentence1", "sentence2"]
    own.loc[6, columns] = others[split].loc[at, columns[::order]].tolist()
    own.loc[7, "sentence1"] = others[split].loc[at, "sentence1"]  # half a pair is another row
    write(tmp_path / "rte", "rte", own, "heldout", "jsonl")
    message = rf"heldout.jsonl, row 7 has the texts of row {at + 1} of {split} \(copied rows: 1 of 9\)"
    with pytest.raises(UserError, match=message):
        load_task("rte", config, 0.2)
    load_task("rte", config)  # not the search task: the file is not read


@pytest.mark.parametrize("value", [None, 6, 1000, {"mnli": 2}, {"rte": None}])
def test_no_cut(tmp_path, value):
    frames, _ = load_task("rte", make(tmp_path, "rte") | {"max_train_rows": value})
    assert len(frames["train"]) == 6


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "data.max_train_rows is 0"),
        (True, "data.max_train_rows is true"),
        ({"rte": "many"}, 'data.max_train_rows.rte is "many"'),
        (
            1,
            'data.max_train_rows is 1, which leaves training no row of class "not_entailment" of rte; it has',
        ),
    ],
)
def test_a_bad_cut(tmp_path, value, message):
    refused("rte", make(tmp_path, "rte") | {"max_train_rows": value}, message)


# --- the other sources


def test_an_unknown_source():
    refused("rte", {"source": "web"}, 'data.source is "web"; allowed: hub, local, synthetic')


def test_synthetic_rows_are_called_synthetic():
    config = {"source": "synthetic", "synthetic": {"seed": 3, "train_rows": 30, "validation_rows": 12}}
    frames, meta = load_task("mnli", config)
    assert {split: len(frame) for split, frame in frames.items()} == {
        "train": 30,
        "validation_matched": 12,
        "validation_mismatched": 12,
    }
    assert meta["synthetic"] is True
    assert meta["source"] == "synthetic"
    assert meta["splits"]["train"] == {"rows": 30, "official_rows": None}
    again = load_task("mnli", config | {"synthetic": {**config["synthetic"], "seed": 4}})[1]
    assert again["fingerprint"] != meta["fingerprint"]


@pytest.fixture
def hub(monkeypatch):
    """Replace the hub by what the test puts into the returned dict."""
    import datasets

    answer = {"revision": None}

    def load_dataset(path, name, revision):
        assert path == "nyu-mll/glue"
        answer["revision"] = revision
        if isinstance(answer["content"], Exception):
            raise answer["content"]
        splits = {}
        for split, (frame, names) in answer["content"].items():
            features = {column: datasets.Value("string") for column in TASKS[name].text_columns}
            features |= {"label": datasets.ClassLabel(names=names), "idx": datasets.Value("int32")}
            splits[split] = datasets.Dataset.from_pandas(frame, features=datasets.Features(features))
        return datasets.DatasetDict(splits)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return answer


HUB = {"source": "hub", "revision": "abc123"}


def test_the_hub_gives_the_rows_of_a_local_folder(tmp_path, hub):
    names = list(TASKS["rte"].labels)
    hub["content"] = {s: (rows("rte", s), names) for s in ("train", "validation", "test")}
    frames, meta = load_task("rte", HUB)
    assert hub["revision"] == "abc123"
    assert list(frames) == ["train", "validation"]
    assert meta["source"] == "hub"
    assert meta["fingerprint"] == load_task("rte", make(tmp_path, "rte"))[1]["fingerprint"]


def test_another_label_order_on_the_hub(hub):
    names = ["not_entailment", "entailment"]
    hub["content"] = {s: (rows("rte", s), names) for s in ("train", "validation")}
    refused(
        "rte", HUB, "nyu-mll/glue/rte/train declares the label order not_entailment, entailment; rte needs"
    )


def test_a_missing_split_on_the_hub(hub):
    hub["content"] = {"train": (rows("rte", "train"), list(TASKS["rte"].labels))}
    refused("rte", HUB, "nyu-mll/glue/rte/validation does not exist at revision abc123; its splits: train")


@pytest.mark.parametrize("error", [ConnectionError("Couldn't reach it\nsecond line"), RuntimeError()])
def test_no_network(hub, error):
    hub["content"] = error
    refused("rte", HUB, r"cannot load rte .* abc123 .*(reach it|RuntimeError)\); .* set data.source to local")


# --- storage and fingerprint


def test_a_stored_task_reads_back_and_has_the_same_bytes(tmp_path):
    for name in ("mnli", "stsb"):
        frames, meta = load_task(name, make(tmp_path / "in", name))
        write_task(tmp_path / "a", frames, meta)
        write_task(tmp_path / "b", dict(reversed(frames.items())), meta)
        files = sorted(path.name for path in (tmp_path / "a").iterdir())
        assert files == sorted([*(f"{split}.parquet" for split in frames), "meta.json"])
        for file in files:
            assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
        for split, frame in frames.items():
            pd.testing.assert_frame_equal(read_split(tmp_path / "a", split), frame)
            # pandas' notes would change the bytes with its version
            assert pq.read_schema(tmp_path / "a" / f"{split}.parquet").metadata is None
        assert read_meta(tmp_path / "a") == meta
        assert (
            fingerprint({split: read_split(tmp_path / "a", split) for split in frames}) == meta["fingerprint"]
        )


def test_reading_what_is_not_there_or_damaged(tmp_path):
    with pytest.raises(UserError, match="train.parquet is missing"):
        read_split(tmp_path, "train")
    (tmp_path / "train.parquet").write_text("no")
    with pytest.raises(UserError, match="train.parquet is damaged"):
        read_split(tmp_path, "train")
    with pytest.raises(UserError, match="meta.json is missing"):
        read_meta(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.assign(label=[1, *f["label"][1:]]),
        lambda f: f.assign(premise=["x", *f["premise"][1:]]),
        lambda f: f.iloc[::-1].reset_index(drop=True),
        lambda f: f[:-1],
        lambda f: f.assign(premise=f["hypothesis"], hypothesis=f["premise"]),
    ],
)
def test_the_fingerprint_sees_content(change):
    frame = rows("mnli", "train")
    assert fingerprint({"train": frame}) != fingerprint({"train": change(frame)})


def test_the_fingerprint_sees_which_split_but_no_idx():
    a, b = rows("rte", "a"), rows("rte", "b")
    assert fingerprint({"train": a, "validation": b}) != fingerprint({"train": b, "validation": a})
    assert fingerprint({"train": a, "validation": b}) == fingerprint({"validation": b, "train": a})
    assert fingerprint({"train": a}) == fingerprint({"train": a.assign(idx=a["idx"] + 5)})


# --- the real data, where there is some

GLUE = Path(os.environ.get("KDNAS_GLUE", Path(__file__).resolve().parents[3] / "shared" / "glue"))


@pytest.mark.skipif(not GLUE.is_dir(), reason="no GLUE folder; set KDNAS_GLUE")
@pytest.mark.parametrize("name", ["cola", "rte", "stsb", "mrpc", "wnli"])
def test_real_glue(name):
    if not (GLUE / name).is_dir():
        pytest.skip(f"{name} is not there")
    frames, meta = load_task(name, local(GLUE))
    assert all(split["rows"] == split["official_rows"] for split in meta["splits"].values())
    assert list(frames["train"].columns) == list(TASKS[name].columns)
