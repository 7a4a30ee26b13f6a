"""Rows without labels: which ones there are, what stands in for their labels, who learns from them."""

import numpy as np
import pandas as pd
import pytest
import torch
from glue_files import load_task, make, rows, write
from tiny import DISTILLATION, STAGE, distil, evaluate, finetune, student_job, write_data, write_frame

from kdnas.config.check import check_config
from kdnas.data.frames import fingerprint, read_meta, write_task
from kdnas.data.tasks import get_task
from kdnas.data.unlabelled import choose_unlabelled
from kdnas.errors import UserError
from kdnas.estimate.sizes import task_size
from kdnas.files.artifacts import read_json
from kdnas.files.store import Store
from kdnas.models.identity import tensors_sha256
from kdnas.models.loading import load_classifier
from kdnas.search.space import Architecture
from kdnas.training.data import collate, load_data, with_pseudo_labels
from kdnas.training.rows import Rows
from kdnas.training.scoring import predict

CPU = torch.device("cpu")
SMALL = Architecture(2, 12, 3, 24, "gelu")


def sst2(folder, **settings):
    """Write 100 training rows of which 40 are labelled, and return the data section."""
    train = rows("sst2", "train", 100).assign(label=[0] * 75 + [1] * 25)
    return make(folder, "sst2", train=train) | {"max_train_rows": {"sst2": 40}} | settings


# Which rows


def test_they_are_training_rows_that_nobody_else_has_and_come_without_labels(tmp_path):
    frames, meta = load_task("sst2", sst2(tmp_path, max_unlabelled_rows={"sst2": None}), 0.2)
    assert {split: len(frame) for split, frame in frames.items()} == {
        "train": 40,
        "heldout": 8,
        "validation": 6,
        "unlabelled": 52,
    }
    taken = [set(frames[split]["idx"]) for split in ("train", "heldout", "unlabelled")]
    assert set.union(*taken) == set(range(100)) and sum(map(len, taken)) == 100
    assert set(frames["unlabelled"]["label"]) == {-1}
    assert meta["splits"]["unlabelled"] == {"rows": 52, "official_rows": None}


def test_those_who_do_not_learn_from_them_see_the_same_data(tmp_path):
    without, before = load_task("sst2", sst2(tmp_path / "a"), 0.2)
    frames, meta = load_task("sst2", sst2(tmp_path / "b", max_unlabelled_rows={"sst2": 20}), 0.2)
    assert meta["fingerprint"] == before["fingerprint"]
    for split, frame in without.items():
        pd.testing.assert_frame_equal(frame, frames[split])
    assert (before["unlabelled_fingerprint"], "unlabelled" in without) == (None, False)
    assert meta["unlabelled_fingerprint"] == fingerprint({"unlabelled": frames["unlabelled"]})


def test_the_draw_is_of_the_data_alone_and_keeps_the_order(tmp_path):
    data = sst2(tmp_path, max_unlabelled_rows={"sst2": 20})
    numbers = load_task("sst2", data)[0]["unlabelled"]["idx"].tolist()
    assert len(numbers) == 20 and numbers == sorted(numbers)
    assert numbers != list(range(numbers[0], numbers[0] + 20))
    flipped = rows("sst2", "train", 100).assign(label=[0] * 75 + [1] * 25)
    left = flipped["idx"].isin(load_task("sst2", data)[0]["train"]["idx"])
    # the labels of all rows but the labelled ones may be anything
    frame = flipped[~left].assign(label=0)
    again = choose_unlabelled(get_task("sst2"), frame, judging=[], most=20)
    assert again["idx"].tolist() == numbers


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "json", "tsv"])
def test_a_file_of_the_users_own_is_taken_instead(tmp_path, kind):
    own = rows("rte", "unlabelled", 9).drop(columns=["label", "idx"])
    data = make(tmp_path, "rte") | {"max_unlabelled_rows": {"rte": 7}}
    if kind == "tsv":
        lines = ["sentence1\tsentence2", *("\t".join(row) for row in own.itertuples(index=False))]
        (tmp_path / "rte" / "unlabelled.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        write(tmp_path / "rte", "rte", own, "unlabelled", kind)
    frames, _ = load_task("rte", data, 0.3)
    unlabelled = frames["unlabelled"]
    assert (len(unlabelled), set(unlabelled["label"])) == (7, {-1})
    assert set(unlabelled["sentence1"]) < set(own["sentence1"])
    assert len(frames["train"]) + len(frames["heldout"]) == 6


def test_a_file_that_is_not_asked_for_is_not_read(tmp_path):
    data = make(tmp_path, "rte")
    (tmp_path / "rte" / "unlabelled.parquet").write_bytes(b"damaged")
    assert set(load_task("rte", data)[0]) == {"train", "validation"}
    with pytest.raises(UserError, match=r"unlabelled\.parquet is damaged"):
        load_task("rte", data | {"max_unlabelled_rows": {"rte": None}})


def test_rows_that_judge_are_never_learnt_from(tmp_path):
    data = make(tmp_path, "rte") | {"max_unlabelled_rows": {"rte": None}}
    judging, other = rows("rte", "validation"), rows("rte", "train", 3)
    swapped = judging.rename(columns={"sentence1": "sentence2", "sentence2": "sentence1"})
    half = judging.assign(sentence2=other["sentence2"][0])  # only the first of its two texts is the same
    write(tmp_path / "rte", "rte", pd.concat([judging, swapped, other, half]), "unlabelled", "jsonl")
    unlabelled = load_task("rte", data)[0]["unlabelled"]
    expected = pd.concat([other, half])
    assert unlabelled["sentence1"].tolist() == expected["sentence1"].tolist()
    assert unlabelled["sentence2"].tolist() == expected["sentence2"].tolist()


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (None, "data.max_unlabelled_rows has rte, which has no such rows; allowed: a task with a file"),
        (rows("rte", "validation"), "data.max_unlabelled_rows has rte, which has no such rows"),
        (rows("rte", "x").drop(columns="sentence2"), r'unlabelled\.jsonl has no column "sentence2"'),
        (rows("rte", "x").assign(sentence1=" "), r"unlabelled\.jsonl, row 1: sentence1 is empty"),
    ],
)
def test_rows_that_are_not_there_or_no_texts_are_one_sentence(tmp_path, frame, words):
    data = make(tmp_path, "rte") | {"max_unlabelled_rows": {"rte": None}}
    if frame is not None:
        write(tmp_path / "rte", "rte", frame, "unlabelled", "jsonl")
    with pytest.raises(UserError, match=words):
        load_task("rte", data)


def test_a_broken_line_of_a_table_is_named(tmp_path):
    data = make(tmp_path, "rte") | {"max_unlabelled_rows": {"rte": None}}
    (tmp_path / "rte" / "unlabelled.tsv").write_text("sentence1\tsentence2\na\tb\nc\n", encoding="utf-8")
    with pytest.raises(UserError, match=r'unlabelled\.tsv, line 3 is broken: "c"'):
        load_task("rte", data)


# The config


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"data": {"max_unlabelled_rows": 5}}, "data.max_unlabelled_rows is 5"),
        ({"data": {"max_unlabelled_rows": {"mnli": -1}}}, "data.max_unlabelled_rows.mnli is -1"),
        ({"data": {"max_unlabelled_rows": {"tickets": 0}}}, "data.max_unlabelled_rows has tickets"),
        ({"data": {"max_unlabelled_rows": {"tickets": 5}}}, "data.max_unlabelled_rows has tickets"),
        (
            {
                "data": {"max_unlabelled_rows": {"mnli": 5}, "max_train_rows": 600},
                "distillation": {"losses": dict.fromkeys(("hidden", "logits", "relations"), 0.0)},
            },
            "data.max_unlabelled_rows has mnli; allowed with distillation.losses 0 for all of hidden, logits",
        ),
    ],
)
def test_a_setting_that_cannot_work_is_refused(sections, words):
    with pytest.raises(UserError) as caught:
        check_config(sections)
    assert str(caught.value).startswith(words)


def test_no_rows_take_back_an_earlier_files_rows():
    no_loss = {"losses": dict.fromkeys(("hidden", "logits", "relations"), 0.0)}
    config = check_config({"data": {"max_unlabelled_rows": {"mnli": 0}}, "distillation": no_loss})
    assert config["data"]["max_unlabelled_rows"] == {}
    kept = {"mnli": 0, "cola": 5, "stsb": None}
    config = check_config({"data": {"max_unlabelled_rows": kept, "max_train_rows": 600}})
    assert config["data"]["max_unlabelled_rows"] == {"cola": 5, "stsb": None}


# What stands in for their labels


@pytest.mark.parametrize("name", ["mnli", "stsb"])
def test_the_teachers_answers_are_their_labels(name, teacher_folder, tmp_path, make_run):
    task = get_task(name)
    base = write_data(tmp_path / "data", name)
    training = {"max_length": 16, "training": STAGE}
    folder = tmp_path / "teacher"
    finetune(
        teacher_folder, base, name, training, 1, make_run(), Store(tmp_path / "s"), folder, tmp_path / "m"
    )
    teacher = load_classifier(folder).eval()
    frame = write_frame(task, 150, 1)
    data = load_data(frame, {}, task=task, tokenizer_folder=folder, max_length=16, config=teacher.config)
    data.vocabulary.shrink(teacher)
    logits = torch.from_numpy(predict(teacher, data.train, CPU))
    labels = with_pseudo_labels(data.train, labelled=20, logits=logits, kind=task.kind).labels
    assert np.array_equal(labels[:20], data.train.labels[:20])
    for row in (20, 83, 84, 149):
        inputs = {key: value for key, value in collate(data.train, [row], CPU).items() if key != "labels"}
        with torch.no_grad():
            logits = teacher(**inputs).logits[0]
        expected = logits[0] if task.regression else logits.argmax()
        assert labels[row] == pytest.approx(float(expected), abs=1e-5)
    assert labels.dtype == data.train.labels.dtype


# Who learns from them


def with_unlabelled(data, seed):
    """Add 40 unlabelled rows to a data folder."""
    meta = read_meta(data)
    frames = {split: pd.read_parquet(data / f"{split}.parquet") for split in meta["splits"]}
    frames["unlabelled"] = write_frame(get_task(meta["task"]), 40, seed).assign(label=-1)
    meta["splits"]["unlabelled"] = {"rows": 40, "official_rows": None}
    unlabelled = fingerprint({"unlabelled": frames["unlabelled"]})
    folder = data.with_name(f"unlabelled_{seed}")
    write_task(folder, frames, meta | {"unlabelled_fingerprint": unlabelled})
    return folder


def test_students_learn_from_them_and_teachers_do_not(teacher_base, tmp_path, make_run):
    plain = write_data(tmp_path / "data", "rte")
    more, other = with_unlabelled(plain, 5), with_unlabelled(plain, 6)
    store, lines, weights = Store(tmp_path / "store"), [], []
    training = {"max_length": 32, "training": STAGE}
    for data in (plain, more):
        folder = tmp_path / f"teacher_{data.name}"
        run = make_run(lines=lines)
        finetune(teacher_base, data, "rte", training, 1, run, store, folder, tmp_path / "teacher.json")
    assert lines.count("taken from the store") == 1
    for data in (plain, more, other, more):
        job = student_job("small", SMALL, "rte", 1, "student", None, folder, data, 32, DISTILLATION)
        model = tmp_path / f"student_{len(weights)}"
        distil(job, make_run(lines=lines), store, model, tmp_path / f"{model.name}.json")
        weights.append((model / "model.safetensors").read_bytes())
    assert len(set(weights)) == 3 and weights[1] == weights[3]
    assert lines.count("taken from the store") == 2
    counts = [read_json(tmp_path / f"student_{number}.json") for number in range(2)]
    assert [(count["train_rows"], count["unlabelled_rows"]) for count in counts] == [(64, 0), (64, 40)]


def test_the_fidelity_studys_full_distillation_is_a_students(teacher_folder, tmp_path, make_run):
    plain = write_data(tmp_path / "data", "mnli")
    store, digests = Store(tmp_path / "store"), set()
    entries = [{"candidate": 1, "architecture": SMALL.to_dict()}]
    for data in (plain, with_unlabelled(plain, 5), with_unlabelled(plain, 6)):
        job = student_job("small", SMALL, "mnli", 1, "student", None, teacher_folder, data, 32, DISTILLATION)
        model, metrics = tmp_path / f"student_{data.name}", tmp_path / f"{data.name}.json"
        distil(job, make_run(), store, model, metrics)
        trial = Rows.of_task("mnli", data, max_length=32, scored=["validation_matched"])
        (own,) = evaluate(entries, teacher_folder, trial, DISTILLATION, 1, make_run(), store, "student")
        assert own["weights_sha256"] == tensors_sha256(load_classifier(model).state_dict())
        assert own["quality_accuracy"] == read_json(metrics)["scores"]["validation_matched"]["accuracy"]
        digests.add(own["weights_sha256"])
    assert len(digests) == 3


def test_the_estimate_counts_them(tmp_path):
    data = sst2(tmp_path) | {"tasks": ["sst2"]}
    for value, expected in ((None, 52), (20, 20), (1000, 52)):
        config = check_config(
            {"data": data | {"max_unlabelled_rows": {"sst2": value}}, "search": {"task": "sst2"}}
        )
        size = task_size("sst2", config, None)
        assert (size.train_rows, size.heldout_rows, size.unlabelled_rows) == (40, 8, expected)
    write(tmp_path / "sst2", "sst2", rows("sst2", "unlabelled", 30), "unlabelled", "jsonl")
    assert task_size("sst2", config, None).unlabelled_rows == 30
