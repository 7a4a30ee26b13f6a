"""The first configuration that `python -m kdnas init` writes for rows and a model of one's own."""

import json
from pathlib import Path

import pytest
import yaml
from tiny import write_teacher

from kdnas.__main__ import main
from kdnas.config.check import check_config


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "reviews").mkdir(parents=True)
    return tmp_path / "data" / "reviews"


def write_rows(folder, rows, name="train.jsonl"):
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def drafted(*arguments):
    """Run the command and return what it wrote, checked as a run checks it."""
    assert main(["init", "data/reviews", *arguments]) == 0
    config = yaml.safe_load(Path("reviews.yaml").read_text())
    assert check_config(config)["experiment"] == "reviews"
    return config


def rows_of(labels, **more):
    return [{"text": f"what a film, number {i}", "label": label} | more for i, label in enumerate(labels)]


def test_a_second_draft_of_a_task_has_results_of_its_own(folder):
    write_rows(folder, rows_of(["bad", "good"] * 20))
    drafted()
    assert main(["init", "data/reviews", "--output", "with my bert.yaml"]) == 0
    config = check_config(yaml.safe_load(Path("with my bert.yaml").read_text()))
    assert config["experiment"] == "with_my_bert"
    assert config["search"]["task"] == "reviews"


@pytest.mark.parametrize(
    ("labels", "metrics"),
    [
        (["bad", "good"] * 20, ["accuracy"]),
        (["bad"] * 36 + ["good"] * 4, ["accuracy", "macro_f1"]),  # nine in ten are of one class
        ([1, 2, 3, 4, 5] * 8, ["accuracy", "macro_f1"]),
        ([i / 7 for i in range(40)], ["pearson", "spearman"]),
        (list(range(0, 120, 3)), ["pearson", "spearman"]),  # whole numbers, 40 different ones
        (list(range(101)) * 2, ["pearson", "spearman"]),  # percentages
        ([0, 25, 50, 75, 100] * 8, ["pearson", "spearman"]),
        ([7, 8, 9] * 14, ["pearson", "spearman"]),
        ([-1, 0, 1] * 14, ["accuracy", "macro_f1"]),
        ([0, 4] * 20, ["accuracy"]),
        (["1.0", "2.0", "3.5"] * 14, ["pearson", "spearman"]),
    ],
)
def test_labels_decide_the_metrics(labels, metrics, folder):
    write_rows(folder, rows_of(labels))
    entry = drafted()["data"]["custom_tasks"]["reviews"]
    assert entry == {"text_columns": ["text"], "label_column": "label", "metrics": metrics}


@pytest.mark.parametrize(
    ("labels", "doubt"),
    [
        (
            [1, 2, 3, 4, 5] * 8,
            "if these 5 whole numbers are amounts, as stars may be, metrics: [pearson, spearman]",
        ),
        ([0, 25, 50, 100] * 10, "if these 4 whole numbers are classes, metrics: [accuracy, macro_f1]"),
        (["bad", "good"] * 20, None),
        ([0, 1] * 20, None),
        ([i / 7 for i in range(40)], None),
    ],
)
def test_what_else_numbers_could_be_is_said(labels, doubt, folder, capsys):
    write_rows(folder, rows_of(labels))
    drafted()
    text, output = Path("reviews.yaml").read_text(), capsys.readouterr().out
    if doubt is None:
        assert "    # if" not in text and "Or: " not in output
    else:
        assert f"    # {doubt}\n    reviews: {{" in text and f"Or: {doubt}.\n" in output


def test_joined_labels_are_drafted_as_several(folder):
    write_rows(folder, rows_of(["sport", "money", "sport;money", "money;sport"] * 10))
    entry = drafted()["data"]["custom_tasks"]["reviews"]
    assert entry["multi_label"] is True and entry["label_separator"] == ";"
    assert entry["metrics"] == ["micro_f1", "macro_f1"]


def test_all_files_are_read_as_a_run_reads_them(folder, capsys):
    write_rows(folder, rows_of(["bad", "good", "nan"] * 20))
    write_rows(folder, rows_of(["bad", "good"] * 5), "train_2.jsonl")
    drafted()
    output = capsys.readouterr().out
    assert (
        "Warning: the folder of reviews has files that are no split's and were not read: train_2.jsonl"
        in output
    )
    assert 'Warning: "nan", a class of reviews (20 of 60 training rows), often stands for a missing' in output
    Path("reviews.yaml").unlink()
    write_rows(folder, rows_of(["bad", "new"] * 5), "dev.jsonl")
    assert main(["init", "data/reviews"]) == 1
    assert 'dev.jsonl, row 2: label is "new"; allowed: one of the 3 classes' in capsys.readouterr().err
    assert not Path("reviews.yaml").exists()


def test_a_column_that_is_there_twice(folder, capsys):
    rows = "".join(f"what a film {i},more,{'ab'[i % 2]}\n" for i in range(40))
    (folder / "train.csv").write_text(f"text,note,label\n{rows}")
    drafted()
    Path("reviews.yaml").unlink()
    (folder / "train.csv").write_text(f"text,text,label\n{rows}")
    assert main(["init", "data/reviews"]) == 1
    assert 'has the column "text" twice; keep one' in capsys.readouterr().err


def test_many_classes_get_a_held_out_row_each(folder):
    write_rows(folder, rows_of([f"c{i % 77}" for i in range(5 * 77)]))
    # of the 347 rows that a validation split leaves
    assert drafted()["search"]["proxy"]["heldout"] == 0.222


def test_the_folder_may_be_the_one_that_the_command_runs_in(folder, monkeypatch, capsys):
    write_rows(folder, rows_of(["bad", "good"] * 20))
    monkeypatch.chdir(folder)
    assert main(["init", "."]) == 0
    assert yaml.safe_load(Path("reviews.yaml").read_text())["data"]["path"] == ".."


def test_csv_as_spreadsheets_write_it(folder, capsys):
    lines = [f'"card {i}, ""lost""",lost_card,x' for i in range(20)] + [
        f"fee {i} twice,fee,y" for i in range(20)
    ]
    (folder / "train.csv").write_text("\ufeffBody,Category,id\n" + "\n".join(lines), encoding="utf-8")
    entry = drafted()["data"]["custom_tasks"]["reviews"]
    assert (entry["text_columns"], entry["label_column"]) == (["Body"], "Category")
    assert '40 rows of data/reviews/train.csv, texts in "Body", labels in "Category": 2 classes' in (
        capsys.readouterr().out
    )


def test_columns_that_are_named_and_pairs_that_are_usual(folder):
    rows = [
        {
            "premise": f"a man walks {i}",
            "hypothesis": f"a man runs {i}",
            "note": f"some note here {i}",
            "label": i % 3,
        }
        for i in range(30)
    ]
    write_rows(folder, rows)
    assert drafted()["data"]["custom_tasks"]["reviews"]["text_columns"] == ["premise", "hypothesis"]
    assert main(["init", "data/reviews", "--text", "note", "--output", "other.yaml"]) == 0
    other = yaml.safe_load(Path("other.yaml").read_text())
    assert other["data"]["custom_tasks"]["reviews"]["text_columns"] == ["note"]


def test_space_is_below_the_model_in_whole_heads(folder):
    write_rows(folder, rows_of(["bad", "good"] * 20))
    write_teacher(folder.parent.parent / "my-model", "bert", num_hidden_layers=6)
    config = drafted("--model", "my-model")
    assert config["teacher"]["source"] == "local" and config["teacher"]["name"] == "my-model"
    space = config["search"]["space"]
    assert space["layers"] == [2, 3, 4, 5, 6]
    assert [
        size // heads for size, heads in zip(space["hidden_size"], space["attention_heads"], strict=True)
    ] == [space["head_size"]] * len(space["hidden_size"])


def test_many_rows_and_unlabelled_ones(folder):
    write_rows(folder, rows_of(["bad", "good"] * 15_000))
    data = drafted()["data"]
    assert data["max_train_rows"] == {"reviews": 20_000} == data["max_unlabelled_rows"]
    (folder / "train.jsonl").unlink()
    (folder.parent.parent / "reviews.yaml").unlink()
    write_rows(folder, rows_of(["bad", "good"] * 100))
    write_rows(folder, [{"text": "more"}], "unlabelled.jsonl")
    data = drafted()["data"]
    assert "max_train_rows" not in data and data["max_unlabelled_rows"] == {"reviews": None}


@pytest.mark.parametrize(
    ("rows", "arguments", "sentence"),
    [
        ([], ["data/nowhere"], "there is no folder data/nowhere; allowed: one that holds train.csv"),
        (rows_of("ab"), ["data/reviews/train.jsonl"], "is a file; allowed: the folder of a task"),
        (rows_of("ab"), ["data"], "data has no training file; allowed: train with"),
        ([{"text": "a b", "answer": 1}], ["data/reviews"], "allowed: --label with one of text, answer"),
        (rows_of("ab"), ["data/reviews", "--text", "body"], 'no column "body"; its columns: text, label'),
        ([{"a": "a b", "b": "c d", "label": 1}], ["data/reviews"], "allowed: --text with one or two of them"),
        (rows_of("aaaa"), ["data/reviews"], '1 different values in the column "label" of 4 rows'),
        (rows_of("abcd"), ["data/reviews"], '4 different values in the column "label" of 4 rows'),
        (rows_of("ab" * 4), ["data/reviews", "--model", "nowhere"], "there is no such folder"),
    ],
)
def test_what_cannot_be_told_is_one_sentence(rows, arguments, sentence, folder, capsys):
    write_rows(folder, rows)
    assert main(["init", *arguments]) == 1
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1
    assert not list(folder.parent.parent.glob("*.yaml"))


def test_nothing_is_written_over(folder, capsys):
    write_rows(folder, rows_of(["bad", "good"] * 20))
    drafted()
    before = Path("reviews.yaml").read_text()
    assert main(["init", "data/reviews"]) == 1
    assert "reviews.yaml is there already; allowed: --output" in capsys.readouterr().err
    assert Path("reviews.yaml").read_text() == before


@pytest.mark.parametrize("text", ["", "text\tlabel\na b\tx\ny\tz\tmore\tand more\n"])
def test_a_broken_tsv_is_one_sentence(text, folder, capsys):
    (folder / "train.tsv").write_text(text)
    assert main(["init", "data/reviews"]) == 1
    error = capsys.readouterr().err
    assert "train.tsv is not a TSV file with column names (" in error and error.count("\n") == 1
