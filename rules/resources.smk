# Requests of jobs in a queue: memory and minutes from the config and from the files that they read, more of both with
# each attempt. On one machine they have no effect. Partitions are in profiles/slurm.

import contextlib

from kdnas.files.artifacts import read_json
from kdnas.estimate import loads, requests
from kdnas.estimate.loads import Inputs, Load, Student
from kdnas.latency.protocol import Protocol
from kdnas.search.space import Architecture, SearchSpace
from kdnas.training.recipe import Stage

LENGTHS = dict.fromkeys(("tokens", "longest"), config["teacher"]["max_length"])  # of inputs
TRAINER = requests.Machine(config["training"]["device"], config["training"]["threads"])
ON_CPU = requests.Machine("cpu", config["training"]["threads"])
LARGEST = requests.largest(config["search"]["space"])


def gpus(device):
    """The GPUs of a job on the config's ``device``: none with `auto`, because a job gets only what it asks for."""
    return int(device == "gpu")


def gpu_counted_on(wildcards):
    """Whether students are to be timed on a GPU that the config counts on, not one that may be there."""
    return wildcards.device == "gpu" and "gpu" in (config["training"]["device"], config["reward"]["device"])


def gpus_of_students(wildcards):
    """The GPUs of profile_students."""
    return int(gpu_counted_on(wildcards))


def for_finetuning(wildcards, input):
    rows = _rows(input.data)
    given = wildcards.task in WITH_ANSWERS  # then all rows train, and the teacher is asked for none
    inputs = Inputs(rows["train"] + rows["unlabelled"] * given, rows["others"], **LENGTHS)
    answered = 0 if given else rows["train"] + rows["unlabelled"] + rows["others"]  # at most
    stage = Stage.from_config(config["teacher"]["training"], config["training"]["max_gradient_norm"])
    return requests.request(loads.finetuning(_teacher(input.base), inputs, stage, answered=answered), TRAINER)


def for_cohort(wildcards, input):
    count = -(-config["search"]["candidates"] // config["search"]["cohorts"])
    return _on_proxy(input, LARGEST, count, config["distillation"]["proxy"])


def for_screening(wildcards, input):
    count = -(-config["search"]["screened"] // config["search"]["cohorts"])
    return _on_proxy(input, LARGEST, count, screening_params()["proxy"])


def for_hand_crafted(wildcards, input):
    stage = config["distillation"]["proxy"]
    return requests.most(_on_proxy(input, student, len(MATCHED), stage) for student in _shapes(MATCHED))


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


def for_timing_space(wildcards, input):
    students = SearchSpace(config["search"]["space"]).enumerate() + _shapes(MATCHED)
    return _timing(input, students, config["reward"]["device"])


def for_timing_candidates(wildcards, input):
    return _timing(input, [LARGEST] * proposed(config["search"]), config["reward"]["device"])


def for_timing_hand_crafted(wildcards, input):
    return _timing(input, _shapes(MATCHED), config["reward"]["device"])


def for_timing_students(wildcards, input):
    return _timing(input, _final_shapes(), "gpu" if gpus_of_students(wildcards) else "cpu")


def for_exporting(wildcards, input):
    inputs = Inputs(0, _rows(input.data)["others"], **LENGTHS)
    sizes, longest = _teacher(input.teacher), config["latency"]["sequence_length"]
    copied = config["deployment"]["vocabulary"] == "used"
    load = loads.exporting(
        sizes, _known(_final_shapes()), inputs, runtimes=RUNTIMES, longest=longest, copied=copied
    )
    return requests.request(load, ON_CPU)


def for_timing_deployed(wildcards, input):
    protocol = Protocol.from_config(config["latency"], "cpu")
    load = loads.timing_deployed(
        _teacher(input.teacher), _known(_final_shapes()), protocol, runtimes=RUNTIMES
    )
    return requests.request(load, requests.Machine("cpu", config["latency"]["cpu_threads"]))


def for_predicting(wildcards, input):
    inputs = Inputs(0, sum(_rows(input.data).values()), **LENGTHS)
    return requests.request(loads.predicting(_teacher(input.model), inputs), TRAINER)


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


class _DamagedInput(Exception):
    """An input is there but damaged."""


def _sized(request, wildcards, input):
    try:
        return request(wildcards, input)
    except _DamagedInput:  # the job itself will say so
        return requests.Request(requests.START_MB, requests.START_MINUTES)


@contextlib.contextmanager
def _reading(path):
    """Raise _DamagedInput for errors in the block.

    Where an earlier job has yet to make ``path``, raise the error that makes Snakemake ask again later.
    """
    os.stat(path)
    try:
        yield
    except (UserError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise _DamagedInput(path) from error


def _on_proxy(input, student, count, stage):
    with _reading(input.train):
        rows = int(read_json(Path(input.train).with_name("meta.json"))["rows"])
    with _reading(input.data):
        scored = _splits(input.data)["heldout"]
    return _distillation(input, student, count, stage, Inputs(rows, scored, **LENGTHS))


def _on_task(input, student, count, stage):
    rows = _rows(input.data)
    inputs = Inputs(rows["train"] + rows["unlabelled"], rows["others"], **LENGTHS)
    return _distillation(input, student, count, stage, inputs)


def _distillation(input, student, count, stage, inputs):
    teacher, distillation = _teacher(input.teacher), config["distillation"]
    load = loads.distillation(
        teacher,
        Student([student]),
        inputs,
        stage=Stage.from_config(stage, config["training"]["max_gradient_norm"]),
        losses=requests.costliest_losses(teacher.teacher),
        count=count,
        judged=True,
        answered=False,
        refit_rows=distillation["refit_rows"] if distillation["initialisation"] == "refit" else 0,
    )
    return requests.request(load, TRAINER)


def _timing(input, students, device):
    timer = requests.Machine(device, config["latency"]["cpu_threads"])
    protocol = Protocol.from_config(config["latency"], device)
    return requests.request(loads.timing(_teacher(input.base), _known(students), protocol), timer)


def _teacher(folder):
    with _reading(folder):
        return requests.sizes_of(folder)


def _student(input):
    with _reading(input.architecture):
        return Architecture.from_dict(read_json(input.architecture)["architecture"])


def _final_shapes():
    """The final students' shapes: of a searched one the largest that it may have."""
    return [LARGEST] * len(SEARCHED) + _shapes(config["students"]["hand_crafted"])


def _known(shapes):
    return [Student([shape]) for shape in shapes]


def _shapes(students):
    return [Architecture.from_dict(student) for student in students]


def _rows(folder):
    """The rows of a data folder that train, where there are any, those without labels, and all others."""
    splits = _splits(folder)
    rows = {split: splits.pop(split, 0) for split in ("train", "unlabelled")}
    return rows | {"others": sum(splits.values())}


def _splits(folder):
    """The rows of each split of a data folder."""
    with _reading(folder):
        splits = read_json(Path(folder) / "meta.json")["splits"]
        return {split: int(values["rows"]) for split, values in splits.items()}
