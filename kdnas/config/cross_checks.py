"""What a schema cannot say: how the keys of a configuration depend on each other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kdnas.config.schema import load_schema
from kdnas.config.shape_checks import check_shapes
from kdnas.config.student_keys import hand_crafted
from kdnas.config.task_checks import (
    HUB_ID,
    check_custom_tasks,
    check_sources_of_custom_tasks,
    check_task_names,
)
from kdnas.config.unset import without_unset
from kdnas.data.rows import divide_rows, heldout_share, max_train_rows, proxy_rows
from kdnas.data.settings import tasks_with_answers
from kdnas.errors import UserError
from kdnas.runtimes import TORCH
from kdnas.search.screening import proposed
from kdnas.search.selection_rules import BUDGETED, budget_rule
from kdnas.search.space import SearchSpace
from kdnas.search.strategies import AIMING, STRATEGIES
from kdnas.sentences import shown


def cross_check(config: dict[str, Any]) -> None:
    """Raise UserError for the first contradiction in a configuration that ``validate`` returned."""
    _check_names(config)
    _check_paths(config)
    _check_searched(config)
    _check_budgets(config["students"]["budgets"], config["search"]["strategies"])
    _check_matched(config)
    check_custom_tasks(config["data"]["custom_tasks"])
    check_task_names(config)
    config = without_unset(config)
    _check_data(config)
    _check_teacher(config["teacher"])
    _check_finetuned_on(config["teacher"], config["data"])
    _check_intermediate_tasks(config["teacher"]["intermediate_tasks"], config["data"]["tasks"])
    check_shapes(config)
    _check_search(config["search"])
    _check_screened(config["search"], config["distillation"])
    _check_fidelity(config["fidelity"], config["search"]["space"])
    _check_proxy_rows(config)
    _check_unlabelled_rows(config)
    _check_losses(config)
    _check_epochs(config)
    _check_latency(config["latency"])
    _check_deployment(config["deployment"])
    _check_runtime_of_latency(config["latency"]["runtime"], config["reward"]["device"])


def _check_names(config: dict[str, Any]) -> None:
    if config["experiment"].lower() == "store":
        raise UserError(
            f"experiment is {shown(config['experiment'])}; allowed: any other name, because results/store "
            "is the store of what was trained"
        )
    taken = re.compile(rf"teacher|({'|'.join(STRATEGIES)})_(best|(budget|no_slower_than|no_worse_than)_.*)")
    names: set[str] = set()
    for path, student in hand_crafted(config):
        name = student["name"]
        if taken.fullmatch(name):
            raise UserError(
                f"{path}.name is {shown(name)}; allowed: a name that neither the teacher nor a searched "
                "student has"
            )
        if name in names:
            raise UserError(f"{path}.name is {shown(name)} a second time; allowed: each name once")
        names.add(name)


def _check_paths(config: dict[str, Any]) -> None:
    """Let a missing path pass: the job that reads it says so. Other bad paths would break the plan itself."""
    for section, key, is_path in (
        ("data", "path", config["data"]["source"] == "local"),
        ("teacher", "name", config["teacher"]["source"] == "local"),
        ("latency", "table", True),
    ):
        path = config[section][key]
        if path is not None and ("{" in path or "}" in path):  # Snakemake reads them as wildcards
            raise UserError(f"{section}.{key} is {shown(path)}; allowed: a path without {{ and }}")
        if not is_path or path is None:
            continue
        try:
            Path(path).stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise UserError(
                f"{section}.{key} is {shown(path)}; allowed: a path that the system can look up ({reason})"
            ) from error
        results = Path("results") / config["experiment"]
        if Path(path).resolve().is_relative_to(results.resolve()):  # Snakemake deletes outputs before a job
            raise UserError(
                f"{section}.{key} is {shown(path)}, inside {results}, which the run itself writes; "
                "allowed: a path outside this folder"
            )


def _check_searched(config: dict[str, Any]) -> None:
    if config["search"]["strategies"]:
        return
    students = config["students"]
    for key in ("budgets", "matched"):
        if students[key]:
            raise UserError(
                f"students.{key} is a list of {len(students[key])}; allowed with search.strategies empty: "
                "an empty list, because this key selects from what a search found"
            )
    if not students["hand_crafted"]:
        raise UserError(
            "students.hand_crafted is empty; allowed with search.strategies empty: at least one student"
        )


def _check_budgets(budgets: list[dict[str, float | None]], strategies: list[str]) -> None:
    names: dict[str, int] = {}
    for name in AIMING:
        if name in strategies and not budgets:
            raise UserError(
                f"students.budgets is an empty list; allowed with {name} in search.strategies: at least one "
                "budget, because this strategy looks for the best student within each"
            )
    for position, budget in enumerate(budgets):
        rule = budget_rule(budget)
        if not rule.bound:
            raise UserError(
                f"students.budgets[{position}] bounds nothing; allowed: at least one of {', '.join(BUDGETED)}"
            )
        other = names.setdefault(rule.name, position)
        if other != position:
            raise UserError(
                f"students.budgets[{position}] is named {rule.name}, as students.budgets[{other}] is; "
                "allowed: budgets that differ in the first six digits of a bound"
            )


def _check_matched(config: dict[str, Any]) -> None:
    names = [student["name"] for _, student in hand_crafted(config)]
    matched = config["students"]["matched"]
    for position, name in enumerate(matched):
        if name not in names:
            raise UserError(
                f"students.matched[{position}] is {shown(name)}; allowed: a name in "
                f"students.hand_crafted ({', '.join(names) or 'which is empty'})"
            )
    baseline = config["claims"]["baseline"]
    if baseline is not None and baseline not in matched:
        raise UserError(
            f"claims.baseline is {shown(baseline)}; allowed: null, or a name in students.matched "
            f"({', '.join(matched) or 'which is empty'})"
        )


def _check_data(config: dict[str, Any]) -> None:
    data, task = config["data"], config["search"]["task"]
    if task not in data["tasks"]:
        raise UserError(
            f"search.task is {shown(task)}; allowed: one of data.tasks ({', '.join(data['tasks'])})"
        )
    if data["source"] == "local" and data["path"] is None:
        raise UserError("data.path is null; allowed with data.source local: the folder that holds the tasks")
    if data["diagnostic"] and (data["source"] == "synthetic" or "mnli" not in data["tasks"]):
        raise UserError(
            f"data.diagnostic is true with data.source {data['source']} and data.tasks "
            f"{', '.join(data['tasks'])}; allowed: data.source local or hub, and mnli in data.tasks, whose "
            "models predict the diagnostic set"
        )
    if data["source"] == "synthetic":
        import synthetic_glue  # a copy of the workflow for one's own data may do without

        for name in data["tasks"]:
            if name not in synthetic_glue.TASKS:
                raise UserError(
                    f"data.tasks has {name}; allowed with data.source synthetic: "
                    f"{', '.join(synthetic_glue.TASKS)}"
                )
    check_sources_of_custom_tasks(data)


def _check_teacher(teacher: dict[str, Any]) -> None:
    source, name, revision = teacher["source"], teacher["name"], teacher["revision"]
    if source == "package" and not name.isidentifier():
        raise UserError(
            f"teacher.name is {shown(name)}; allowed with teacher.source package: the import name of a "
            "package"
        )
    if source == "hub" and not HUB_ID.fullmatch(name):
        raise UserError(
            f"teacher.name is {shown(name)}; allowed with teacher.source hub: a model's id, such as "
            "owner/name"
        )
    if source == "hub" and revision is None:
        raise UserError(
            "teacher.revision is null; allowed with teacher.source hub: a full commit of 40 "
            "lower-case hexadecimal digits"
        )
    if source != "hub" and revision is not None:
        raise UserError(
            f"teacher.revision is {shown(revision)}; allowed with teacher.source {source}: null, because "
            "only the hub has revisions"
        )
    keys = load_schema()["properties"]["teacher"]["properties"]
    is_default = source == keys["source"]["default"] and name == keys["name"]["default"]
    if not is_default and teacher["sha256"] == keys["sha256"]["default"]:
        raise UserError(
            f"teacher.sha256 is that of the default teacher; allowed with teacher.name {shown(name)}: the "
            "SHA-256 of this teacher's weights file, or null to skip the check"
        )


def _check_finetuned_on(teacher: dict[str, Any], data: dict[str, Any]) -> None:
    task, intermediate, tasks = teacher["finetuned_on"], teacher["intermediate_tasks"], data["tasks"]
    if task in tasks_with_answers(data):
        raise UserError(
            f"teacher.finetuned_on is {shown(task)}, but data.custom_tasks.{task}.answer_columns has another "
            "teacher's answers; allowed: one of the two (without finetuned_on, the model is where the "
            "training on the answers starts)"
        )
    if task is not None and (task not in tasks or task in intermediate):
        allowed = [name for name in tasks if name not in intermediate]
        raise UserError(
            f"teacher.finetuned_on is {shown(task)}; allowed: null, or one of data.tasks without an "
            f"intermediate task ({', '.join(allowed) or 'none'})"
        )


def _check_intermediate_tasks(intermediate: dict[str, str], tasks: list[str]) -> None:
    for task, other in intermediate.items():
        if task not in tasks:  # of a preset, whose mapping another file can add to but not empty
            continue
        allowed = [name for name in tasks if name != task and name not in intermediate]
        if other not in allowed:
            raise UserError(
                f"teacher.intermediate_tasks.{task} is {shown(other)}; allowed: another one of data.tasks, "
                f"without an intermediate task of its own ({', '.join(allowed) or 'none'}), or null"
            )


def _check_search(search: dict[str, Any]) -> None:
    episodes, candidates = search["episodes"], search["candidates"]
    if search["cohorts"] > candidates:
        raise UserError(
            f"search.cohorts is {search['cohorts']}; allowed: at most search.candidates, {candidates}"
        )
    key = "screened" if search["screened"] else "candidates"
    architectures, proposals = len(SearchSpace(search["space"])), episodes * proposed(search)
    if proposals > architectures:
        raise UserError(
            f"search.episodes times search.{key} is {proposals}; allowed: at most the "
            f"{architectures} architectures of search.space, because none is proposed twice"
        )
    exploration = search["exploration"]
    if exploration["end"] > exploration["start"]:
        raise UserError(
            f"search.exploration.end is {exploration['end']}; allowed: at most search.exploration.start, "
            f"{exploration['start']}"
        )


def _check_fidelity(fidelity: dict[str, Any], space: dict[str, Any]) -> None:
    count, architectures = fidelity["architectures"], len(SearchSpace(space))
    if 0 < count < 3 or count > architectures:
        raise UserError(
            f"fidelity.architectures is {count}; allowed: 0, or 3 to {architectures}, the number of "
            "architectures in search.space"
        )


def _check_proxy_rows(config: dict[str, Any]) -> None:
    """Refuse a proxy set smaller than one batch: the size of generated tasks is known beforehand."""
    data, search = config["data"], config["search"]
    if data["source"] != "synthetic":
        return
    most = max_train_rows(search["task"], data["max_train_rows"])
    rows, _ = divide_rows(data["synthetic"]["train_rows"], most, search["proxy"]["heldout"])
    drawn = proxy_rows(rows, search["proxy"]["share"])
    batch_size = config["distillation"]["proxy"]["batch_size"]
    if batch_size > drawn:
        raise UserError(
            f"distillation.proxy.batch_size is {batch_size}; allowed: at most the {drawn} rows of the "
            f"proxy set (search.proxy.share {search['proxy']['share']} of {rows} rows)"
        )


def _check_unlabelled_rows(config: dict[str, Any]) -> None:
    """Refuse a generated task in which no row is left to be used without its label."""
    data = config["data"]
    if data["source"] != "synthetic":
        return
    rows = data["synthetic"]["train_rows"]
    for task in data["tasks"]:
        most = max_train_rows(task, data["max_train_rows"])
        taken = sum(divide_rows(rows, most, heldout_share(task, config["search"])))
        if task in data["max_unlabelled_rows"] and taken == rows:
            raise UserError(
                f"data.max_unlabelled_rows has {task}; allowed with data.source synthetic: a task of whose "
                f"{rows} rows some are left beyond data.max_train_rows and the held-out ones, or 0"
            )


def _check_losses(config: dict[str, Any]) -> None:
    losses = config["distillation"]["losses"]
    if not any(losses.values()):
        raise UserError(
            f"distillation.losses is 0 for all of {', '.join(losses)}; allowed: at least one above 0"
        )
    answered = tasks_with_answers(config["data"])
    if answered and not losses["logits"]:
        raise UserError(
            f"distillation.losses.logits is 0; allowed with data.custom_tasks.{answered[0]}.answer_columns: "
            "above 0, because no other loss learns from these answers"
        )
    of_teacher = [name for name in losses if name != "labels"]
    if any(losses[name] for name in of_teacher):
        return
    if config["data"]["max_unlabelled_rows"]:
        raise UserError(
            f"data.max_unlabelled_rows has {', '.join(config['data']['max_unlabelled_rows'])}; allowed with "
            f"distillation.losses 0 for all of {', '.join(of_teacher)}: no rows, because only these losses "
            "learn from the teacher"
        )
    quality = config["reward"]["quality"]
    if quality != "accuracy":
        raise UserError(
            f'reward.quality is "{quality}"; allowed with distillation.losses 0 for all of '
            f"{', '.join(of_teacher)}: accuracy, because nothing asks the teacher"
        )


def _check_deployment(deployment: dict[str, Any]) -> None:
    runtimes, vocabulary = deployment["runtimes"], deployment["vocabulary"]
    if vocabulary == "used" and not runtimes:
        raise UserError(
            "deployment.vocabulary is used; allowed with deployment.runtimes []: teacher, because no model "
            "is exported"
        )
    if runtimes and TORCH not in runtimes:
        raise UserError(
            f"deployment.runtimes is {', '.join(runtimes)}; allowed: an empty list, or torch among them, as "
            "speed-ups are over the teacher in torch"
        )


def _check_runtime_of_latency(runtime: str, device: str) -> None:
    if device == "gpu" and runtime != TORCH:
        raise UserError(
            f'latency.runtime is {runtime}; allowed with reward.device "gpu": torch, because the pinned '
            "package onnxruntime has no CUDA provider"
        )


def _check_epochs(config: dict[str, Any]) -> None:
    """Refuse trainings of no step; only the proxy may be one, of students that start from their teacher."""
    stages = {f"distillation.{name}": config["distillation"][name] for name in ("student", "glue")}
    for path, stage in ({"teacher.training": config["teacher"]["training"]} | stages).items():
        if not (stage["epochs"] or stage["min_steps"]):
            raise UserError(
                f"{path}.epochs is 0; allowed with {path}.min_steps 0: at least 1, because only "
                "distillation.proxy may train nothing"
            )
    proxy, fidelity = config["distillation"]["proxy"], config["fidelity"]
    random = config["distillation"]["initialisation"] == "random"
    if random and not (proxy["epochs"] or proxy["min_steps"]):
        raise _random_and_untrained("distillation.proxy.epochs is 0", "distillation.initialisation")
    if not fidelity["architectures"]:
        return
    if 0 in fidelity["proxy_epochs"] and "random" in fidelity["initialisations"]:
        raise _random_and_untrained("fidelity.proxy_epochs is 0", "fidelity.initialisations")


def _check_screened(search: dict[str, Any], distillation: dict[str, Any]) -> None:
    screened, proxy = search["screened"], distillation["proxy"]
    if not screened:
        return
    if screened <= search["candidates"]:
        raise UserError(
            f"search.screened is {screened}; allowed: 0, or more than search.candidates, "
            f"{search['candidates']}"
        )
    if distillation["initialisation"] == "random":
        raise _random_and_untrained(f"search.screened is {screened}", "distillation.initialisation")
    if not (proxy["epochs"] or proxy["min_steps"]):
        raise UserError(
            f"search.screened is {screened}; allowed with distillation.proxy.epochs 0: 0, because candidates "
            "are judged without training anyway"
        )


def _random_and_untrained(setting: str, start: str) -> UserError:
    return UserError(
        f"{setting} and {start} random; allowed without any training: students that start from their teacher"
    )


def _check_latency(latency: dict[str, Any]) -> None:
    if latency["max_rounds"] < latency["min_rounds"]:
        raise UserError(
            f"latency.max_rounds is {latency['max_rounds']}; allowed: at least latency.min_rounds, "
            f"{latency['min_rounds']}"
        )
