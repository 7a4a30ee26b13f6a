"""Answers of a teacher outside of the workflow: how they are read, refused, learned and told of."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from glue_files import load_task, local
from tiny import DISTILLATION, STAGE, WORDS, distil, evaluate, student_job

from kdnas.config.check import check_config
from kdnas.data.frames import fingerprint, read_split, write_split, write_task
from kdnas.data.kinds import CERTAIN, Classes, LabelSets, Numbers
from kdnas.data.proxy import build_proxy
from kdnas.data.remarks import remarks
from kdnas.data.tasks import completed, get_task
from kdnas.errors import UserError
from kdnas.files.artifacts import read_json
from kdnas.files.store import Store
from kdnas.models.loading import load_classifier
from kdnas.models.tokenizer import load_tokenizer
from kdnas.search.space import Architecture
from kdnas.teachers.finetune import finetune_teacher
from kdnas.teachers.given import save_given_answers
from kdnas.training.recipe import Recipe, Stage
from kdnas.training.rows import Answers, Rows

ENTRY = {"text_columns": ["text"], "labels": ["calm", "loud"], "metrics": ["accuracy"]}
MOODS = {"name": "moods", **ENTRY}
NUMBER = {"name": "moods", "text_columns": ["text"], "labels": None, "metrics": ["pearson"]}
SETS = {"name": "moods", **ENTRY, "metrics": ["micro_f1"], "multi_label": True, "threshold": 0.5}
COLUMNS = {"answer_columns": ["p_calm", "p_loud"]}
TRAIN = pd.DataFrame(
    {
        "text": [f"a text {row}" for row in range(6)],
        "label": ["calm", "loud"] * 3,
        "p_calm": [0.9, 0.2, 0.75, 0.4, 0.25, 1.0],
        "p_loud": [0.1, 0.8, 0.25, 0.6, 0.75, 0.0],
    }
)
ANSWERS = [(0.9, 0.1), (0.2, 0.8), (0.75, 0.25), (0.4, 0.6), (0.25, 0.75), (1.0, 0.0)]
JUDGING = pd.DataFrame({"text": [f"another {row}" for row in range(4)], "label": ["calm", "loud"] * 2})
OTHERS = pd.DataFrame({"text": ["x y", "z"], "p_calm": [0.5, 0.125], "p_loud": [0.5, 0.875]})


def write_as(folder, kind, **splits):
    folder = folder / "moods"
    folder.mkdir(exist_ok=True)
    for split, frame in splits.items():
        path = folder / f"{split}.{kind}"
        if kind == "parquet":
            frame.to_parquet(path)
        elif kind == "jsonl":
            frame.to_json(path, orient="records", lines=True)
        else:
            frame.to_csv(path, sep="\t" if kind == "tsv" else ",", index=False)


def load(folder, definition=MOODS, heldout=0.0, layout=COLUMNS, **settings):
    return load_task(definition, local(folder) | {"custom_tasks": {"moods": layout}} | settings, heldout)


# How they are read


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_every_form_of_file_gives_the_same_answers(tmp_path, kind):
    write_as(tmp_path, kind, train=TRAIN, validation=JUDGING, unlabelled=OTHERS)
    frames, meta = load(tmp_path, max_unlabelled_rows={"moods": None})
    assert frames["train"]["given_answers"].tolist() == ANSWERS
    assert frames["unlabelled"]["given_answers"].tolist() == [(0.5, 0.5), (0.125, 0.875)]
    assert list(frames["validation"].columns) == ["text", "label", "idx"]
    # rows 5 and 6 are answered wrongly
    assert meta["given_answers"] == {"train": {"accuracy": pytest.approx(4 / 6)}}
    write_split(tmp_path / "train.parquet", frames["train"])
    again = read_split(tmp_path, "train")
    assert again["given_answers"].tolist() == ANSWERS
    assert fingerprint({"train": again}) == fingerprint({"train": frames["train"]})


def test_without_the_key_the_columns_are_not_read(tmp_path):
    write_as(tmp_path, "csv", train=TRAIN.assign(p_calm="?"), validation=JUDGING)
    frames, meta = load(tmp_path, layout={})
    assert list(frames["train"].columns) == ["text", "label", "idx"] and "given_answers" not in meta


def test_the_answers_are_in_the_fingerprint(tmp_path):
    write_as(tmp_path, "csv", train=TRAIN, validation=JUDGING)
    before = load(tmp_path)[1]["fingerprint"]
    other = TRAIN.assign(p_calm=1 - TRAIN["p_calm"], p_loud=1 - TRAIN["p_loud"])
    write_as(tmp_path, "csv", train=other)
    assert load(tmp_path)[1]["fingerprint"] != before


def test_rounded_probabilities_are_divided_by_their_sum(tmp_path):
    write_as(tmp_path, "csv", train=TRAIN.assign(p_calm=0.495, p_loud=0.5), validation=JUDGING)
    answers = load(tmp_path)[0]["train"]["given_answers"]
    assert answers[0] == pytest.approx((0.495 / 0.995, 0.5 / 0.995), abs=1e-15)


def test_a_number_and_label_sets_have_answers_of_their_own_form(tmp_path):
    numbers = TRAIN.assign(label=range(6), p_calm=[1.5, -3, 1e3, 0, 2, 7])
    write_as(tmp_path, "csv", train=numbers, validation=JUDGING.assign(label=range(4)))
    frames, _ = load(tmp_path, NUMBER, layout={"answer_columns": ["p_calm"]})
    assert frames["train"]["given_answers"].tolist() == [(1.5,), (-3.0,), (1000.0,), (0.0,), (2.0,), (7.0,)]
    lists = [["calm"], [], ["calm", "loud"], ["loud"], [], ["calm"]]
    judging = JUDGING.assign(label=[["calm"], ["loud"], [], ["calm"]])
    write_as(tmp_path / "..", "jsonl")  # makes nothing
    (tmp_path / "sets").mkdir()
    both = TRAIN.assign(label=lists, p_calm=0.75, p_loud=0.75)  # their sum is free
    write_as(tmp_path / "sets", "jsonl", train=both, validation=judging)
    frames, _ = load(tmp_path / "sets", SETS)
    assert frames["train"]["given_answers"].tolist() == [(0.75, 0.75)] * 6


def test_cut_splits_keep_or_lose_their_answers(tmp_path):
    """The held-out set is compared with the teacher's answers, the validation split with labels alone."""
    train = pd.concat([TRAIN.assign(text=TRAIN["text"] + f" {number}") for number in range(10)])
    write_as(tmp_path, "csv", train=train)
    frames, meta = load(tmp_path, heldout=0.2)
    assert {split: "given_answers" in frame for split, frame in frames.items()} == {
        "train": True,
        "validation": False,
        "heldout": True,
    }
    by_text = dict(zip(train["text"], ANSWERS * 10, strict=True))
    for split in ("train", "heldout"):
        frame = frames[split]
        assert frame["given_answers"].tolist() == [by_text[text] for text in frame["text"]]
    assert set(meta["given_answers"]) == set(frames)  # the answering teacher's own scores


def test_answers_beside_judging_rows_only_tell_how_good_the_teacher_is(tmp_path):
    judged = JUDGING.assign(p_calm=[1.0, 0.0, 0.0, 0.0], p_loud=[0.0, 1.0, 1.0, 1.0])
    write_as(tmp_path, "tsv", train=TRAIN, validation=judged)
    frames, meta = load(tmp_path)
    assert meta["given_answers"]["validation"] == {"accuracy": 0.75}
    assert list(frames["validation"].columns) == ["text", "label", "idx"]
    assert remarks(get_task(MOODS), frames, meta | {"heldout_shared_rows": None}) == [
        "the given answers of moods agree with the labels of the 6 rows of train by accuracy 0.667",
        "the given answers of moods agree with the labels of the 4 rows of validation by accuracy 0.750",
    ]


# What is refused


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"p_calm": [0.9, 1.2, 0, 0, 0, 0]}, 'row 2: p_calm is "1.2" (wrong in 1 of 6 rows); allowed in'),
        ({"p_loud": [0.1, 0.8, 0.25, -0.1, "", "x"]}, 'row 4: p_loud is "-0.1" (wrong in 3 of 6 rows)'),
        ({"p_calm": ""}, 'row 1: p_calm is "" (wrong in 6 of 6 rows)'),
        ({"p_calm": "nan"}, 'row 1: p_calm is "nan"'),
        (
            {"p_loud": [0.1, 0.8, 0.2, 0.6, 0.75, 0.0]},
            "row 3: p_calm, p_loud are 0.75, 0.2, whose sum is 0.95",
        ),
    ],
)
def test_what_is_no_probability_is_one_sentence(tmp_path, changes, words):
    write_as(tmp_path, "csv", train=TRAIN.assign(**changes), validation=JUDGING)
    with pytest.raises(UserError) as caught:
        load(tmp_path)
    assert f"train.csv, {words}" in str(caught.value)
    assert "answer_columns: " in str(caught.value)


@pytest.mark.parametrize("value", [None, math.inf, True, "many", 1e31])
def test_what_is_no_number_is_one_sentence(tmp_path, value):
    rows = [json.dumps({"text": f"a {row}", "label": row, "said": 0.5 * row}) for row in range(5)]
    rows.append(json.dumps({"text": "b", "label": 9, "said": value}))
    (tmp_path / "moods").mkdir()
    (tmp_path / "moods" / "train.jsonl").write_text("\n".join(rows))
    with pytest.raises(
        UserError, match=r"train.jsonl, row 6: said is .* allowed in answer_columns: a number"
    ):
        load(tmp_path, NUMBER, layout={"answer_columns": ["said"]})


@pytest.mark.parametrize("split", ["train", "unlabelled", "heldout"])
def test_a_split_without_the_columns_is_one_sentence(tmp_path, split):
    other = TRAIN.assign(text=TRAIN["text"] + " again")
    splits = {"train": TRAIN, "validation": JUDGING, "unlabelled": OTHERS, "heldout": other}
    splits[split] = splits[split].drop(columns="p_loud")
    write_as(tmp_path, "csv", **splits)
    with pytest.raises(UserError, match=rf'{split}.csv has no column "p_loud"'):
        load(tmp_path, heldout=0.2, max_unlabelled_rows={"moods": None})


@pytest.mark.parametrize("split", ["validation", "test", "heldout"])
def test_answers_on_rows_of_a_judging_file_are_refused(tmp_path, split):
    copied = pd.concat([OTHERS, OTHERS[:1].assign(text="judged 2")], ignore_index=True)
    own = pd.DataFrame({"text": [f"judged {row}" for row in range(4)], "label": ["calm", "loud"] * 2})
    given = {"p_calm": 0.5, "p_loud": 0.5} if split == "heldout" else {}
    splits = {"validation": JUDGING} | {split: own.assign(**given)}
    write_as(tmp_path, "csv", train=TRAIN, unlabelled=copied, **splits)
    settings = {"heldout": 0.4, "max_unlabelled_rows": {"moods": None}}
    with pytest.raises(UserError) as caught:
        load(tmp_path, **settings)
    assert f"unlabelled.csv, row 3 has the texts of row 3 of {split} (copied rows: 1 of 3)" in str(
        caught.value
    )
    # without answers such rows are left out, as those of a split that was cut here
    frames, _ = load(tmp_path, layout={}, **settings)
    assert frames["unlabelled"]["text"].tolist() == ["x y", "z"]


def config(entry, **sections):
    data = {"source": "local", "path": "mine", "tasks": ["moods"], "custom_tasks": {"moods": entry}}
    return {"data": data, "search": {"task": "moods"}} | sections


@pytest.mark.parametrize(
    ("entry", "sections", "words"),
    [
        ({"labels": None}, {}, "data.custom_tasks.moods.labels is null; allowed with answer_columns: a list"),
        (
            {"answer_columns": ["a"]},
            {},
            "answer_columns is a list of 1; allowed: one column for each of the 2",
        ),
        (
            {"answer_columns": ["a", "text"]},
            {},
            'moods.answer_columns has "text", which holds texts or labels',
        ),
        ({"answer_columns": ["label", "b"]}, {}, 'moods.answer_columns has "label", which holds texts or'),
        (
            {"labels": None, "metrics": ["pearson"]},
            {},
            "answer_columns is a list of 2; allowed: one column for the number",
        ),
        (
            {},
            {"teacher": {"finetuned_on": "moods"}},
            'teacher.finetuned_on is "moods", but data.custom_tasks',
        ),
        (
            {},
            {"distillation": {"losses": {"logits": 0.0, "hidden": 1.0}}},
            "distillation.losses.logits is 0; allowed with data.custom_tasks.moods.answer_columns: above 0",
        ),
    ],
)
def test_a_contradiction_in_the_config_is_one_sentence(entry, sections, words):
    check_config(config(ENTRY | COLUMNS))
    with pytest.raises(UserError) as caught:
        check_config(config(ENTRY | COLUMNS | entry, **sections))
    assert words in str(caught.value)


# What they are as logits


def test_logits_say_what_the_probabilities_say_at_any_temperature():
    given = np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]])
    logits = torch.from_numpy(Classes(("a", "b", "c")).logits_of(given))
    np.testing.assert_allclose(logits.softmax(-1), given, atol=3 * CERTAIN)
    # at temperature 2 the probabilities are proportional to their square roots
    roots = np.sqrt(given[0])
    np.testing.assert_allclose((logits[0] / 2).softmax(-1), roots / roots.sum(), rtol=1e-12)
    sets = torch.from_numpy(LabelSets(("a", "b", "c")).logits_of(given))
    np.testing.assert_allclose(sets.sigmoid(), given, atol=2 * CERTAIN)
    assert torch.isfinite(logits).all() and torch.isfinite(sets).all()
    assert Numbers().logits_of(np.array([[3.5]])).tolist() == [[3.5]]


# Who learns from them

COUNT, SMALL = 48, Architecture(1, 24, 6, 24, "gelu")
LOGITS_ALONE = {"hidden": 0.0, "logits": 1.0, "relations": 0.0, "labels": 0.0}
LEARNS = STAGE | {"epochs": 12, "learning_rate": 5e-3, "dropout": 0.0}


def write_contrary(folder, *, number=False):
    """Write a task whose given answers tell the first word, while the labels tell the second.

    The words are independent, so that a model shows whom it learned from.
    """
    draw = np.random.default_rng(3)

    def rows(count):
        first, second = draw.integers(0, 2, (2, count))
        codes = zip(first, 2 + second, draw.integers(4, 10, count), strict=True)
        texts = [" ".join(WORDS[code] for code in row) for row in codes]
        frame = pd.DataFrame({"text": texts, "label": second, "idx": range(count)})
        if number:
            frame["label"] = (50 + 10 * second).astype(np.float32)
            given = 55 + 4 * (2 * second - 1) + 3 * (2 * first - 1)
            return frame.assign(given_answers=[(float(value),) for value in given]), first
        return frame.assign(given_answers=[(0.05, 0.95) if code else (0.95, 0.05) for code in first]), first

    train, heldout, unlabelled = (rows(count)[0] for count in (COUNT, 16, 16))
    frames = {"train": train, "heldout": heldout, "validation": rows(16)[0].drop(columns="given_answers")}
    task_meta = {"task": "moods", "source": "local", "synthetic": False, "heldout_from": "train"}
    task_meta |= {"fingerprint": fingerprint(frames), "found": {"scale": [55.0, 5.0]} if number else {}}
    frames["unlabelled"] = unlabelled.assign(label=-1)
    task_meta["unlabelled_fingerprint"] = fingerprint({"unlabelled": frames["unlabelled"]})
    task_meta["splits"] = {
        name: {"rows": len(frame), "official_rows": None} for name, frame in frames.items()
    }
    write_task(folder, frames, task_meta)
    return folder


def said(folder, texts):
    inputs = load_tokenizer(folder)(texts, truncation=True, max_length=16, padding=True, return_tensors="pt")
    with torch.no_grad():
        return load_classifier(folder).eval()(**inputs).logits.numpy()


def assistant(base, data, definition, folder, run, store, losses=LOGITS_ALONE):
    """Fine-tune a teacher assistant as the rule does, and return the answers."""
    save_given_answers(data, definition, folder.with_suffix(".safetensors"))
    answers = Answers.read(folder.with_suffix(".safetensors"))
    stage = Stage.from_config(LEARNS, 1.0)
    finetune_teacher(
        base,
        Rows.of_task(definition, data, max_length=16, answers=answers, unlabelled=True),
        stage,
        data_folder=data,
        seed=1,
        run=run,
        store=store,
        model_folder=folder,
        metrics_file=folder.with_suffix(".json"),
        recipe=Recipe.of_given_answers({name: losses[name] for name in ("logits", "labels")}, 2.0, stage),
    )
    return answers


def test_the_file_of_the_answers_holds_their_log_probabilities(tmp_path):
    data = write_contrary(tmp_path / "data")
    save_given_answers(data, MOODS, tmp_path / "answers.safetensors")
    logits = Answers.read(tmp_path / "answers.safetensors").logits
    assert {split: tuple(values.shape) for split, values in logits.items()} == {
        "train": (COUNT, 2),
        "heldout": (16, 2),
        "unlabelled": (16, 2),
    }
    for split, values in logits.items():
        given = np.array(read_split(data, split)["given_answers"].tolist())
        np.testing.assert_allclose(values.numpy(), np.log(given), rtol=1e-6)
        assert values.dtype == torch.float32


def test_columns_in_another_order_than_the_labels_are_refused(tmp_path):
    data = write_contrary(tmp_path / "data")
    frame = read_split(data, "train")
    frame["given_answers"] = [(0.1, 0.9) if label == 0 else (0.9, 0.1) for label in frame["label"]]
    write_split(data / "train.parquet", frame)
    with pytest.raises(UserError) as caught:
        save_given_answers(data, MOODS, tmp_path / "answers.safetensors")
    assert (
        "0% of their answers on the training rows are right, and 100% if they are those of loud, calm"
        in str(caught.value)
    )
    assert not (tmp_path / "answers.safetensors").exists()


def test_numbers_on_another_scale_than_the_labels_are_refused(tmp_path):
    data = write_contrary(tmp_path / "data", number=True)
    frame = read_split(data, "train")
    frame["given_answers"] = [(label / 100,) for label in frame["label"].tolist()]
    write_split(data / "train.parquet", frame)
    with pytest.raises(UserError, match=r"answer_columns has numbers from 0.5 to 0.6, and the labels of the"):
        save_given_answers(data, NUMBER, tmp_path / "answers.safetensors")


def test_the_assistant_and_its_students_say_what_the_answers_say(teacher_base, make_run, tmp_path):
    data, store = write_contrary(tmp_path / "data"), Store(tmp_path / "store")
    teacher = tmp_path / "teacher"
    answers = assistant(teacher_base, data, MOODS, teacher, make_run(), store)
    everything = pd.concat([read_split(data, split) for split in ("train", "unlabelled")])
    texts = everything["text"].tolist()
    given = np.array(everything["given_answers"].tolist()).argmax(-1)
    assert (said(teacher, texts).argmax(-1) == given).mean() > 0.95
    settings = DISTILLATION | {"losses": LOGITS_ALONE, "student": LEARNS}
    job = student_job("small", SMALL, MOODS, 1, "student", None, teacher, data, 16, settings, answers)
    distil(job, make_run(), store, tmp_path / "student", tmp_path / "m.json")
    assert (said(tmp_path / "student", texts).argmax(-1) == given).mean() > 0.95
    # labels and answers are independent, so that accuracy on the labels shows nothing of them
    assert read_json(tmp_path / "m.json")["scores"]["validation"]["accuracy"] < 0.8
    # a candidate agrees with the answers on the held-out rows, not with the assistant
    proxy = build_proxy(read_split(data, "train"), MOODS, share=0.9, seed=1)
    write_split(tmp_path / "proxy.parquet", proxy)
    turned = Answers({name: value.flip(-1) for name, value in answers.logits.items()}, "other")
    agreements = []
    for name, say in (("given", answers), ("turned", turned)):
        rows = Rows.of_proxy(MOODS, tmp_path / "proxy.parquet", data, max_length=16, answers=say)
        say.logits["heldout"][:] = answers.logits["heldout"]
        entries = [{"candidate": 1, "architecture": SMALL.to_dict()}]
        settings = DISTILLATION | {"losses": LOGITS_ALONE, "proxy": LEARNS}
        (value,) = evaluate(entries, teacher, rows, settings, 1, make_run(), Store(tmp_path / name))
        agreements.append(value["quality_agreement"])
    assert agreements[0] > 0.9 and agreements[1] < 0.1


def test_numbers_are_learned_and_answered_in_the_unit_of_the_labels(teacher_base, make_run, tmp_path):
    data, teacher = write_contrary(tmp_path / "data", number=True), tmp_path / "teacher"
    answers = assistant(teacher_base, data, NUMBER, teacher, make_run(), Store(tmp_path / "store"))
    train = read_split(data, "train")
    given = np.array(train["given_answers"].tolist())
    np.testing.assert_array_equal(answers.logits["train"].numpy(), given)
    np.testing.assert_allclose(
        said(teacher, train["text"].tolist()), given, atol=1.5
    )  # labels are 2 or more away


def test_other_answers_and_losses_are_another_entry_of_the_store(teacher_base, make_run, tmp_path):
    data, store = write_contrary(tmp_path / "data"), Store(tmp_path / "store")
    lines: list[str] = []

    def made(name, **changes):
        assistant(teacher_base, data, MOODS, tmp_path / name, make_run(lines=lines), store, **changes)
        return (tmp_path / name / "model.safetensors").read_bytes()

    first = made("first")
    entries = len(list((tmp_path / "store").rglob("*.safetensors")))
    assert made("again") == first and len(list((tmp_path / "store").rglob("*.safetensors"))) == entries
    assert made("labels", losses=LOGITS_ALONE | {"labels": 1.0}) != first
    frame = read_split(data, "unlabelled")
    frame["given_answers"] = frame["given_answers"].map(lambda pair: pair[::-1])
    write_split(data / "unlabelled.parquet", frame)
    assert made("other") != first


def test_the_definition_of_a_task_has_nothing_of_its_answers(tmp_path):
    """They are in the keys of the store by their digest; a model that does not learn from them is kept."""
    from kdnas.data.tasks import task_definitions

    entries = [check_config(config(ENTRY | changes))["data"] for changes in ({}, COLUMNS)]
    assert task_definitions(entries[0]) == task_definitions(entries[1])
    assert completed(MOODS, {"given_answers": {}}) == MOODS
