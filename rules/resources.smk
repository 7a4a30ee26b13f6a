# What the jobs in a queue ask for: memory and minutes from the config and from the files that they read, more of
# both with each attempt. On one machine nobody asks, and these have no effect; partitions are profiles/slurm's.

from kdnas.artifacts import read_json
from kdnas.estimate import requests
from kdnas.space import Architecture

TOKENS = config["teacher"]["max_length"]
TRAINER = requests.Machine(config["training"]["device"], config["training"]["threads"])
LARGEST = requests.largest(config["search"]["space"])


def gpus(device):
    """The GPUs of a job on the config's ``device``: none with `auto`, as a cluster gives what is asked for."""
    return int(device == "gpu")


def gpus_of_students(wildcards):
    """The GPUs of profile_students: one for the GPU, where the config counts on one."""
    counted_on = "gpu" in (config["training"]["device"], config["reward"]["device"])
    return int(wildcards.device == "gpu" and counted_on)


def for_finetuning(wildcards, input):
    rows, scored = _rows(input.data)
    return requests.finetuning(
        _teacher(input.base), rows, scored, config["teacher"]["training"], TOKENS, TRAINER
    )


def for_cohort(wildcards, input):
    count = -(-config["search"]["candidates"] // config["search"]["cohorts"])
    return _on_proxy(input, LARGEST, count, config["distillation"]["proxy"])


def for_hand_crafted(wildcards, input):
    stage = config["distillation"]["proxy"]
    return _largest(_on_proxy(input, student, len(MATCHED), stage) for student in _shapes(MATCHED))


def for_fidelity(wildcards, input):
    setting = Setting.from_name(wildcards.setting)
    stage = recipe(config["distillation"], setting)[setting.stage]
    count = config["fidelity"]["architectures"]
    if setting.proxy_epochs is not None:
        return _on_proxy(input, LARGEST, count, stage)
    return _on_task(input, LARGEST, count, stage)


def for_student(wildcards, input):
    return _on_task(input, _student(input), 1, config["distillation"]["student"])


def for_glue(wildcards, input):
    return _on_task(input, _student(input), 1, config["distillation"]["glue"])


def for_timing_candidates(wildcards, input):
    return _timing(input, [LARGEST] * config["search"]["candidates"], config["reward"]["device"])


def for_timing_hand_crafted(wildcards, input):
    return _timing(input, _shapes(MATCHED), config["reward"]["device"])


def for_timing_students(wildcards, input):
    shapes = [LARGEST] * len(SEARCHED) + _shapes(config["students"]["hand_crafted"])
    return _timing(input, shapes, "gpu" if gpus_of_students(wildcards) else "cpu")


def for_predicting(wildcards, input):
    return requests.predicting(_teacher(input.model), sum(_rows(input.data)), TOKENS, TRAINER)


def memory(request):
    """The function of a rule's ``mem_mb``; ``request`` is one of the functions above."""

    def mem_mb(wildcards, input, attempt):
        return attempt * _sized(request, wildcards, input).mb

    return mem_mb


def minutes(request):
    """The function of a rule's ``runtime``."""

    def runtime(wildcards, input, attempt):
        return min(requests.LONGEST_MINUTES, attempt * _sized(request, wildcards, input).minutes)

    return runtime


def _sized(request, wildcards, input):
    try:
        return request(wildcards, input)
    except FileNotFoundError:  # _made's
        raise
    except Exception:  # a damaged input, of which the job itself will tell
        return requests.Request(requests.START_MB, requests.START_MINUTES)


def _on_proxy(input, student, count, stage):
    rows = read_json(Path(_made(input.train)).with_name("meta.json"))["rows"]
    scored = _splits(input.data)["heldout"]["rows"]
    return requests.distillation(
        _teacher(input.teacher), student, count, rows, scored, stage, TOKENS, TRAINER
    )


def _on_task(input, student, count, stage):
    rows, scored = _rows(input.data)
    return requests.distillation(
        _teacher(input.teacher), student, count, rows, scored, stage, TOKENS, TRAINER
    )


def _timing(input, students, device):
    timer = requests.Machine(device, config["latency"]["cpu_threads"])
    return requests.timing(_teacher(input.base), students, config["latency"], timer)


def _largest(wanted):
    wanted = list(wanted)
    return requests.Request(max(item.mb for item in wanted), max(item.minutes for item in wanted))


def _teacher(folder):
    return requests.Teacher(_made(folder))


def _student(input):
    return Architecture.from_dict(read_json(_made(input.architecture))["architecture"])


def _shapes(students):
    return [Architecture.from_dict(student) for student in students]


def _rows(folder):
    """The rows of a data folder's training split, where it has one, and of all its other splits."""
    splits = _splits(folder)
    others = sum(values["rows"] for split, values in splits.items() if split != "train")
    return splits.get("train", {"rows": 0})["rows"], others


def _splits(folder):
    return read_json(Path(_made(folder)) / "meta.json")["splits"]


def _made(path):
    """Return ``path``; where an earlier job has yet to make it, raise what tells Snakemake to ask again later."""
    os.stat(path)
    return path
