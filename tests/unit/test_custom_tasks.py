"""Tasks of the user's own: defined in the config, read from a folder, and told apart by all that they are."""

import json
import math

import fabricate
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from glue_files import load_task, local, write
from tiny import STAGE, finetune, write_frame

from kdnas.config.check import check_config
from kdnas.data.metrics import compute
from kdnas.data.sources import write_task
from kdnas.data.tasks import completed, get_task, task_definitions
from kdnas.errors import UserError
from kdnas.estimate.sizes import task_size
from kdnas.files.artifacts import read_json
from kdnas.files.store import Store
from kdnas.tables.glue import glue_table

CLASSES = {"text_columns": ["body"], "labels": ["low", "mid", "high"], "metrics": ["accuracy"]}
NUMBER = {"text_columns": ["a", "b"], "labels": None, "metrics": ["pearson", "spearman"]}
TICKETS = {"name": "tickets", **CLASSES}
LIKENESS = {"name": "likeness", **NUMBER}


def data(**settings):
    own = {"source": "local", "path": "mine", "custom_tasks": {"tickets": CLASSES, "likeness": NUMBER}}
    return own | {"tasks": ["tickets", "mnli", "likeness"]} | settings


def config(**settings):
    return {"data": data(**settings), "search": {"task": "tickets"}}


def refusal(given):
    with pytest.raises(UserError) as caught:
        check_config(given)
    return str(caught.value)


def tickets(rows=6):
    frame = pd.DataFrame(
        {"body": [f'"ticket" {row}, naïve' for row in range(rows)], "ticket_id": range(rows)}
    )
    return frame.assign(label=[row % 3 for row in range(rows)])


def write_tickets(folder, kind, train=None):
    for split in ("train", "validation"):
        frame = tickets() if train is None or split == "validation" else train
        if kind == "tsv":
            folder.mkdir(parents=True, exist_ok=True)
            lines = ["label\tticket_id\tbody"]
            lines += [f"{get_task(TICKETS).labels[row.label]}\t7\t{row.body}" for row in frame.itertuples()]
            (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        else:
            write(folder, "tickets", frame, split, kind)


# The definition


COMPLETE = {**LIKENESS, "scale": [3.5, 0.5], "test": True}


@pytest.mark.parametrize(
    "definition", [TICKETS, LIKENESS, COMPLETE, TICKETS | {"class_weights": "balanced"}, "mnli", "stsb"]
)
def test_a_definition_makes_its_task_and_the_task_gives_it_back(definition):
    assert get_task(definition).definition == definition
    assert json.loads(json.dumps(definition)) == definition


def test_a_custom_task_has_what_its_entry_says():
    task = get_task(TICKETS)
    assert (task.columns, task.num_labels, task.regression) == (("body", "label", "idx"), 3, False)
    assert task.evaluation_splits == ("validation",)
    assert task.display_names["validation"] == "tickets"
    assert task.primary({"accuracy": 0.25}) == 0.25
    assert get_task(LIKENESS).label_range == (-math.inf, math.inf)
    assert get_task(LIKENESS).regression
    assert (task.custom, get_task("rte").custom) == (True, False)


def test_the_config_defines_its_tasks_in_their_order():
    found = task_definitions(check_config(config())["data"])
    assert list(found.items()) == [("tickets", TICKETS), ("mnli", "mnli"), ("likeness", LIKENESS)]


def test_a_definition_has_nothing_that_only_reading_depends_on():
    """Else a model would be trained anew because a column has another name."""
    entry = {"text_columns": ["body"], "metrics": ["macro_f1"], "label_column": "x", "encoding": "cp1252"}
    found = task_definitions(check_config(config(custom_tasks={"tickets": entry}, tasks=["tickets"]))["data"])
    assert found == {
        "tickets": {"name": "tickets", "text_columns": ["body"], "labels": None, "metrics": ["macro_f1"]}
    }


def test_classes_that_only_the_rows_tell_are_asked_for_in_vain_before():
    task = get_task({**TICKETS, "labels": None})
    assert task.open and not task.regression
    with pytest.raises(ValueError, match="the classes of tickets are those of its training rows"):
        task.num_labels  # noqa: B018
    assert not get_task(completed(task.definition, {"found": {"labels": ["a", "b"]}})).open


# What the config refuses


@pytest.mark.parametrize("name", ["rte", "ax", "base", "average", "average_without_cola", "teacher_share"])
def test_a_name_that_something_else_has_is_refused(name):
    given = config(custom_tasks={"tickets": CLASSES, name: CLASSES}, tasks=["tickets"])
    assert refusal(given).startswith(f"data.custom_tasks has {name}; allowed: a name other than cola,")


@pytest.mark.parametrize("name", ["Tickets", "../x", "a b", "1st", "", "{x}", "a" * 61])
def test_a_name_that_is_no_safe_file_name_is_refused(name):
    given = config(custom_tasks={"tickets": CLASSES, name: CLASSES}, tasks=["tickets"])
    assert refusal(given).startswith("data.custom_tasks has the key")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labels": ["a"]}, "tickets.labels is"),
        ({"labels": [True, False]}, "tickets.labels[0] is true;"),
        (
            {"labels": [0, 1]},
            "tickets.labels[0] is 0; allowed: text without control characters, at most 200 characters "
            "(it was not read as text: put the value in quotes)",
        ),
        ({"labels": ["a", "a"]}, "without repeats"),
        ({"text_columns": []}, "tickets.text_columns is []; allowed: a list, not empty, at most 2 items"),
        ({"text_columns": ["a", "b", "c"]}, "allowed: a list, not empty, at most 2 items"),
        ({"text_columns": ["label"]}, "tickets.text_columns has label; allowed: columns of text"),
        (
            {"label_column": "body"},
            "text_columns has body; allowed: columns of text whose name is not body or given_answers or "
            "idx or label",
        ),
        ({"metrics": ["f1"]}, "metrics has f1; allowed with 3 classes: accuracy, matthews, macro_f1"),
        ({"metrics": ["roc_auc"]}, "metrics has roc_auc; allowed with 3 classes: accuracy, matthews"),
        ({"metrics": ["pearson"]}, "metrics has pearson; allowed with 3 classes: accuracy, matthews"),
        (
            {"labels": None, "metrics": ["pearson", "f1"]},
            "metrics has f1; allowed with pearson, which is for numbers: pearson, spearman",
        ),
        (
            {"labels": None, "metrics": ["f1", "pearson"]},
            "metrics has pearson; allowed with f1, which is for classes: accuracy, f1, matthews",
        ),
        (
            {"labels": None, "metrics": ["pearson"], "class_weights": "balanced"},
            "tickets.class_weights is balanced; allowed for a number: none",
        ),
        ({"class_weights": "inverse"}, 'class_weights is "inverse"; allowed: one of none, balanced'),
        ({"encoding": "hex"}, 'tickets.encoding is "hex"; allowed: an encoding of text that Python knows'),
        ({"validation_share": 0.6}, "validation_share is 0.6; allowed: a number (above 0, at most 0.5)"),
        ({"hub": {"repository": "a/b"}}, "tickets.hub.revision is missing; allowed: a full commit"),
        (
            {"hub": {"repository": "a/b/c", "revision": "a" * 40}},
            'hub.repository is "a/b/c"; allowed: a data set\'s id, such as owner/name',
        ),
        (
            {"hub": {"repository": "a/b", "revision": "a" * 40, "splits": {"dev": "x"}}},
            "hub.splits.dev is not a key of the configuration; allowed: train, validation, test, heldout",
        ),
        ({"metric": "f1"}, "did you mean data.custom_tasks.tickets.metrics?"),
    ],
)
def test_an_entry_that_is_no_task_is_refused(changes, words):
    assert words in refusal(config(custom_tasks={"tickets": CLASSES | changes}, tasks=["tickets"]))


def test_a_key_that_is_missing_is_named():
    without = {key: value for key, value in CLASSES.items() if key != "metrics"}
    words = refusal(config(custom_tasks={"tickets": without}, tasks=["tickets"]))
    assert words.startswith("data.custom_tasks.tickets.metrics is missing; allowed: a list, not empty")


def test_f1_is_for_two_classes():
    check_config(
        config(
            custom_tasks={"tickets": CLASSES | {"labels": ["no", "yes"], "metrics": ["f1"]}},
            tasks=["tickets"],
        )
    )


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"data": data(tasks=["tickets", "other"])}, "data.tasks"),
        ({"data": data(max_train_rows={"other": 5})}, "data.max_train_rows"),
        (
            {"data": data(), "teacher": {"intermediate_tasks": {"other": "tickets"}}},
            "teacher.intermediate_tasks",
        ),
        (
            {"data": data(), "distillation": {"start_from_search_task": ["other"]}},
            "distillation.start_from_search_task",
        ),
    ],
)
def test_every_key_that_names_a_task_wants_one_that_is_there(given, key):
    words = refusal({"search": {"task": "tickets"}, **given})
    assert words.startswith(f"{key} has other; allowed: cola, sst2,")
    assert words.endswith("or a name in data.custom_tasks (tickets, likeness)")


def test_every_key_that_names_a_task_takes_a_custom_one():
    check_config(
        config(max_train_rows={"tickets": 5})
        | {
            "teacher": {"intermediate_tasks": {"likeness": "tickets"}},
            "distillation": {"start_from_search_task": ["likeness"]},
        }
    )


def test_a_custom_task_comes_from_a_folder_or_its_own_data_set():
    words = refusal(config(source="synthetic", path=None))
    assert words.startswith("data.tasks has tickets; allowed with data.source synthetic: ")
    words = refusal(config(source="hub", path=None))
    assert words.startswith(
        "data.custom_tasks.tickets.hub is null; allowed with data.source hub: the repository"
    )
    hub = {"repository": "somebody/tickets", "revision": "a" * 40}
    tasks = {"tickets": CLASSES | {"hub": hub}, "likeness": NUMBER}  # which data.tasks does not name
    checked = check_config(config(source="hub", custom_tasks=tasks, tasks=["tickets", "mnli"]))
    assert checked["data"]["custom_tasks"]["tickets"]["hub"]["splits"]["validation"] is None


# Its data


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "json", "tsv", "shards"])
def test_every_format_gives_the_same_rows(tmp_path, kind):
    write_tickets(tmp_path / "tickets", kind)
    frames, meta = load_task(TICKETS, local(tmp_path))
    for frame in frames.values():
        assert list(frame.columns) == ["body", "label", "idx"]
        assert list(frame["label"]) == [0, 1, 2, 0, 1, 2]
        assert frame["body"][5] == '"ticket" 5, naïve'
    assert meta["task"] == "tickets"
    assert meta["splits"]["validation"] == {"rows": 6, "official_rows": None}


def test_tsv_may_have_a_column_after_the_text_and_a_tab_inside_a_text_is_told(tmp_path):
    folder = tmp_path / "tickets"
    folder.mkdir()
    text = "label\tbody\tsource\n" + "".join(f"{name}\ta {name} one\tweb\n" for name in CLASSES["labels"])
    for split in ("train", "validation"):
        (folder / f"{split}.tsv").write_text(text)
    frames, _ = load_task(TICKETS, local(tmp_path))
    assert list(frames["train"]["body"]) == [f"a {name} one" for name in CLASSES["labels"]]
    (folder / "train.tsv").write_text(text + "low\tcut\there\tweb\n")
    with pytest.raises(
        UserError, match="train.tsv, line 5 is broken: .*needs the columns label, body, source"
    ):
        load_task(TICKETS, local(tmp_path))


def test_numbers_are_read_with_two_texts(tmp_path):
    for split in ("train", "validation"):
        write(
            tmp_path / "likeness",
            "likeness",
            pd.DataFrame({"a": ["x", "y"], "b": "z", "label": [0.5, 5]}),
            split,
            "jsonl",
        )
    frames, _ = load_task(LIKENESS, local(tmp_path))
    assert frames["train"]["label"].tolist() == [0.5, 5.0]


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "tsv", "shards"])
def test_a_missing_column_is_told_with_those_that_are_there(tmp_path, kind):
    write_tickets(tmp_path / "tickets", kind)
    wanted = {"name": "tickets", **CLASSES, "text_columns": ["text"]}
    with pytest.raises(UserError, match='has no column "text"; (it|its first line) has .*body.*') as caught:
        load_task(wanted, local(tmp_path))
    assert "ticket_id" in str(caught.value)


def test_a_missing_folder_is_named_as_it_should_be(tmp_path):
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError, match=r"no folder for the task tickets \(tickets\); its folders: other$"):
        load_task(TICKETS, local(tmp_path))


def test_an_unknown_label_is_told_with_the_names_of_the_entry(tmp_path):
    labels = ["low", "mid", "high", "low", "mid", "worst"]
    write_tickets(tmp_path / "tickets", "jsonl", tickets().assign(label=labels))
    with pytest.raises(
        UserError, match=r'row 6: label is "worst"; allowed: 0 \(low\), 1 \(mid\), 2 \(high\)'
    ):
        load_task(TICKETS, local(tmp_path))


STARS = ["1", "2", "3", "4", "5"]


def write_labels(folder, labels, kind="jsonl", names=None):
    """Two splits of one row a label in ``labels``; a Parquet file may declare class names."""
    frame = pd.DataFrame({"body": [f"text {row}" for row in range(len(labels))], "label": labels})
    for split in ("train", "validation"):
        frame = frame.assign(body=split + frame["body"])
        if kind == "tsv":
            folder.mkdir(parents=True, exist_ok=True)
            frame.to_csv(folder / f"{split}.tsv", sep="\t", index=False)
        elif names is not None:
            notes = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
            table = pa.Table.from_pandas(frame, preserve_index=False)
            folder.mkdir(parents=True, exist_ok=True)
            pq.write_table(
                table.replace_schema_metadata({b"huggingface": json.dumps(notes).encode()}),
                folder / f"{split}.parquet",
            )
        else:
            write(folder, "tickets", frame, split, kind)


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "tsv"])
@pytest.mark.parametrize(
    ("names", "labels", "codes"),
    [
        (STARS, [5, 1, 2, 3, 4], [4, 0, 1, 2, 3]),
        (STARS, ["5", "1", "2", "3", "4"], [4, 0, 1, 2, 3]),
        (["0", "1"], [1, 0], [1, 0]),
        (["1", "0"], [1, 0], [0, 1]),
        (["-1", "0", "1"], [0, -1, 1], [1, 0, 2]),
        (["0", "1", "rest"], [2, 0, 1], [2, 0, 1]),  # each number is its own code: codes are read too
        (["no", "yes"], [1, 0], [1, 0]),
    ],
)
def test_a_name_that_is_a_number_is_a_name(tmp_path, names, labels, codes, kind):
    write_labels(tmp_path / "tickets", labels, kind)
    frames, _ = load_task({**TICKETS, "labels": names}, local(tmp_path))
    assert frames["train"]["label"].tolist() == frames["validation"]["label"].tolist() == codes


@pytest.mark.parametrize("labels", [[0, 1, 2, 3, 4], ["1", "2", "3", "4", "0"]])
def test_a_code_beside_names_that_are_numbers_is_refused_and_never_shifted(tmp_path, labels):
    write_labels(tmp_path / "tickets", labels)
    with pytest.raises(
        UserError,
        match=r'label is "?0"?; allowed: 1, 2, 3, 4, 5 \(names only, not codes, because a name is a whole',
    ):
        load_task({**TICKETS, "labels": STARS}, local(tmp_path))


def test_codes_that_their_file_calls_codes_are_read_as_such(tmp_path):
    write_labels(tmp_path / "tickets", [1, 0, 4, 3, 2], names=STARS)
    frames, _ = load_task({**TICKETS, "labels": STARS}, local(tmp_path))
    assert frames["train"]["label"].tolist() == [1, 0, 4, 3, 2]
    write_labels(tmp_path / "tickets", [1, 0, -1], names=["-1", "0", "1"])
    with pytest.raises(UserError, match='row 3: label is "code -1"'):
        load_task({**TICKETS, "labels": ["-1", "0", "1"]}, local(tmp_path))


# Training and scoring


def test_metrics_are_those_of_the_entry():
    two = {**TICKETS, "labels": ["no", "yes"], "metrics": ["f1", "matthews"]}
    scores = compute(two, np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0]))
    assert scores == pytest.approx({"f1": 2 / 3, "matthews": 2 / 12**0.5})


def test_two_tasks_of_one_name_share_no_teacher(teacher_base, tmp_path, make_run):
    """Same name, same rows: what differs is how they are scored, or what a code means."""
    task = get_task(TICKETS)
    frames = {split: write_frame(task, 24, number) for number, split in enumerate(task.splits)}
    splits = {split: {"rows": 24, "official_rows": None} for split in frames}
    meta = {"task": "tickets", "synthetic": False, "fingerprint": "same", "splits": splits}
    write_task(tmp_path / "data", frames, meta)
    settings = {"max_length": 16, "training": STAGE | {"epochs": 1}}

    def teach(definition, folder):
        lines = []
        finetune(
            teacher_base,
            tmp_path / "data",
            definition,
            settings,
            1,
            make_run(lines=lines),
            Store(tmp_path / "store"),
            tmp_path / folder / "model",
            tmp_path / folder / "metrics.json",
        )
        return "taken from the store" in lines, read_json(tmp_path / folder / "metrics.json")

    from_store, metrics = teach(TICKETS, "first")
    assert not from_store
    assert set(metrics["scores"]["validation"]) == {"accuracy"}
    assert metrics["official_rows"] == {"validation": None}
    assert read_json(tmp_path / "first" / "model" / "kdnas.json")["task"] == "tickets"
    assert teach(TICKETS, "again")[0]
    from_store, metrics = teach({**TICKETS, "metrics": ["matthews"]}, "scored otherwise")
    assert not from_store and set(metrics["scores"]["validation"]) == {"matthews"}
    assert not teach({**TICKETS, "labels": ["high", "mid", "low"]}, "other codes")[0]


# The table and the estimate


def records(folder, scores):
    paths = []
    for task, (metric, value) in scores.items():
        for model in ("teacher", "small"):
            official = {"validation": None} if task == "tickets" else {"validation": 277}
            path = fabricate.metrics(
                folder,
                model,
                task,
                1,
                {"validation": {metric: value}},
                rows={"validation": 277},
                official_rows=official,
            )
            paths.append(path)
    return paths


def test_the_table_has_a_column_for_it_and_is_not_called_glue(tmp_path):
    mixed = glue_table(
        records(tmp_path, {"tickets": ("accuracy", 0.5), "rte": ("accuracy", 0.7)}), [TICKETS, "rte"]
    )
    assert mixed.title == "Development sets, not all of them GLUE's"
    assert list(mixed.shown.columns[:4]) == ["Model", "tickets", "RTE", "Avg."]
    assert list(mixed.shown["Avg."]) == ["60.0", "60.0"]
    assert "Tasks of the user's own, not GLUE's: tickets." in mixed.notes
    alone = glue_table(records(tmp_path, {"tickets": ("accuracy", 0.5)}), [TICKETS])
    assert alone.title == "Development sets of your own data"
    assert not any("Not in this run" in note for note in alone.notes)
    assert alone.notes[0] == "Points, 0 to 100. Accuracy."
    assert "Average over 1 task (tickets)." in alone.notes


def test_a_test_split_has_a_column_and_is_in_no_average(tmp_path):
    paths = [
        fabricate.metrics(
            tmp_path,
            model,
            "tickets",
            1,
            {"validation": {"accuracy": 0.5}, "test": {"accuracy": 0.9}},
            rows={"validation": 20, "test": 30},
            official_rows={"validation": None, "test": None},
        )
        for model in ("teacher", "small")
    ]
    table = glue_table(paths, [{**TICKETS, "labels": None}])
    assert list(table.shown.columns[:4]) == ["Model", "tickets", "tickets (test)", "Avg."]
    assert list(table.shown["tickets (test)"]) == ["90.0", "90.0"]
    assert list(table.shown["Avg."]) == ["50.0", "50.0"]
    assert "Test splits of the user's own, in no average: tickets (test)." in table.notes
    assert table.data.loc[table.data["split"] == "test", "in_average"].tolist() == [False, False]


def test_the_estimate_counts_its_rows_and_bounds_its_lengths(tmp_path):
    write_tickets(tmp_path / "tickets", "parquet", tickets(60))
    checked = check_config(config(path=str(tmp_path)) | {"teacher": {"max_length": 48}})
    size = task_size("tickets", checked, None)
    assert (size.train_rows, size.heldout_rows, size.evaluation_rows, size.tokens) == (48, 12, 6, 48)
    write(tmp_path / "tickets", "tickets", tickets(9), "heldout", "jsonl")
    size = task_size("tickets", checked, None)
    assert (size.train_rows, size.heldout_rows, size.evaluation_rows) == (60, 9, 6)
    (tmp_path / "tickets" / "validation.parquet").unlink()
    own = {"tickets": {"text_columns": ["body"], "metrics": ["accuracy"]}}
    given = config(path=str(tmp_path), custom_tasks=own, tasks=["tickets"])
    size = task_size("tickets", check_config(given), None)
    assert (size.train_rows, size.heldout_rows, size.evaluation_rows) == (54, 9, 6)
    own["tickets"]["hub"] = {"repository": "a/b", "revision": "a" * 40}
    with pytest.raises(
        UserError, match="tickets has not been fetched, so its rows cannot be counted; allowed"
    ):
        task_size("tickets", check_config(given | {"data": given["data"] | {"source": "hub"}}), None)
    with pytest.raises(UserError, match='data.path is ".*/none", which is not a folder'):
        task_size("tickets", check_config(config(path=f"{tmp_path}/none")), None)
