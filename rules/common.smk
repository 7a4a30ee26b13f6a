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
from kdnas.files.code_digest import code_digest as _code_digest
from kdnas.config import check_run_config
from kdnas.config.reading import read_config
from kdnas.config.run_checks import check_root, check_sources, check_unchanged, note_for_jobs
from kdnas.errors import UserError
from kdnas.analysis.fidelity import Setting, recipe, settings
from kdnas.data.leaderboard import LEADERBOARD, leaderboard_files
from kdnas.data.local_folders import test_files, training_files
from kdnas.latency.gpu import awaits_gpu
from kdnas.models.files import files_that_may_count
from kdnas.names import (
    adopted_tasks,
    draws_from_space,
    figure_names,
    hand_crafted_students,
    searched_students,
    student_names,
    table_names,
    taught_tasks,
    times_whole_space,
    two_digits,
)
from kdnas.relay import relay_sigterm
from kdnas.data.rows import heldout_share, max_train_rows
from kdnas.stages import stage_settings
from kdnas.teacher_check import check_against_fetched
from kdnas.data.tasks import task_definitions

STORE = "results/store"

if "SLURM_JOB_ID" in os.environ:
    relay_sigterm()  # else a training would not hear that its time is up

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
DEFINITIONS = task_definitions(config["data"])  # what jobs are told of a task, by its name
SEARCH_TASK = config["search"]["task"]
ADOPTED = adopted_tasks(config)
TAUGHT = taught_tasks(config)
GLUE_TASKS = [task for task in TASKS if task != SEARCH_TASK]
STRATEGIES = config["search"]["strategies"]
EPISODES = [two_digits(number) for number in range(1, config["search"]["episodes"] + 1)]
EPISODE = f"{R}/search/{{strategy}}/episode_{{episode}}"  # its folder
HISTORIES = expand(f"{EPISODE}/history.csv", strategy=STRATEGIES, episode=EPISODES[-1])  # of whole searches
TIMED_WHOLE = times_whole_space(config)
SPACE_LATENCY = f"{R}/search/latency.json"  # of the whole space, where it is timed at once
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
LEADERBOARD_FILES = leaderboard_files(TASKS, config["data"]["diagnostic"])
DEVICES = ["cpu", "gpu"]
FIDELITY_SETTINGS = [setting.name for setting in settings(config["fidelity"])]
TABLES = table_names(config)
FIGURES = figure_names(config)
TABLE_KINDS = ["csv", "md", "tex", "html"]
FIGURE_KINDS = ["svg", "pdf", "png"]
FIDELITY = [name for name in TABLES if name == "fidelity"]  # the name of the study, where there is one
DEVICE_PARAMS = {key: config["training"][key] for key in ("device", "threads")}  # of jobs that only predict
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
    return lambda wildcards: _script_digest(rule_name)


@functools.cache
def _script_digest(rule_name):
    return _code_digest(ROOT / "scripts" / f"{rule_name}.py")


def training_params():
    """The part of the config's training section that decides results."""
    return {key: value for key, value in config["training"].items() if key != "checkpoint_minutes"}


def task_definition(wildcards):
    """What a job is told of its task."""
    return DEFINITIONS[wildcards.task]


def task_data(wildcards):
    """The part of the config's data section that a task's rows depend on."""
    data, task = config["data"], wildcards.task
    of_source = {"local": ["path"], "hub": ["revision"], "synthetic": ["synthetic"]}[data["source"]]
    rows = {"max_train_rows": max_train_rows(task, data["max_train_rows"])}
    rows["max_unlabelled_rows"] = {
        name: most for name, most in data["max_unlabelled_rows"].items() if name == task
    }
    found = {key: data[key] for key in ("source", *of_source)}
    if "path" in found:
        found["path"] = str(Path(found["path"]))  # however it is spelt
    return found | rows


def heldout(wildcards):
    """The share of a task that no model trains on."""
    return heldout_share(wildcards.task, config["search"])


def local_task_files(wildcards):
    """The files of a task in a local folder but its test splits, so that changed data is fetched anew."""
    data = config["data"]
    if data["source"] != "local":
        return []
    return [str(path) for path in training_files(Path(data["path"]), wildcards.task)]


def local_test_files(wildcards):
    """The files of a test split in a local folder, so that a changed one is fetched anew."""
    data, wanted = config["data"], LEADERBOARD[wildcards.file]
    if data["source"] != "local":
        return []
    return [str(path) for path in test_files(Path(data["path"]), wanted.subset, wanted.split)]


def leaderboard_model(wildcards):
    """The model that predicts a file of the leaderboard."""
    folder = "teacher" if wildcards.model == "teacher" else f"students/{wildcards.model}"
    return f"{R}/{folder}/{LEADERBOARD[wildcards.file].task}/seed_{wildcards.seed}/model"


def teacher_start(wildcards):
    """The encoder that a task's teacher starts from: the pretrained one or that of its intermediate task."""
    intermediate = config["teacher"]["intermediate_tasks"].get(wildcards.task)
    return f"{R}/teacher/{intermediate}/seed_{wildcards.seed}/model" if intermediate else f"{R}/teacher/base"


def answers_of(task, seed):
    """The file of the teacher's answers on a task."""
    return f"{R}/teacher/{task}/seed_{seed}/answers.safetensors"


def local_teacher_files(wildcards):
    """The files of a teacher in a local folder, so that a changed one is fetched anew."""
    teacher = config["teacher"]
    if teacher["source"] != "local":
        return []
    folder = Path(teacher["name"])
    return [str(path) for path in files_that_may_count(folder)] if folder.is_dir() else []


def before(wildcards, file):
    """A file of the episode before this one; nothing in the first."""
    number = int(wildcards.episode) - 1
    folder = EPISODE.format(strategy=wildcards.strategy, episode=two_digits(number))
    return f"{folder}/{file}" if number else []


def history_before(wildcards):
    return before(wildcards, "history.csv")


def controller_before(wildcards):
    return before(wildcards, "controller.safetensors")


def latency_table(wildcards):
    """The latency table, where the config names one that exists; a missing one is the job's clear error."""
    table = config["latency"]["table"]
    return [table] if table and Path(table).is_file() else []


def controller_params():
    """The part of the config's search section that proposals depend on."""
    keys = ("seed", "candidates", "space", "exploration", "controller")
    return {key: config["search"][key] for key in keys}


def distillation_params(stage):
    """The part of the config's distillation section that one stage depends on."""
    return stage_settings(config["distillation"], stage)


def history_of_student(wildcards):
    """The whole search that a student is selected from."""
    strategy, _ = SEARCHED[wildcards.student]
    return f"{EPISODE}/history.csv".format(strategy=strategy, episode=EPISODES[-1])


def of_match(file):
    """The function of an input about the hand-crafted students that others are matched with, where it counts."""

    def found(wildcards):
        _, rule = SEARCHED[wildcards.student]
        return file if rule.of_match else []

    return found


def hand_crafted_entry(wildcards):
    """What the config says of a hand-crafted student."""
    return next(entry for entry in config["students"]["hand_crafted"] if entry["name"] == wildcards.student)


def glue_start(wildcards):
    """The student that a task of GLUE starts from; nothing where it starts as on the search task."""
    if wildcards.task not in config["distillation"]["start_from_search_task"]:
        return []
    return f"{R}/students/{wildcards.student}/{SEARCH_TASK}/seed_{wildcards.seed}/model"


def gpu_that_came(wildcards):
    """No input, but gpu.json is made anew where it says that there was no GPU and its job would have one now.

    Snakemake's list of what to make anew is told: an input or a parameter would be another one afterwards.
    """
    file = f"{R}/latency/gpu.json"
    if workflow.is_main_process and wildcards.device == "gpu":
        if awaits_gpu(file, promised=gpu_counted_on(wildcards), here=workflow.local_exec):
            workflow.dag.forcefiles.add(file)
    return []


def fidelity_recipe(wildcards):
    """The part of the config's distillation section that a setting of the fidelity study trains with."""
    return recipe(config["distillation"], Setting.from_name(wildcards.setting))


def fidelity_files(wildcards):
    """What the target `fidelity` makes."""
    if not FIDELITY:
        raise UserError("fidelity.architectures is 0; allowed for the target fidelity: at least 1")
    tables = expand(f"{R}/tables/{{table}}.{{kind}}", table=FIDELITY, kind=TABLE_KINDS)
    return tables + expand(f"{R}/figures/{{figure}}.{{kind}}", figure=FIDELITY, kind=FIGURE_KINDS)


def submission_files(wildcards):
    """What the target `submissions` makes."""
    if not LEADERBOARD_FILES:
        raise UserError(
            f"data.tasks has {', '.join(TASKS)}; allowed for the target submissions: a task of GLUE among them"
        )
    return expand(
        f"{R}/submissions/{{model}}/seed_{{seed}}/{{file}}.tsv",
        model=MODELS,
        seed=SEEDS,
        file=LEADERBOARD_FILES,
    )
