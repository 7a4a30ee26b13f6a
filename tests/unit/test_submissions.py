"""Test splits from every source, and the files that the GLUE leaderboard takes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from glue_files import load_task, load_test_split
from tiny import write_frame

from kdnas.data.frames import read_split, write_task
from kdnas.data.leaderboard import LEADERBOARD, leaderboard_files
from kdnas.data.local_folders import test_files as split_files
from kdnas.data.local_folders import training_files
from kdnas.data.tasks import TASKS, get_task
from kdnas.errors import UserError
from kdnas.tables.submission import predict_test, write_submission

# Typed in from the card of nyu-mll/glue and the headers of the official download, not derived.
OFFICIAL = {
    "CoLA": ("cola", "cola", "CoLA/test.tsv", 1063, "index\tsentence", "{idx}\t{0}"),
    "SST-2": ("sst2", "sst2", "SST-2/test.tsv", 1821, "index\tsentence", "{idx}\t{0}"),
    "MRPC": (
        "mrpc",
        "mrpc",
        "MRPC/test.tsv",
        1725,
        "index\t#1 ID\t#2 ID\t#1 String\t#2 String",
        "{idx}\t7\t8\t{0}\t{1}",
    ),
    "STS-B": (
        "stsb",
        "stsb",
        "STS-B/test.tsv",
        1379,
        "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2",
        "{idx}\tnews\tf\t2012\t1\tnone\tnone\t{0}\t{1}",
    ),
    "QQP": ("qqp", "qqp", "QQP/test.tsv", 390965, "id\tquestion1\tquestion2", "{idx}\t{0}\t{1}"),
    "MNLI-m": (
        "mnli",
        "mnli",
        "MNLI/test_matched.tsv",
        9796,
        "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\t"
        "sentence2_parse\tsentence1\tsentence2",
        "{idx}\t1\t2\tfiction\t(\t(\t(\t(\t{0}\t{1}",
    ),
    "MNLI-mm": (
        "mnli",
        "mnli",
        "MNLI/test_mismatched.tsv",
        9847,
        "index\tpromptID\tpairID\tgenre\tsentence1\tsentence2",
        "{idx}\t1\t2\tfiction\t{0}\t{1}",
    ),
    "QNLI": ("qnli", "qnli", "QNLI/test.tsv", 5463, "index\tquestion\tsentence", "{idx}\t{0}\t{1}"),
    "RTE": ("rte", "rte", "RTE/test.tsv", 3000, "index\tsentence1\tsentence2", "{idx}\t{0}\t{1}"),
    "WNLI": ("wnli", "wnli", "WNLI/test.tsv", 146, "index\tsentence1\tsentence2", "{idx}\t{0}\t{1}"),
    "AX": ("mnli", "ax", "diagnostic/diagnostic.tsv", 1104, "index\tsentence1\tsentence2", "{idx}\t{0}\t{1}"),
}
IDX = [3, 0, 1, 2]


def rows(name: str, count: int = 4) -> pd.DataFrame:
    """A test split as the hub has it, with quotes and non-ASCII letters and an unusual order."""
    columns = TASKS[OFFICIAL[name][0]].text_columns
    frame = pd.DataFrame({column: [f'{column} {n}: "naïve' for n in range(count)] for column in columns})
    return frame.assign(label=-1, idx=IDX if count == 4 else range(count))


def write(path: Path, name: str, frame: pd.DataFrame, kind: str = "parquet") -> Path:
    """Write a test split into its folder below ``path``; return the file."""
    _, subset, tsv, _, header, line = OFFICIAL[name]
    split = LEADERBOARD[name].split
    if kind == "tsv":
        file = path / tsv
        file.parent.mkdir(parents=True, exist_ok=True)
        texts = frame[list(TASKS[OFFICIAL[name][0]].text_columns)].to_numpy()
        lines = [line.format(*text, idx=idx) for text, idx in zip(texts, frame["idx"], strict=True)]
        file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return file
    file = path / subset / f"{split}{'-00000-of-00001' if kind == 'shards' else ''}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    if kind == "jsonl":
        file = file.with_suffix(".jsonl")
        frame.to_json(file, orient="records", lines=True)
    else:
        frame.to_parquet(file)
    return file


def local(path: Path) -> dict:
    return {"source": "local", "path": str(path), "max_train_rows": None}


def refused(name: str, data: dict, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_test_split(name, data)
    assert "\n" not in str(caught.value)


# --- the files of the leaderboard


def test_files_are_those_of_the_leaderboard():
    found = {name: (split.task, split.subset, split.rows) for name, split in LEADERBOARD.items()}
    assert found == {name: (task, subset, rows) for name, (task, subset, _, rows, _, _) in OFFICIAL.items()}
    for name, split in LEADERBOARD.items():
        validation = split.split.replace("test", "validation")
        assert name == "AX" or TASKS[split.task].display_names[validation] == name
    assert leaderboard_files(["rte", "mnli"], False) == ["MNLI-m", "MNLI-mm", "RTE"]
    assert leaderboard_files(["rte", "mnli"], True) == ["MNLI-m", "MNLI-mm", "RTE", "AX"]
    assert leaderboard_files(list(TASKS), True) == list(OFFICIAL)


@pytest.mark.parametrize(
    ("name", "logits", "expected"),
    [
        ("rte", [[2, 1], [1, 2]], ["not_entailment", "entailment"]),
        ("qnli", [[2, 1], [1, 2]], ["not_entailment", "entailment"]),
        ("wnli", [[2, 1], [1, 2]], ["1", "0"]),
        ("cola", [[2, 1], [1, 2]], ["1", "0"]),
        ("mrpc", [[2, 1], [1, 2]], ["1", "0"]),
        ("sst2", [[2, 1], [1, 2]], ["1", "0"]),
        ("qqp", [[2, 1], [1, 2]], ["1", "0"]),
        ("mnli", [[0, 0, 1], [0, 1, 0], [1, 0, 0]], ["entailment", "neutral", "contradiction"]),
        ("stsb", [[5.2], [-0.3], [3.14159], [0.5]], ["0.500", "3.142", "0.000", "5.000"]),
    ],
)
def test_a_file_has_names_or_codes_in_the_order_of_idx(tmp_path, name, logits, expected):
    """The rows come with descending idx, so the last logits belong to the first line."""
    logits = np.array(logits, dtype=np.float32)
    idx = np.arange(len(logits), 0, -1) * 10  # 2 and 10 are in another order as texts
    idx[-1] = 2
    write_submission(tmp_path / "out.tsv", get_task(name), idx, logits)
    lines = [f"{number}\t{text}" for number, text in zip(sorted(idx), expected, strict=True)]
    assert (tmp_path / "out.tsv").read_bytes().decode() == "\n".join(["index\tprediction", *lines]) + "\n"


def alone(model, tokenizer, frame: pd.DataFrame, columns: tuple[str, ...]) -> np.ndarray:
    """Return the logits (rows, labels) of one forward pass a row, without padding."""
    import torch

    logits = []
    for texts in frame[list(columns)].to_numpy().tolist():
        encoded = tokenizer(*texts, truncation=True, max_length=12, return_tensors="pt")
        with torch.inference_mode():
            logits.append(model.eval()(**encoded).logits[0].numpy())
    return np.array(logits)


def test_predictions_are_those_of_the_model_alone(teacher_base, tmp_path):
    """Against plain transformers, a row at a time."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from kdnas.models.loading import pretrained_classifier, save_classifier

    tokenizer = AutoTokenizer.from_pretrained(teacher_base)
    for name, file in (("rte", "RTE"), ("stsb", "STS-B"), ("mnli", "MNLI-mm")):
        task, folder = get_task(name), tmp_path / name
        frame = write_frame(task, 20, 3).assign(label=-1, idx=range(19, -1, -1))
        model = pretrained_classifier(teacher_base, task, dropout=0.0, seed=5)
        with torch.no_grad():  # scores around 2.5 or 0, so that no class takes all rows
            model.classifier.weight.mul_(100.0)
            middle = torch.from_numpy(alone(model, tokenizer, frame, task.text_columns).mean(axis=0))
            model.classifier.bias.sub_(middle - (2.5 if task.regression else 0.0))
        folder.mkdir()
        save_classifier(model, tokenizer_folder=teacher_base, folder=folder, details={})
        write_task(folder / "data", {LEADERBOARD[file].split: frame}, {})
        cpu, out = {"device": "cpu", "threads": 1}, folder / "out.tsv"
        predict_test(file, folder, folder / "data", max_length=12, **cpu, file=out)

        written = pd.read_csv(folder / "out.tsv", sep="\t")
        assert written["index"].tolist() == list(range(20))
        model = AutoModelForSequenceClassification.from_pretrained(folder)
        logits = alone(model, tokenizer, frame.sort_values("idx"), task.text_columns)
        if task.regression:
            expected = np.clip(logits[:, 0], 0, 5)
            assert written["prediction"].tolist() == pytest.approx(expected.tolist(), abs=6e-4)
        else:
            expected = [model.config.id2label[code] for code in logits.argmax(axis=1).tolist()]
            assert written["prediction"].tolist() == expected
        assert len(set(expected)) > 1


# --- test splits from the sources


@pytest.mark.parametrize("name", OFFICIAL)
def test_every_format_gives_the_same_unlabelled_rows(tmp_path, name):
    task, expected = TASKS[OFFICIAL[name][0]], rows(name)
    for kind in ("parquet", "shards", "jsonl", "tsv"):
        write(tmp_path / kind, name, expected, kind)
        frames, meta = load_test_split(name, local(tmp_path / kind))
        (split, frame), *rest = frames.items()
        assert (split, rest) == (LEADERBOARD[name].split, [])
        assert list(frame.columns) == list(task.columns)
        assert frame.to_numpy().tolist() == expected[list(task.columns)].to_numpy().tolist()
        sizes = {split: {"rows": 4, "official_rows": OFFICIAL[name][3]}}
        assert meta == {"task": OFFICIAL[name][0], "source": "local", "splits": sizes}
        write_task(tmp_path / "out", frames, meta)
        pd.testing.assert_frame_equal(read_split(tmp_path / "out", split), frame)


@pytest.mark.parametrize("label", [None, 1, "entailment", 0.5])
def test_labels_of_a_test_split_are_never_read(tmp_path, label):
    frame = rows("MRPC").drop(columns="label")
    write(tmp_path, "MRPC", frame if label is None else frame.assign(label=label))
    frames, _ = load_test_split("MRPC", local(tmp_path))
    assert frames["test"]["label"].tolist() == [-1] * 4


def test_a_test_split_changes_nothing_of_the_task(tmp_path):
    task = TASKS["rte"]
    for split in task.splits:
        frame = rows("RTE").assign(label=[0, 1, 0, 1])
        write(tmp_path, "RTE", frame).rename(tmp_path / "rte" / f"{split}.parquet")
    before, files = load_task("rte", local(tmp_path)), training_files(tmp_path, "rte")
    write(tmp_path, "RTE", rows("RTE"))
    frames, meta = load_task("rte", local(tmp_path))
    assert meta == before[1]
    assert list(frames) == ["train", "validation"]
    # what the workflow compares the times of
    assert training_files(tmp_path, "rte") == files
    assert [file.name for file in files] == ["train.parquet", "validation.parquet"]


def test_the_workflow_sees_the_files_of_a_split_in_either_folder(tmp_path):
    names = ("train.tsv", "dev_matched.tsv", "test_matched.tsv", "test_mismatched.tsv")
    for name in names:
        (tmp_path / "MNLI").mkdir(exist_ok=True)
        (tmp_path / "MNLI" / name).touch()
    assert [file.name for file in split_files(tmp_path, "mnli", "test_matched")] == ["test_matched.tsv"]
    assert [file.name for file in training_files(tmp_path, "mnli")] == ["dev_matched.tsv", "train.tsv"]
    for name in (
        "README.txt",
        ".train.tsv.swp",
        ".DS_Store",
        "training_notes.json",
        "backup.tsv",
    ):
        (tmp_path / "MNLI" / name).touch()  # nothing reads them
    for name in ("heldout.jsonl", "unlabelled-00000-of-00001.parquet"):
        (tmp_path / "MNLI" / name).touch()
    assert [file.name for file in training_files(tmp_path, "mnli")] == [
        "dev_matched.tsv",
        "heldout.jsonl",
        "train.tsv",
        "unlabelled-00000-of-00001.parquet",
    ]
    for name in ("test-00000-of-00001.parquet", "train-00000-of-00001.parquet"):
        (tmp_path / "sst2").mkdir(exist_ok=True)
        (tmp_path / "sst2" / name).touch()
    assert [file.name for file in split_files(tmp_path, "sst2", "test")] == ["test-00000-of-00001.parquet"]
    assert [file.name for file in training_files(tmp_path, "sst2")] == ["train-00000-of-00001.parquet"]
    assert split_files(tmp_path, "rte", "test") == training_files(tmp_path / "none", "rte") == []
    diagnostic = write(tmp_path, "AX", rows("AX"), "tsv")
    assert split_files(tmp_path, "ax", "test") == [diagnostic]


# --- what is refused


def test_data_without_a_test_split_is_one_sentence(tmp_path):
    write(tmp_path, "RTE", rows("RTE")).rename(tmp_path / "rte" / "train.parquet")
    where = re.escape(str(tmp_path / "rte"))
    sentence = (
        f"{where} has no file for the split test of rte; .* data.source local: the name test with .parquet, "
    )
    refused("RTE", local(tmp_path), sentence)
    refused("AX", local(tmp_path), r"has no folder for the task ax \(ax or diagnostic\); its folders: rte")
    refused("WNLI", local(tmp_path), r"has no folder for the task wnli \(wnli or WNLI\); its folders: rte")
    synthetic = {"source": "synthetic", "synthetic": {"seed": 1, "train_rows": 9, "validation_rows": 9}}
    refused("MNLI-m", synthetic, "data.source is synthetic, which has no split test_matched of mnli")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="sentence2"), 'has no column "sentence2"; it has sentence1, label, idx'),
        (lambda f: f[:0], "test.parquet has no rows"),
        (lambda f: f.assign(sentence1=["a", "b", " ", "c"]), "row 3: sentence1 is empty"),
        (lambda f: f.assign(idx=[0, 1, 2, 1]), "row 4: idx is 1 a second time"),
        (lambda f: f.assign(idx=[0.5, 1, 2, 3]), "row 1: idx is 0.5"),
        (lambda f: f.assign(sentence1=["a", None, "b", "c"]), "row 2: sentence1 is null"),
    ],
)
def test_a_bad_split(tmp_path, change, message):
    write(tmp_path, "WNLI", change(rows("WNLI")))
    refused("WNLI", local(tmp_path), message)


def test_the_complete_official_split_is_taken_as_it_is(tmp_path):
    write(tmp_path, "WNLI", rows("WNLI", 146).assign(sentence1=["", *["a"] * 145]))
    assert len(load_test_split("WNLI", local(tmp_path))[0]["test"]) == 146


def test_broken_lines_of_a_tsv_file(tmp_path):
    file = write(tmp_path, "WNLI", rows("WNLI", 146), "tsv")
    complete = load_test_split("WNLI", local(tmp_path))[1]
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:5], "4\tcut in", " two\tx", *lines[5:]]))
    assert load_test_split("WNLI", local(tmp_path))[1] == complete
    file.write_text("\n".join([*lines[:5], "4\tone\ttab\ttoo many", *lines[6:]]))
    refused("WNLI", local(tmp_path), "test.tsv, line 6 is broken: .*too many")
    file.write_text("\n".join([lines[0], "first\ta\tb"]))
    refused("WNLI", local(tmp_path), "test.tsv, line 2 is broken: .*first")
    file.write_text("\n".join(["sentence1\tsentence2", "a\tb"]))
    refused("WNLI", local(tmp_path), 'test.tsv has no column "index"')


def test_a_tsv_file_with_labels_is_read_without_them(tmp_path):
    file = write(tmp_path, "RTE", rows("RTE"), "tsv")
    lines = file.read_text().splitlines()
    file.write_text("\n".join([f"{lines[0]}\tlabel", *(f"{line}\tentailment" for line in lines[1:])]))
    frames, _ = load_test_split("RTE", local(tmp_path))
    assert frames["test"]["label"].tolist() == [-1] * 4
    assert frames["test"]["idx"].tolist() == IDX


def test_the_hub(monkeypatch):
    """MRPC's labels are real there, the others' are -1; the diagnostic set is a subset of its own."""
    import datasets

    def load_dataset(path, name, revision):
        assert (path, revision) == ("nyu-mll/glue", "abc123")
        frame = {"mrpc": rows("MRPC").assign(label=[0, 1, 1, 0]), "ax": rows("AX")}[name]
        labels = TASKS["mrpc" if name == "mrpc" else "mnli"].labels
        features = {column: datasets.Value("string") for column in frame.columns[:2]}
        features |= {"label": datasets.ClassLabel(names=list(labels)), "idx": datasets.Value("int32")}
        split = datasets.Dataset.from_pandas(frame, features=datasets.Features(features))
        return datasets.DatasetDict({"test" if name == "ax" else "train": split} | {"test": split})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    hub = {"source": "hub", "revision": "abc123"}
    for name in ("MRPC", "AX"):
        frames, meta = load_test_split(name, hub)
        assert frames["test"]["label"].tolist() == [-1] * 4
        assert frames["test"]["idx"].tolist() == IDX
        assert (meta["source"], list(meta["splits"])) == ("hub", ["test"])

    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.DatasetDict())
    refused("RTE", hub, "nyu-mll/glue/rte/test does not exist at revision abc123")
