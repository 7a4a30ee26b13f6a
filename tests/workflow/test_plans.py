"""Every preset plans without a network, and the estimate counts the jobs that Snakemake plans."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter

import pytest
import yaml
from experiment import RESULTS, ROOT, plan, snakemake, succeed, write_config

from kdnas.config.check import check_config
from kdnas.plan import jobs

PRESETS = sorted((ROOT / "config").glob("*.yaml"))


@pytest.mark.parametrize("preset", PRESETS, ids=[path.stem for path in PRESETS])
def test_estimate_counts_what_a_preset_plans(preset, tmp_path):
    shutil.copyfile(preset, tmp_path / "config.yaml")
    assert plan(tmp_path) == counted(tmp_path)


def test_cluster_profile_plans_the_same(inputs):
    assert plan(inputs, "--profile", str(ROOT / "profiles" / "slurm"), cores=None) == counted(inputs)


def test_as_a_module_of_another_workflow_it_plans_the_same_under_other_names(inputs, tmp_path):
    for file in ("config.yaml", "latency.csv"):
        shutil.copyfile(inputs / file, tmp_path / file)
    shutil.copytree(inputs / "teacher", tmp_path / "teacher")
    (tmp_path / "Snakefile").write_text(
        'configfile: "config.yaml"\n'
        "module kdnas:\n"
        f'    snakefile: "{ROOT / "Snakefile"}"\n'
        "    config: config\n"
        "use rule * from kdnas as kd_*\n"
    )
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run", "kd_all"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    found = {
        rule.removeprefix("kd_"): int(count)
        for rule, count in re.findall(r"^(kd_\w+) +(\d+)$", process.stdout + process.stderr, re.M)
    }
    assert found == counted(inputs) | {"all": 1}


@pytest.mark.parametrize(
    "file",
    [
        "search/lstm/episode_1/history.csv",  # written with two digits
        "search/random/episode_03/cohort_01.json",  # of two episodes
        "search/random/episode_02/cohort_02.json",  # of one cohort
        "students/narrow/mnli/seed_2/metrics.json",
    ],
)
def test_file_that_is_not_of_the_experiment_is_refused(inputs, file):
    process = snakemake(inputs, f"{RESULTS}/{file}", "--dry-run")
    assert process.returncode == 1
    assert "MissingRuleException" in process.stdout and file in process.stdout, process.stdout


def test_teacher_of_an_intermediate_task_comes_first(fresh):
    write_config(fresh, {"teacher": {"intermediate_tasks": {"stsb": "mnli"}}})
    planned = plan(fresh, f"{RESULTS}/teacher/stsb/seed_1/metrics.json")
    assert planned["finetune_search_teacher"] == planned["finetune_teacher"] == 1


def test_fine_tuned_teacher_is_fine_tuned_on_the_other_task_only(fresh):
    write_config(fresh, {"teacher": {"finetuned_on": "mnli"}})
    planned = plan(fresh)
    assert planned == counted(fresh)
    assert {rule: count for rule, count in planned.items() if rule.endswith("_teacher")} == {
        "fetch_teacher": 1,
        "adopt_teacher": 1,
        "finetune_teacher": 1,
    }


def test_without_strategies_hand_crafted_students_are_distilled_and_nothing_is_searched(fresh):
    write_config(fresh, {"search": {"strategies": []}, "fidelity": {"architectures": 0}})
    planned = plan(fresh)
    assert planned == counted(fresh)
    assert planned["distill_student"] == planned["table_glue"] == planned["table_efficiency"] == 1
    of_search = {"build_proxy", "sample_candidates", "distill_candidates", "select_student", "table_search"}
    assert not of_search & set(planned)


def test_fidelity_study_needs_no_strategy(fresh):
    write_config(fresh, {"search": {"strategies": []}})
    planned = plan(fresh)
    assert planned == counted(fresh)
    assert planned["build_proxy"] == planned["table_fidelity"] == 1 and "table_search" not in planned


def test_custom_tasks_are_planned_like_others(fresh):
    tickets = {"text_columns": ["body"], "labels": ["low", "high"], "metrics": ["accuracy"]}
    data = {"source": "local", "path": "mine", "tasks": ["tickets"], "custom_tasks": {"tickets": tickets}}
    write_config(
        fresh, {"data": data, "search": {"task": "tickets"}, "distillation": {"start_from_search_task": []}}
    )
    planned = plan(fresh)
    assert planned == counted(fresh)
    assert planned["fetch_task"] == planned["finetune_search_teacher"] == 1


def test_task_that_starts_from_its_teacher_needs_no_student_of_the_search_task(fresh):
    write_config(fresh, {"distillation": {"start_from_search_task": []}})
    planned = plan(fresh, f"{RESULTS}/students/narrow/stsb/seed_1/metrics.json")
    assert planned["distill_glue"] == planned["finetune_teacher"] == 1
    assert "distill_student" not in planned


def test_config_that_the_fetched_teacher_rules_out_is_refused_before_the_first_job(fresh):
    succeed(fresh, f"{RESULTS}/teacher/base")
    write_config(fresh, {"teacher": {"max_length": 33}})
    process = snakemake(fresh, "--dry-run")
    assert process.returncode == 1
    sentence = "kdnas: teacher.max_length is 33; allowed: at most the teacher's 32 positions"
    assert process.stdout.strip().splitlines()[-1] == sentence
    # another teacher is the job's to check
    shutil.copytree(fresh / "teacher", fresh / "other")
    write_config(fresh, {"teacher": {"max_length": 33, "name": "other"}})
    assert plan(fresh, f"{RESULTS}/teacher/base") == {"fetch_teacher": 1}


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("fidelity", "fidelity.architectures is 0; allowed for the target fidelity: at least 3"),
        (
            "submissions",
            "data.tasks has tickets; allowed for the target submissions: at least one task of GLUE",
        ),
    ],
)
def test_target_that_has_nothing_to_make_says_why(fresh, target, sentence):
    tickets = {"text_columns": ["body"], "labels": ["low", "high"], "metrics": ["accuracy"]}
    data = {"source": "local", "path": "mine", "tasks": ["tickets"], "custom_tasks": {"tickets": tickets}}
    changes = {"data": data, "search": {"task": "tickets"}, "fidelity": {"architectures": 0}}
    write_config(fresh, changes | {"distillation": {"start_from_search_task": []}})
    process = snakemake(fresh, target, "--dry-run")
    assert process.returncode == 1
    assert f"UserError: {sentence}\n" in process.stdout


def counted(folder):
    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    return dict(Counter(job.rule for job in jobs(check_config(config))))
