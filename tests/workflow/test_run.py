"""From nothing to tables, figures and report, and the names of what can be asked for."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
import yaml
from experiment import (
    CONFIG,
    RESULTS,
    ROOT,
    TARGETS,
    copy_sources,
    job_counts,
    plan,
    reproducible,
    succeed,
    write_config,
)

from kdnas.config.check import check_config
from kdnas.deployment.verify import why_no_node

TABLES = ("glue", "efficiency", "deployment", "search", "front", "fidelity", "cost")
FIGURES = ("quality_speed", "reward", "quality_latency", "dimensions", "prediction", "fidelity", "glue")
STUDENTS = ["lstm_best", "random_best", "narrow"]

SEARCH = {
    "fetch_task": 1,
    "fetch_teacher": 1,
    "finetune_search_teacher": 1,
    "build_proxy": 1,
    "sample_candidates": 4,  # 2 strategies x 2 episodes
    "distill_candidates": 4,
    "profile_latency": 4,
    "update_controller": 4,
}
# one proxy and the full distillation
STUDIED = {"fetch_task": 1, "fetch_teacher": 1, "finetune_search_teacher": 1, "build_proxy": 1}
STUDIED |= {"sample_fidelity": 1, "evaluate_fidelity": 2, "table_fidelity": 1}
SELECTED = SEARCH | {"select_student": 2, "hand_craft_student": 1}
DISTILLED = SELECTED | {
    "fetch_task": 2,
    "finetune_teacher": 1,
    "distill_student": 3,
    "distill_glue": 3,
}
PLANS = {
    "data": {"fetch_task": 2},
    "teachers": {"fetch_task": 2, "fetch_teacher": 1, "finetune_search_teacher": 1, "finetune_teacher": 1},
    "search": SEARCH,
    "fidelity": STUDIED | {"figure_fidelity": 1},
    "students": DISTILLED,
    "latency": SELECTED | {"profile_students": 2},
    "tables": STUDIED
    | DISTILLED
    | {"profile_students": 2, "export_models": 2}
    | {f"table_{name}": 1 for name in TABLES},
    "figures": STUDIED
    | DISTILLED
    | {"profile_students": 2, "table_glue": 1, "table_efficiency": 1}
    | {f"figure_{name}": 1 for name in FIGURES},
    "bundles": DISTILLED | {"export_models": 2, "bundle_student": 6},
    # MNLI-m, MNLI-mm and STS-B by the teacher and 3 students
    "submissions": DISTILLED | {"fetch_test": 3, "predict_test": 12},
}


def test_named_targets_plan_what_they_need_and_no_more(inputs):
    with ThreadPoolExecutor(2) as pool:
        plans = dict(zip(TARGETS, pool.map(lambda target: plan(inputs, target), TARGETS), strict=True))
    assert plans == PLANS


def test_checkout_whose_path_a_shell_would_split_gives_its_default_config_to_any_directory(fresh, tmp_path):
    checkout = copy_sources(tmp_path / "Tom's $HOME projects")
    (fresh / "config.yaml").replace(checkout / "config" / "config.yaml")
    (checkout / ".venv").symlink_to(sys.prefix)
    command = [checkout / ".venv" / "bin" / "python", "-m", "snakemake", f"{RESULTS}/teacher/base"]
    command += ["--cores", "1", "--directory", fresh]
    process = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    assert (fresh / RESULTS / "teacher" / "base" / "config.json").is_file()


def test_everything_is_there(finished):
    results = finished / RESULTS
    for table in TABLES:
        for kind in ("csv", "md", "tex", "html"):
            assert (results / "tables" / f"{table}.{kind}").stat().st_size
    for figure in FIGURES:
        for kind, start in (("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")):
            assert (results / "figures" / f"{figure}.{kind}").read_bytes().startswith(start)
    for student in STUDENTS:
        for task in ("mnli", "stsb"):
            assert (results / "students" / student / task / "seed_1" / "metrics.json").is_file()
    config = yaml.safe_load((results / "config.yaml").read_text(encoding="utf-8"))
    assert config == check_config(CONFIG)
    assert set(json.loads((results / "versions.json").read_text())) == {
        "commit",
        "changed",
        "python",
        "torch",
        "transformers",
    }


def test_tables_hold_what_the_jobs_found(finished):
    results = finished / RESULTS
    scores = pd.read_csv(results / "tables" / "glue.csv")
    assert set(scores["model"]) == {"teacher", *STUDENTS}
    assert {"mnli", "stsb"} <= set(scores["task"])
    assert scores["synthetic"].all()
    metrics = json.loads((results / "students/narrow/stsb/seed_1/metrics.json").read_text())
    assert (metrics["train_rows"], metrics["unlabelled_rows"]) == (100, 15)
    note = "Students also learned from rows without labels, by pseudo-labels: STS-B 15."
    assert note in (results / "tables" / "glue.md").read_text()
    losses = set()
    for strategy, origin in (("lstm", "controller"), ("random", "random")):
        history = pd.read_csv(results / "search" / strategy / "episode_02" / "history.csv")
        assert history["status"].tolist() == ["ok"] * 4
        assert history["origin"].tolist() == ["random", "random", origin, origin]
        best = json.loads((results / "students" / f"{strategy}_best" / "architecture.json").read_text())
        assert best["reward"] == history["reward"].max()
        losses |= set(history["quality_loss"])
    assert len(losses) > 4  # the models learn something, so equal bytes in other tests mean something


def test_no_result_names_the_folder_it_was_made_in(finished):
    names = [str(finished).encode(), str(ROOT).encode()]
    for path in sorted((finished / "results").rglob("*")):
        if path.is_file() and "logs" not in path.parts:
            content = path.read_bytes()
            assert not any(name in content for name in names), path


def test_second_run_does_nothing(run_copy):
    assert "Nothing to be done" in succeed(run_copy)


def test_one_rule_can_be_run_again(finished):
    shown = {"figure_glue": 1, "figure_quality_speed": 1, "write_overview": 1}
    assert plan(finished, "--forcerun", "table_glue") == {"table_glue": 1, **shown, "record_run": 1}


def test_one_table_of_a_folder_from_elsewhere(finished, tmp_path):
    """The recipe of docs/commands.md: times are lost, and the sources of data and teacher are not there."""
    folder, results = tmp_path / "run", tmp_path / "run" / RESULTS
    shutil.copytree(finished / RESULTS, results, copy_function=shutil.copyfile)
    shutil.copyfile(results / "config.yaml", folder / "config.yaml")  # for the --configfile of this command
    before = reproducible(folder)
    only = ("--forcerun", "table_glue", "--allowed-rules", "table_glue")
    assert job_counts(succeed(folder, f"{RESULTS}/tables/glue.csv", *only)) == {"table_glue": 1}
    assert reproducible(folder) == before


def test_recorded_config_is_that_of_the_run(run_copy):
    """Nothing but the forced job is planned with it, which writes the record itself."""
    before = reproducible(run_copy)
    (run_copy / "config.yaml").unlink()
    (run_copy / "config.yaml").symlink_to(f"{RESULTS}/config.yaml")
    assert job_counts(succeed(run_copy, "--forcerun", "record_run")) == {"record_run": 1}
    assert reproducible(run_copy) == before


def test_matched_students_and_the_claims(run_copy):
    changes = {"students": {"matched": ["narrow"]}, "claims": {"baseline": "narrow"}}
    changes |= {"search": {"strategies": ["random"]}, "data": {"tasks": ["mnli"]}}
    write_config(run_copy, changes)
    results = run_copy / RESULTS
    ran = job_counts(succeed(run_copy, f"{RESULTS}/tables/claims.csv"))
    assert [ran[f"{action}_hand_crafted"] for action in ("distill", "profile")] == [1, 1]
    assert "distill_candidates" not in ran
    (baseline,) = json.loads((results / "search/hand_crafted/evaluations.json").read_text())["evaluations"]
    (timing,) = json.loads((results / "search/hand_crafted/latency.json").read_text())["models"]
    history = pd.read_csv(results / "search/random/episode_02/history.csv")
    for rule, column, qualifies in (
        ("no_slower_than_narrow", "quality", history["latency_ratio"] <= timing["ratio"]),
        ("no_worse_than_narrow", "latency_ratio", history["quality"] >= baseline["quality_accuracy"]),
    ):
        student = json.loads((results / f"students/random_{rule}/architecture.json").read_text())
        assert (student["rule"] == rule) == qualifies.any()
        if qualifies.any():
            best = history.loc[qualifies, column].agg("max" if column == "quality" else "min")
            assert student[column] == best
    claims = pd.read_csv(results / "tables/claims.csv")
    assert set(claims["claim"]) == {"A", "B", "C"}
    assert set(claims.loc[claims["quantity"] == "overall", "verdict"]) <= {
        "does not hold",
        "cannot be told here",
    }


def test_screened_search_distils_the_best_of_what_it_looked_at(run_copy):
    changes = {"strategies": ["linear"], "screened": 5, "cohorts": 2}
    write_config(run_copy, {"search": changes, "students": {"hand_crafted": []}})
    made = job_counts(succeed(run_copy, "search"))
    of_search = ("sample_candidates", "profile_latency", "keep_candidates", "update_controller")
    assert made == dict.fromkeys(of_search, 2) | {"screen_candidates": 4, "distill_candidates": 4}
    folder = run_copy / RESULTS / "search" / "linear" / "episode_02"
    history, screened = (pd.read_csv(folder / name) for name in ("history.csv", "screened.csv"))
    shape = ["layers", "hidden_size", "attention_heads", "ffn_size", "activation"]
    assert screened["episode"].tolist() == [1] * 5 + [2] * 5 and not screened[shape].duplicated().any()
    for episode, proposed in screened.groupby("episode"):
        best = proposed.nlargest(2, "reward")[shape]
        distilled = history.loc[history["episode"] == episode, shape]
        assert sorted(map(tuple, distilled.to_numpy())) == sorted(map(tuple, best.to_numpy()))
    kept = screened.merge(history, on=shape, suffixes=("", "_distilled"))
    assert len(kept) == 4 and (kept["latency_ratio"] == kept["latency_ratio_distilled"]).all()
    assert (kept["quality_loss"] != kept["quality_loss_distilled"]).all()  # before and after training


def test_bundle_gives_its_scores_wherever_it_lies(run_copy, tmp_path):
    """One of word pieces and pairs of texts, some of them cut, in every client that is installed."""
    bundle = f"{RESULTS}/bundles/narrow/mnli/seed_1"
    assert job_counts(succeed(run_copy, bundle)) == {"bundle_student": 1}
    (run_copy / bundle).rename(tmp_path / "from narrow")
    rows = (run_copy / RESULTS / "data" / "mnli").rename(tmp_path / "rows")
    (run_copy / "results").rename(tmp_path / "gone")
    command = [sys.executable, "-m", "kdnas", "verify", str(tmp_path / "from narrow"), "--rows", str(rows)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    readings = 5 if why_no_node() is None else 3
    assert len([line for line in lines if "validation_mismatched" in line]) == readings
    assert any(line.startswith("transformers.js was left out") for line in lines) == (readings == 3)


def test_report_holds_every_table_and_figure(run_copy):
    succeed(run_copy, "--report", "report.zip")
    with zipfile.ZipFile(run_copy / "report.zip") as report:
        names = {name.rpartition("/")[2] for name in report.namelist()}
    assert {f"{table}.html" for table in TABLES} <= names
    assert {f"{figure}.svg" for figure in FIGURES} <= names


def test_report_opens_on_what_was_found(run_copy):
    """In a browser: the students, their figure and the folder of the one to take stand on its first page."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("needs chromium")
    succeed(run_copy, "--report", "report.html")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom"]
    process = subprocess.run(
        [browser, *options, f"file://{run_copy}/report.html"], capture_output=True, text=True, check=False
    )
    page = process.stdout.partition('id="brand"')[2] or process.stdout
    assert "The best student" in page
    assert "data:image/png;base64," in page
    assert "students/narrow/mnli/seed_1/model" in page
    assert "System Message" not in page


def test_headline_names_every_model(finished):
    command = [sys.executable, "-m", "kdnas", "headline", str(finished / RESULTS)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Synthetic" in process.stdout
    lines = process.stdout.splitlines()
    for model in ("teacher", *STUDENTS):
        assert any(line.split()[0] == model for line in lines), model
