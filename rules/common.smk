# The checked config, and the names and paths that all rules share.

import functools
import os
import re
import sys
from dataclasses import asdict
from pathlib import Path

ROOT = Path(str(workflow.current_basedir)).parent  # also where another workflow takes this one as a module
sys.path.insert(0, str(ROOT))
if Path(
    sys.executable
).exists():  # not escaped yet: Snakemake puts it into shell commands as it is (its issue 2645)
    sys.executable = re.sub(r"([^\w@%+=:,./-])", r"\\\1", sys.executable)

from kdnas.files.artifacts import check_writable
from kdnas.files.code_digest import script_digest
from kdnas.config.check import check_run_config
from kdnas.config.reading import read_config
from kdnas.workflow.run_checks import check_root, check_sources, check_unchanged, note_for_jobs
from kdnas.errors import UserError
from kdnas.analysis.fidelity import recipe
from kdnas.data.leaderboard import LEADERBOARD, leaderboard_files
from kdnas.data.local_folders import test_files, training_files
from kdnas.latency.gpu import awaits_gpu
from kdnas.latency.protocol import timed_in
from kdnas.models.files import files_that_may_count
from kdnas.search.screening import proposed, screens
from kdnas.search.selection_rules import budget_rule
from kdnas.search.strategies import AIMING
from kdnas.plan import (
    DEVICES,
    Setting,
    adopted_tasks,
    deploys,
    draws_from_space,
    fidelity_settings,
    figure_names,
    hand_crafted_students,
    jobs,
    searched_students,
    student_names,
    table_names,
    taught_tasks,
    times_deployed,
    times_whole_space,
    two_digits,
)
from kdnas.workflow.relay import relay_sigterm
from kdnas.data.rows import heldout_share, max_train_rows
from kdnas.data.settings import layout_part, tasks_with_answers
from kdnas.config.stages import stage_settings
from kdnas.teachers.config_check import check_against_fetched
from kdnas.data.tasks import task_definitions

STORE = "results/store"

if "SLURM_JOB_ID" in os.environ:
    relay_sigterm()  # without it a training would not hear that its time is up

try:
    check_root(ROOT)
    for _file in workflow.configfiles:
        if os.path.isfile(_file):  # not a pipe, which can be read once
            read_config(_file)  # Snakemake silently takes the last of two equal keys
    _checked = check_run_config(config)
    R = f"results/{_checked['experiment']}"
    for _folder in (R, STORE, ".snakemake"):  # Snakemake's own answer would be a traceback
        check_writable(_folder)
    check_against_fetched(_checked, Path(R) / "teacher" / "base")
    if not workflow.is_main_process:
        check_unchanged(_checked, R, os.environ)
    else:
        note_for_jobs(_checked, R, os.environ)
        if not any(argument.startswith("--allowed-rule") for argument in sys.argv):  # not parsed further yet
            check_sources(_checked, R)
except UserError as error:
    raise SystemExit(f"kdnas: {error}") from None
config.clear()
config.update(_checked)

ENVIRONMENT = f"../envs/{config['environment']}.yaml"

SEEDS = config["seeds"]
TASKS = config["data"]["tasks"]
DEFINITIONS = task_definitions(config["data"])  # of each task by its name, for jobs
SEARCH_TASK = config["search"]["task"]
ADOPTED = adopted_tasks(config)
TAUGHT = taught_tasks(config)
WITH_ANSWERS = tasks_with_answers(config["data"])
GLUE_TASKS = [task for task in TASKS if task != SEARCH_TASK]
STRATEGIES = config["search"]["strategies"]
EPISODES = [two_digits(number) for number in range(1, config["search"]["episodes"] + 1)]
EPISODE = f"{R}/search/{{strategy}}/episode_{{episode}}"  # its folder
HISTORIES = expand(f"{EPISODE}/history.csv", strategy=STRATEGIES, episode=EPISODES[-1])  # of whole searches
TIMED_WHOLE = times_whole_space(config)
SPACE_LATENCY = f"{R}/search/latency.json"  # of the whole space, where it is timed at once
LATENCY_OF_EPISODE = SPACE_LATENCY if TIMED_WHOLE else f"{EPISODE}/latency.json"
SCREENED = screens(config["search"])
PROPOSALS = f"{EPISODE}/{'proposals' if SCREENED else 'candidates'}.json"  # of a strategy
COHORTS = [two_digits(number) for number in range(1, config["search"]["cohorts"] + 1)]
SEARCHED = searched_students(config)
HAND_CRAFTED = hand_crafted_students(config)
STUDENTS = student_names(config)
MATCHED = [
    student
    for student in config["students"]["hand_crafted"]
    if student["name"] in config["students"]["matched"]
]
MODELS = ["teacher", *STUDENTS]
RUNTIMES = config["deployment"]["runtimes"]
DEPLOYED = deploys(config)
TIMED_DEPLOYED = times_deployed(config)
LEADERBOARD_FILES = leaderboard_files(TASKS, config["data"]["diagnostic"])
FIDELITY_SETTINGS = [setting.name for setting in fidelity_settings(config["fidelity"])]
TABLES = table_names(config)
FIGURES = figure_names(config)
TABLE_KINDS = ["csv", "md", "tex", "html"]
FIGURE_KINDS = ["svg", "pdf", "png"]
FIDELITY = [name for name in TABLES if name == "fidelity"]  # the name of the study, where there is one
DEVICE_PARAMS = {key: config["training"][key] for key in ("device", "threads")}  # of jobs that only predict
OVERVIEW = f"{R}/overview.rst"  # the first page of the report
ALL_CORES = workflow.resource_settings.cores or 1


def one_of(names):
    """The constraint of a wildcard that stands for the config's ``names`` and for nothing else."""
    return "|".join(re.escape(str(name)) for name in names) or "(?!)"


wildcard_constraints:
    task=one_of(TASKS),
    seed=one_of(SEEDS),
    strategy=one_of(STRATEGIES),
    episode=one_of(EPISODES),
    cohort=one_of(COHORTS),
    student=one_of(STUDENTS),
    device=one_of(DEVICES),
    setting=one_of(FIDELITY_SETTINGS),


def code_digest(rule_name):
    """The function of a rule's ``code``: a digest of its script and of every library module behind it.

    A changed one re-runs the rule. A submitted job starts a Snakemake of its own, which asks for no other rule's.
    """
    return lambda wildcards: _digest_of_rule(rule_name)


@functools.cache
def _digest_of_rule(rule_name):
    return script_digest(ROOT / "scripts" / f"{rule_name}.py")


def training_params():
    """The part of the config's training section that decides results."""
    return {key: value for key, value in config["training"].items() if key != "checkpoint_minutes"}


def task_definition(wildcards):
    """What a job is told of its task."""
    return DEFINITIONS[wildcards.task]


def answers_of(task, seed):
    """The file of the teacher's answers on a task."""
    return f"{R}/teacher/{task}/seed_{seed}/answers.safetensors"


def latency_table(wildcards):
    """The latency table, where the config names one that exists; a missing one is the job's clear error."""
    table = config["latency"]["table"]
    return [table] if table and Path(table).is_file() else []


def distillation_params(stage):
    """The part of the config's distillation section that one stage depends on."""
    return stage_settings(config["distillation"], stage)
