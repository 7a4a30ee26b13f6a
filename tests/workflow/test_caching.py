"""What runs again, what does not, and that running again changes no byte."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from experiment import HAND_CRAFTED as NARROW
from experiment import RESULTS, copy_sources, job_counts, plan, reproducible, succeed, write_config

DIMENSIONS = ["activation", "attention_heads", "ffn_size", "hidden_size", "layers"]


def test_two_runs_from_nothing_give_the_same_bytes(runs):
    """Without a common store, and with the candidates of an episode in one job or in two."""
    first, second = map(reproducible, runs)
    assert sum(name.endswith("history.csv") for name in second) == 2
    assert sum(name.endswith("architecture.json") for name in second) == 1
    assert sum(name.endswith("model.safetensors") for name in second) == 5
    assert {name for name in second if first.get(name) != second[name]} == set()
    assert evaluations(runs[0]) == evaluations(runs[1])


def evaluations(folder: Path) -> dict[tuple[str, int], dict]:
    """Return what the first strategy found of every candidate, by episode and number, without times."""
    found = {}
    for path in sorted((folder / RESULTS / "search" / "lstm").glob("*/cohort_*.json")):
        for entry in json.loads(path.read_text())["evaluations"]:
            del entry["train_seconds"], entry["from_store"]
            found[path.parent.name, entry["candidate"]] = entry
    assert len(found) == 4
    return found


def test_tables_and_figures_made_again_are_the_same_bytes(run_copy):
    before = reproducible(run_copy)
    assert {Path(name).suffix for name in before} >= {".csv", ".md", ".tex", ".html", ".svg", ".pdf", ".png"}
    for made in ("tables", "figures"):
        shutil.rmtree(run_copy / RESULTS / made)
    again = job_counts(succeed(run_copy))
    assert again.pop("record_run") == again.pop("write_overview") == 1
    assert again and all(rule.startswith(("table_", "figure_")) for rule in again)
    assert reproducible(run_copy) == before


def test_a_gpu_that_was_not_there_is_measured_when_one_comes_and_nothing_else(run_copy):
    """Also where the results came without what Snakemake noted."""
    shutil.rmtree(run_copy / ".snakemake")
    file = run_copy / RESULTS / "latency" / "gpu.json"
    content = json.loads(file.read_text())
    with_gpu = {"training": {"device": "gpu"}}
    write_config(run_copy, with_gpu)
    assert plan(run_copy) == {}  # the table has no row for a GPU, which none that comes would change
    times = file.stat()
    file.write_text(json.dumps(content | {"reason": "not measured: this machine has no GPU"}))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    planned = plan(run_copy)
    assert planned.pop("profile_students") == 1
    others = {rule for rule in planned if not rule.startswith(("table_", "figure_"))}
    assert others <= {"write_overview", "record_run"}
    assert plan(run_copy, "students") == {}
    write_config(run_copy, {})
    assert plan(run_copy) == {}


def test_other_reward_trains_only_architectures_never_met_before(finished, run_copy):
    write_config(run_copy, {"reward": {"alpha": -2.0}})
    planned = plan(run_copy)
    assert not {
        "fetch_task",
        "fetch_teacher",
        "build_proxy",
        "finetune_teacher",
        "finetune_search_teacher",
    } & set(planned)
    assert planned["distill_candidates"] == 2  # of two strategies the second episode
    assert planned["profile_latency"] == 2

    evaluated = set()
    for strategy in ("lstm", "random"):
        evaluated |= set(architectures(history(finished, strategy, "episode_02")))
    # the tiny study's proxy is the search's own, so they share the store
    study = json.loads((finished / RESULTS / "fidelity" / "candidates.json").read_text())
    evaluated |= {tuple(entry["architecture"].values()) for entry in study["candidates"]}
    # random search proposes the same again whatever the reward; the controller may propose something new
    cohorts = [f"{RESULTS}/search/{strategy}/episode_02/cohort_01.json" for strategy in ("lstm", "random")]
    succeed(run_copy, *cohorts)
    before, after = (history(folder, "lstm", "episode_01") for folder in (finished, run_copy))
    assert architectures(before) == architectures(after)
    assert (before["reward"] != after["reward"]).all()
    entries = [
        entry for path in cohorts for entry in json.loads((run_copy / path).read_text())["evaluations"]
    ]
    from_store = {tuple(entry["architecture"].values()): entry["from_store"] for entry in entries}
    assert from_store == {architecture: architecture in evaluated for architecture in from_store}
    assert any(from_store.values())


@pytest.mark.parametrize(
    ("changes", "target", "planned"),
    [
        (
            {"search": {"episodes": 3}},
            "search",
            {"sample_candidates": 2, "distill_candidates": 2, "profile_latency": 2, "update_controller": 2},
        ),
        ({"data": {"max_train_rows": {"stsb": 90}}}, "data", {"fetch_task": 1}),
        ({"data": {"revision": "0" * 40}}, "all", {"record_run": 1}),  # of another source
        (
            {"students": {"hand_crafted": [{"name": "narrow", **NARROW}, {"name": "twin", **NARROW}]}},
            "students",
            {"hand_craft_student": 1, "distill_student": 1, "distill_glue": 1},
        ),
        (
            {"students": {"budgets": [{"latency_ratio": 0.5}]}},
            "students",
            {"select_student": 2, "distill_student": 2, "distill_glue": 2},
        ),
        (
            {"deployment": {"vocabulary": "used"}},
            "tables",
            {"export_models": 2, "table_deployment": 1, "table_cost": 1},
        ),
    ],
    ids=["episode", "rows", "revision", "student", "budget", "vocabulary"],
)
def test_more_of_something_makes_nothing_anew_that_is_there(finished, run_copy, changes, target, planned):
    write_config(run_copy, changes)
    assert plan(run_copy, target) == planned


def test_another_budget_searches_anew_with_the_strategy_that_aims_at_it_alone(run_copy):
    aimed = {"search": {"strategies": ["lstm", "random", "constrained"]}}
    write_config(run_copy, aimed | {"students": {"budgets": [{"latency_ratio": 0.5}]}})
    made = job_counts(succeed(run_copy, "search"))
    assert made["sample_candidates"] == made["update_controller"] == 2
    write_config(run_copy, aimed | {"students": {"budgets": [{"latency_ratio": 0.6}, {"parameters": 9_000}]}})
    assert plan(run_copy, "search")["sample_candidates"] == 2
    output = succeed(run_copy, "students")
    assert "constrained" in output
    students = {path.name for path in (run_copy / RESULTS / "students").iterdir()}
    assert {"constrained_budget_0.6", "lstm_budget_0.6", "lstm_best"} <= students
    assert "constrained_best" not in students


def test_untrained_refitted_candidates_within_budgets_reach_students(fresh):
    changes = {
        "search": {"strategies": ["constrained"]},
        "distillation": {"initialisation": "refit", "refit_rows": 40, "proxy": {"epochs": 0}},
        "reward": {"quality": "loss"},
        "students": {"budgets": [{"latency_ratio": 0.5}]},
        "fidelity": {"architectures": 0},
    }
    write_config(fresh, changes)
    succeed(fresh, "tables")
    found = history(fresh, "constrained", "episode_02")
    assert (found["status"] == "ok").all() and len(found) == 4
    cohort = json.loads((fresh / RESULTS / "search/constrained/episode_01/cohort_01.json").read_text())
    assert all(entry["quality_loss"] is not None for entry in cohort["evaluations"])
    glue = pd.read_csv(fresh / RESULTS / "tables" / "glue.csv")
    assert set(glue["model"]) == {"teacher", "constrained_budget_0.5", "narrow"}


def test_another_seed_is_taught_and_distilled_anew_though_the_store_is_one(run_copy):
    write_config(run_copy, {"seeds": [1, 2]})
    student = "students/narrow/mnli/seed_{}"
    made = job_counts(succeed(run_copy, f"{RESULTS}/{student.format(2)}/metrics.json"))
    assert made == {"finetune_teacher": 1, "distill_student": 1}
    for folder in ("teacher/mnli/seed_{}", student):
        first, second = (run_copy / RESULTS / folder.format(seed) for seed in (1, 2))
        assert json.loads((second / "metrics.json").read_text())["seed"] == 2
        first, second = (path / "model" / "model.safetensors" for path in (first, second))
        assert first.read_bytes() != second.read_bytes()


def test_touched_data_and_an_added_test_split_train_nothing_again(fresh):
    from synthetic_glue.generator import generate

    write_config(fresh, {"data": {"source": "local", "path": "glue", "max_train_rows": {"stsb": 30}}})
    folder = fresh / "glue" / "STS-B"
    folder.mkdir(parents=True)
    frames = generate("stsb", 1, 40, 10)
    # so large that Snakemake's defaults would go by its time
    frames["train"]["note"] = [random.Random(row).randbytes(50_000).hex() for row in range(40)]
    for split, frame in frames.items():
        frame.to_parquet(folder / f"{split}.parquet")
    succeed(fresh, f"{RESULTS}/teacher/stsb/seed_1/metrics.json")
    (folder / "train.parquet").touch()
    file = f"{RESULTS}/submissions/teacher/seed_1/STS-B.tsv"
    frames["validation"].assign(idx=range(9, -1, -1)).to_parquet(folder / "test.parquet")
    output = succeed(fresh, file)
    assert job_counts(output) == {"fetch_test": 1, "predict_test": 1}
    assert "STS-B.tsv will have 10 rows; the leaderboard wants 1379" in output
    written = pd.read_csv(fresh / file, sep="\t")
    assert written.columns.tolist() == ["index", "prediction"]
    assert written["index"].tolist() == list(range(10))
    assert written["prediction"].between(0, 5).all()


def history(folder: Path, strategy: str, episode: str) -> pd.DataFrame:
    """Return the evaluations of a search up to an episode."""
    return pd.read_csv(folder / RESULTS / "search" / strategy / episode / "history.csv")


def architectures(frame: pd.DataFrame) -> list[tuple]:
    """Return the architectures of a history, dimensions in alphabetical order as in the JSON files."""
    return list(frame[DIMENSIONS].itertuples(index=False, name=None))


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    """A copy of the workflow, to be edited."""
    return copy_sources(tmp_path_factory.mktemp("sources") / "workflow")


def reword(text: str) -> str:
    """Change the docstring of a module or script and add a comment."""
    return text.replace('"""', '"""Once more: ', 1) + "\n# a comment\n"


def extend(text: str) -> str:
    """Add a line of code to a module or script."""
    return text + "\nANSWER = 42\n"


def change(text: str) -> str:
    """Change what the functions of a module return, and what a script does."""
    return text.replace("    return ", "    return None or ") + "\nANSWER = 42\n"


@pytest.mark.parametrize(
    ("files", "edit", "rules"),
    [
        (["kdnas/tables/glue.py", "scripts/table_glue.py"], reword, set()),
        (["kdnas/tables/efficiency.py"], extend, set()),  # by what nothing uses
        (
            ["kdnas/tables/efficiency.py"],
            change,
            {"table_efficiency", "figure_quality_speed", "write_overview", "record_run"},
        ),
        (
            ["kdnas/tables/glue.py", "scripts/table_search.py"],
            change,
            {
                "table_glue",
                "figure_glue",
                "figure_quality_speed",
                "write_overview",
                "table_search",
                "record_run",
            },
        ),
    ],
)
def test_edited_code_runs_its_users_again(
    finished: Path, sources: Path, files: list[str], edit: Callable[[str], str], rules: set[str]
):
    before = {sources / file: (sources / file).read_text() for file in files}
    for path, text in before.items():
        path.write_text(edit(text))
    try:
        assert set(plan(finished, root=sources)) == rules
    finally:
        for path, text in before.items():
            path.write_text(text)
