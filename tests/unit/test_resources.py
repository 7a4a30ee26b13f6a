"""The functions of rules/resources.smk: what they find in files, and which faults they may hide."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from kdnas.analysis.fidelity import recipe
from kdnas.config.check import check_config
from kdnas.errors import UserError
from kdnas.estimate import loads, requests
from kdnas.estimate.loads import Inputs, Student
from kdnas.plan import Setting
from kdnas.search.space import Architecture
from kdnas.training.recipe import Stage

FILE = Path(__file__).resolve().parents[2] / "rules" / "resources.smk"
SHAPE = {"layers": 2, "hidden_size": 96, "attention_heads": 12, "ffn_size": 384, "activation": "gelu"}
TEACHER = {
    "model_type": "bert",
    "num_hidden_layers": 6,
    "hidden_size": 384,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
}
ROWS = {"train": 5000, "heldout": 700, "validation_matched": 400, "validation_mismatched": 300}


@pytest.fixture(scope="module")
def rules():
    """The file's names, as the Snakefile has them; it is plain Python."""
    return rules_of({})


def rules_of(distillation, *with_answers):
    search = {"candidates": 4, "cohorts": 3, "screened": 0}
    config = check_config({"training": {"threads": 2}, "search": search, "distillation": distillation})
    names = {"config": config, "MATCHED": [], "SEARCHED": [], "Path": Path, "os": os}
    names |= {"UserError": UserError, "Setting": Setting, "recipe": recipe, "WITH_ANSWERS": with_answers}
    exec(compile(FILE.read_text(encoding="utf-8"), FILE, "exec"), names)
    return SimpleNamespace(**names)


@pytest.fixture
def files(tmp_path):
    """The inputs of distillations: teacher, data, proxy set and the architecture of a student."""
    paths = SimpleNamespace(
        teacher=tmp_path / "teacher",
        base=tmp_path / "teacher",
        data=tmp_path / "data",
        train=tmp_path / "proxy" / "train.parquet",
        architecture=tmp_path / "architecture.json",
    )
    for folder in (paths.teacher, paths.data, paths.train.parent):
        folder.mkdir()
    paths.train.touch()
    write(paths.teacher / "config.json", TEACHER)
    write(paths.data / "meta.json", {"splits": {split: {"rows": rows} for split, rows in ROWS.items()}})
    write(paths.train.with_name("meta.json"), {"rows": 1500})
    write(paths.architecture, {"architecture": SHAPE})
    return paths


def write(path, value):
    path.write_text(json.dumps(value), encoding="utf-8")


def asked(rules, request, files):
    wildcards = SimpleNamespace(task="mnli")
    mb = rules.memory(request)(wildcards, files, attempt=1)
    return requests.Request(mb, rules.minutes(request)(wildcards, files, attempt=1))


def finetuning(config, files, rows, scored, answered):
    tokens = config["teacher"]["max_length"]
    load = loads.finetuning(
        requests.sizes_of(files.teacher),
        Inputs(rows, scored, tokens=tokens, longest=tokens),
        Stage.from_config(config["teacher"]["training"], 1.0),
        answered=answered,
    )
    return requests.request(load, requests.Machine("auto", 2))


def distillation(config, files, student, count, rows, scored, stage):
    tokens, teacher = config["teacher"]["max_length"], requests.sizes_of(files.teacher)
    load = loads.distillation(
        teacher,
        Student([student]),
        Inputs(rows, scored, tokens=tokens, longest=tokens),
        stage=Stage.from_config(config["distillation"][stage], 1.0),
        losses=requests.costliest_losses(teacher.teacher),
        count=count,
        judged=True,
        answered=False,
    )
    return requests.request(load, requests.Machine("auto", 2))


def test_jobs_ask_for_what_the_formulas_say_of_their_files(rules, files):
    config = rules.config
    student, largest = Architecture(**SHAPE), requests.largest(config["search"]["space"])
    scored, count = 700 + 400 + 300, 2  # the largest of three cohorts of four candidates
    expected = {
        rules.for_finetuning: finetuning(config, files, 5000, scored, 5000 + scored),
        rules.for_student: distillation(config, files, student, 1, 5000, scored, "student"),
        rules.for_cohort: distillation(config, files, largest, count, 1500, 700, "proxy"),
    }
    for request, wanted in expected.items():
        assert asked(rules, request, files) == wanted
        assert wanted.mb > requests.START_MB and wanted.minutes > requests.START_MINUTES
        assert rules.memory(request)(SimpleNamespace(task="mnli"), files, attempt=3) == 3 * wanted.mb


def test_rows_without_labels_count_where_they_are_answered_and_in_final_distillations(rules, files):
    plain = {name: asked(rules, getattr(rules, name), files) for name in ("for_finetuning", "for_student")}
    splits = {split: {"rows": count} for split, count in (ROWS | {"unlabelled": 50_000}).items()}
    write(files.data / "meta.json", {"splits": splits})
    config = rules.config
    wanted = finetuning(config, files, 5000, 1400, 5000 + 50_000 + 1400)
    assert asked(rules, rules.for_finetuning, files) == wanted != plain["for_finetuning"]
    more = distillation(config, files, Architecture(**SHAPE), 1, 55_000, 1400, "student")
    assert asked(rules, rules.for_student, files) == more != plain["for_student"]
    in_full = rules.for_fidelity(SimpleNamespace(setting="full_teacher"), files)
    largest, count = requests.largest(config["search"]["space"]), config["fidelity"]["architectures"]
    study = [distillation(config, files, largest, count, rows, 1400, "student") for rows in (5000, 55_000)]
    assert in_full == study[1] != study[0]


@pytest.mark.parametrize("name", ["teacher", "data", "train", "architecture"])
def test_inputs_that_are_not_there_yet_are_asked_for_again(rules, files, name):
    path = getattr(files, name)
    path.rename(path.with_name("elsewhere"))
    request = rules.for_cohort if name == "train" else rules.for_student
    with pytest.raises(FileNotFoundError) as caught:
        asked(rules, request, files)
    assert str(caught.value.filename) == str(path)  # by which Snakemake tells it from other faults


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("teacher/config.json", "{"),
        ("teacher/config.json", "{}"),
        ("data/meta.json", '{"splits": {"train": {}}}'),
        ("data/meta.json", '{"splits": {"train": {"rows": "x"}}}'),
        ("data/meta.json", '{"splits": {}}'),
        ("proxy/meta.json", "[]"),
    ],
)
def test_damaged_inputs_are_left_to_the_job(rules, files, tmp_path, file, content):
    (tmp_path / file).write_text(content)
    start = requests.Request(requests.START_MB, requests.START_MINUTES)
    assert asked(rules, rules.for_cohort, files) == start


@pytest.mark.parametrize("fault", [TypeError, KeyError, ZeroDivisionError])
def test_faults_of_the_formulas_are_not_hidden(rules, files, monkeypatch, fault):
    def broken(*arguments, **settings):
        raise fault

    monkeypatch.setattr(loads, "distillation", broken)
    with pytest.raises(fault):
        asked(rules, rules.for_cohort, files)


def test_refit_asks_for_what_its_targets_take(rules, files):
    """Of 1,500 rows, 16 tokens each: two sums in each of 6 layers and what enters, 384 wide, float32."""
    refitted = rules_of({"initialisation": "refit"})
    more = asked(refitted, refitted.for_cohort, files).mb - asked(rules, rules.for_cohort, files).mb
    assert more >= 1500 * 16 * 384 * 4 * 13 / 1e6


def test_assistant_of_given_answers_learns_rows_without_labels(rules, files):
    splits = ROWS | {"unlabelled": 50_000}
    write(files.data / "meta.json", {"splits": {split: {"rows": rows} for split, rows in splits.items()}})
    given = rules_of({}, "mnli")
    assert (
        asked(given, given.for_finetuning, files).minutes
        > 2 * asked(rules, rules.for_finetuning, files).minutes
    )
