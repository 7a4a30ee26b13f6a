"""The scores of an unfinished run, against averages and intervals worked out by hand."""

import fabricate
import pytest
import yaml

from kdnas.__main__ import main
from kdnas.commands.progress import progress
from kdnas.config.check import check_config
from kdnas.files.artifacts import read_json, write_json
from kdnas.files.checksums import record
from kdnas.search.space import Architecture

BASE = {"layers": 3, "hidden_size": 384, "attention_heads": 12, "ffn_size": 1536, "activation": "gelu"}
CONFIG = {
    "experiment": "long",
    "seeds": [1, 2],
    "data": {"source": "local", "path": "glue", "tasks": ["mnli", "rte"]},
    "search": {"strategies": ["lstm"]},
    "students": {"budgets": [], "hand_crafted": [{"name": "base", **BASE}], "matched": ["base"]},
    "claims": {"baseline": "base"},
}
# MNLI's two sets and RTE, in points, by model and seed; None where nothing is scored yet
POINTS = {
    ("teacher", 1): (80, 82, 61),
    ("teacher", 2): (80, 80, 60),
    ("base", 1): (70, 72, 55),
    ("base", 2): (70, 70, 54),
    ("lstm_best", 1): (76, 76, 58),
    ("lstm_best", 2): (74, 74, None),
    ("lstm_no_worse_than_base", 1): (60, 62, None),
    ("lstm_best", 3): (1, 1, 1),  # a seed that the config no longer has
}


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results" / "long"
    for (model, seed), (matched, mismatched, rte) in POINTS.items():
        scores = {"validation_matched": matched, "validation_mismatched": mismatched}
        scores = {split: {"accuracy": points / 100} for split, points in scores.items()}
        fabricate.metrics(folder, model, "mnli", seed, scores)
        if rte is not None:
            fabricate.metrics(folder, model, "rte", seed, {"validation": {"accuracy": rte / 100}})
    fabricate.student(folder, "base", "hand_crafted", "hand_crafted", None, Architecture.from_dict(BASE))
    return folder


def cells(line):
    return line.replace(", ", ",").replace(" (", "(").split()


def test_what_is_there_is_averaged_and_compared_by_seed(results):
    head, names, *lines = progress(check_config(CONFIG), results).splitlines()
    assert head == f"{results}: 12 of 20 scores are there (one per model, task and seed)."
    assert cells(names)[2:] == ["MNLI-m", "MNLI-mm", "RTE", "average", "%", "of", "teacher", "over", "base"]
    assert [cells(line) for line in lines] == [
        ["teacher", "80.0", "81.0", "60.5", "70.5"],
        # 67 of the teacher's 71 and 4 over 63, of the one seed that has both tasks
        ["lstm_best", "75.0", "75.0", "58.0(1)", "67.0(1)", "94.4", "4.0"],
        ["lstm_no_slower_than_base"],
        ["lstm_no_worse_than_base", "60.0(1)", "62.0(1)"],  # no average of MNLI alone
        # 63 of 71 and 62 of 70; t with one degree of freedom is 12.706
        ["base", "3L-384H-12A-1536F-gelu", "70.0", "71.0", "54.5", "62.5", "88.7", "[87.6,89.7]"],
    ]


@pytest.mark.parametrize(
    ("tasks", "share", "over"),
    [
        (["cola", "rte"], "% of teacher, w/o CoLA", "over base"),
        (["rte", "wnli"], "% of teacher, w/o WNLI", "over base, w/o WNLI"),
        (["wnli", "cola", "rte"], "% of teacher, w/o CoLA, WNLI", "over base, w/o WNLI"),
    ],
)
def test_what_a_comparison_leaves_out_is_said_where_the_tasks_have_it(tasks, share, over, tmp_path):
    for model, points in (("teacher", 80), ("base", 60), ("lstm_best", 70)):
        for task in tasks:
            score = points if task == "rte" else 1
            metric = "matthews" if task == "cola" else "accuracy"
            fabricate.metrics(tmp_path, model, task, 1, {"validation": {metric: score / 100}})
    for model in ("base", "lstm_best"):
        fabricate.student(tmp_path, model, "lstm", "best", None, Architecture.from_dict(BASE))
    config = CONFIG | {"seeds": [1], "data": CONFIG["data"] | {"tasks": tasks}}
    config |= {"search": {"strategies": ["lstm"], "task": "rte"}}
    _, names, _, best, *_ = progress(check_config(config), tmp_path).splitlines()
    assert names.endswith(f"{share} {over}")
    assert cells(best)[-2] == "87.5"  # 70 of 80: of RTE alone
    assert cells(best)[-1] == ("10.0" if "cola" not in tasks else "5.0")  # CoLA's equal points count here


def test_nothing_yet_is_said(tmp_path):
    assert progress(check_config(CONFIG), tmp_path) == (
        f"{tmp_path}: 0 of 20 scores are there (one per model, task and seed)."
    )


def test_synthetic_scores_are_not_taken_for_glue(tmp_path):
    fabricate.metrics(tmp_path, "base", "rte", 1, {"validation": {"accuracy": 0.5}}, synthetic=True)
    assert progress(check_config(CONFIG), tmp_path).splitlines()[-1].startswith("Synthetic data")


def test_command_reads_the_config_and_refuses_a_damaged_score(results, monkeypatch, capsys):
    monkeypatch.chdir(results.parents[1])
    (results.parents[1] / "mine.yaml").write_text(yaml.safe_dump(CONFIG))
    assert main(["progress", "mine.yaml"]) == 0
    assert capsys.readouterr().out.startswith("results/long: 12 of 20")
    file = results / "students" / "base" / "rte" / "seed_1" / "metrics.json"
    record(results, [file], "distill_glue")
    write_json(file, read_json(file) | {"seed": 2})
    assert main(["progress", "mine.yaml"]) == 1
    assert "metrics.json is damaged" in capsys.readouterr().err


def test_without_a_config_it_says_how_it_is_called(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["progress"])
    assert ended.value.code == 2
    assert "usage: python -m kdnas progress" in capsys.readouterr().err
