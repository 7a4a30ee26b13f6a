# Input and parameter functions of the rules, in the order of the rules. Each is used by one rule file only; they are
# here because `snakemake --lint` allows no functions beside rules.

# data.smk


def task_data(wildcards):
    """The part of the config's data section that a task's rows depend on."""
    data, task = config["data"], wildcards.task
    of_source = {"local": ["path"], "hub": ["revision"], "synthetic": ["synthetic"]}[data["source"]]
    if task in data["custom_tasks"]:
        of_source = [key for key in of_source if key != "revision"]  # which is of GLUE
    rows = {"max_train_rows": max_train_rows(task, data["max_train_rows"])}
    rows["max_unlabelled_rows"] = {
        name: most for name, most in data["max_unlabelled_rows"].items() if name == task
    }
    found = {key: data[key] for key in ("source", *of_source)}
    if "path" in found:
        found["path"] = str(Path(found["path"]))  # one spelling, whatever the config has
    own = {name: layout_part(entry) for name, entry in data["custom_tasks"].items() if name == task}
    return found | rows | ({"custom_tasks": own} if own else {})


def heldout(wildcards):
    """The share of a task that no model trains on."""
    return heldout_share(wildcards.task, config["search"])


def local_task_files(wildcards):
    """The files of a task in a local folder but GLUE's test splits, so that changed data is fetched anew."""
    data, task = config["data"], wildcards.task
    if data["source"] != "local":
        return []
    with_test = task in data["custom_tasks"]
    return [str(path) for path in training_files(Path(data["path"]), task, with_test=with_test)]


# teacher.smk


def teacher_start(wildcards):
    """The encoder that a task's teacher starts from: the pretrained one, or the teacher of its intermediate task."""
    intermediate = config["teacher"]["intermediate_tasks"].get(wildcards.task)
    return f"{R}/teacher/{intermediate}/seed_{wildcards.seed}/model" if intermediate else f"{R}/teacher/base"


def given_answers(wildcards):
    """How a teacher learns the answers that the rows have, empty where they have none."""
    if wildcards.task not in WITH_ANSWERS:
        return {}
    distillation = config["distillation"]
    losses = {name: distillation["losses"][name] for name in ("logits", "labels")}
    return {"losses": losses, "temperature": distillation["temperature"]}


def local_teacher_files(wildcards):
    """The files of a teacher in a local folder, so that a changed one is fetched anew."""
    teacher = config["teacher"]
    if teacher["source"] != "local":
        return []
    folder = Path(teacher["name"])
    return [str(path) for path in files_that_may_count(folder)] if folder.is_dir() else []


# search.smk


def controller_params(wildcards):
    """The part of the config that a strategy's proposals depend on."""
    search = config["search"] | {"candidates": proposed(config["search"])}
    own = {key: search[key] for key in ("seed", "candidates", "space", "exploration", "controller")}
    if wildcards.strategy not in AIMING:
        return own  # another budget re-runs no search that does not look at it
    return own | {"budgets": [budget_rule(budget).bound for budget in config["students"]["budgets"]]}


def before(wildcards, file):
    """A file of the episode before this one; nothing in the first."""
    number = int(wildcards.episode) - 1
    folder = EPISODE.format(strategy=wildcards.strategy, episode=two_digits(number))
    return f"{folder}/{file}" if number else []


def history_before(wildcards):
    return before(wildcards, "history.csv")


def controller_before(wildcards):
    return before(wildcards, "controller.safetensors")


def screened_before(wildcards):
    return before(wildcards, "screened.csv") if SCREENED else []


def screening_params():
    """The part of the config's distillation section that screening depends on: the proxy, without its training."""
    settings = distillation_params("proxy")
    return settings | {"proxy": settings["proxy"] | {"epochs": 0, "min_steps": 0}}


# fidelity.smk


def fidelity_recipe(wildcards):
    """The part of the config's distillation section that a setting of the fidelity study trains with."""
    return recipe(config["distillation"], Setting.from_name(wildcards.setting))


def fidelity_files(wildcards):
    """What the target `fidelity` makes."""
    if not FIDELITY:
        raise UserError("fidelity.architectures is 0; allowed for the target fidelity: at least 3")
    tables = expand(f"{R}/tables/{{table}}.{{kind}}", table=FIDELITY, kind=TABLE_KINDS)
    return tables + expand(f"{R}/figures/{{figure}}.{{kind}}", figure=FIDELITY, kind=FIGURE_KINDS)


# students.smk


def history_of_student(wildcards):
    """The whole search that a student is selected from."""
    strategy, _ = SEARCHED[wildcards.student]
    return f"{EPISODE}/history.csv".format(strategy=strategy, episode=EPISODES[-1])


def of_match(file):
    """The input function for a file about matched hand-crafted students: nothing for students that match none."""

    def found(wildcards):
        _, rule = SEARCHED[wildcards.student]
        return file if rule.of_match else []

    return found


def hand_crafted_entry(wildcards):
    """A hand-crafted student's entry in the config."""
    return next(entry for entry in config["students"]["hand_crafted"] if entry["name"] == wildcards.student)


def gpu_that_came(wildcards):
    """No input; it makes gpu.json anew where that file says that there was no GPU and its job would have one now.

    It adds the file to Snakemake's own list. An input or a parameter would differ again afterwards.
    """
    file = f"{R}/latency/gpu.json"
    if workflow.is_main_process and wildcards.device == "gpu":
        if awaits_gpu(file, promised=gpu_counted_on(wildcards), here=workflow.local_exec):
            workflow.dag.forcefiles.add(file)
    return []


# glue.smk


def glue_start(wildcards):
    """The student that a task of GLUE starts from; nothing where it is initialised as on the search task."""
    if wildcards.task not in config["distillation"]["start_from_search_task"]:
        return []
    return f"{R}/students/{wildcards.student}/{SEARCH_TASK}/seed_{wildcards.seed}/model"


# deployment.smk


def exported_models(wildcards):
    """The ONNX files that a bundle takes over, with their scores."""
    if not DEPLOYED:
        raise UserError("deployment.runtimes is []; allowed for bundles: torch at least")
    return f"{R}/deployment/{wildcards.task}/seed_{wildcards.seed}"


# submissions.smk


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


def submission_files(wildcards):
    """What the target `submissions` makes."""
    if not LEADERBOARD_FILES:
        raise UserError(
            f"data.tasks has {', '.join(TASKS)}; allowed for the target submissions: at least one task of GLUE"
        )
    return expand(
        f"{R}/submissions/{{model}}/seed_{{seed}}/{{file}}.tsv",
        model=MODELS,
        seed=SEEDS,
        file=LEADERBOARD_FILES,
    )
