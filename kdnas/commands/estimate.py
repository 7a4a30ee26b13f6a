"""Print the time, memory and disk that a run would take, after half a minute of measuring this machine."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from kdnas.commands import check
from kdnas.config.check import check_run_config
from kdnas.config.reading import read_configs
from kdnas.errors import UserError
from kdnas.runtimes.instructions import EMULATED, computes_in_bf16, emulates_bf16
from kdnas.sentences import counted, shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the configuration files, the cores and a run to compare with."""
    check.add_arguments(parser)
    parser.add_argument("--cores", default="all", help="CPU cores that the run may use: a number or all")
    parser.add_argument(
        "--compare", type=Path, metavar="RESULTS", help="results/<experiment> of a run, to compare"
    )


def run(options: argparse.Namespace) -> str:
    """Return the estimate, or the comparison with a run that was measured."""
    config = check_run_config(read_configs(options.config))
    return estimate(config, _cores(options.cores), options.compare)


def estimate(config: dict[str, Any], cores: int, results: Path | None) -> str:
    """Calibrate and return the text that the command prints for a checked configuration; raises UserError."""
    from kdnas.estimate.report import comparison_text, costs, estimate_text, measured_costs

    measured = measured_costs(results) if results else None
    print("Measuring this machine, about half a minute ...", file=sys.stderr)
    from kdnas.estimate.calibration import calibrate
    from kdnas.estimate.shapes import BYTES, Embeddings, parameters
    from kdnas.estimate.sizes import task_size
    from kdnas.estimate.teacher import find_teacher
    from kdnas.estimate.work import Workload
    from kdnas.models.families import shape_of

    teacher = find_teacher(config)
    sizes = {task: task_size(task, config, teacher.tokenizer) for task in config["data"]["tasks"]}
    shape = shape_of(teacher.config)
    embeddings = Embeddings.from_model_config(teacher.config)
    workload = Workload(config, teacher=shape, embeddings=embeddings, sizes=sizes)
    tokens = round(sizes[config["search"]["task"]].tokens)
    student = workload.typical_student(tokens)
    machine = calibrate(config, teacher.config, student=student, tokens=tokens)
    rows = costs(
        config,
        workload.jobs(),
        machine,
        cores=cores,
        teacher_bytes=BYTES * parameters(shape, embeddings, 2),
    )
    table = estimate_text(rows, machine) if measured is None else comparison_text(rows, measured)
    threads = counted(config["training"]["threads"], "thread")
    head = (
        f"Experiment {config['experiment']} on {cores} cores, from nothing. Training was measured on "
        f"{machine.device_name} ({machine.device}), {threads} a job, with "
        f"the teacher {shape.short_name} and the student {student.short_name}."
    )
    return "\n".join([head, "", table, "", *_notes(config, teacher.assumed, sizes, machine)])


def _notes(config: dict[str, Any], assumed: bool, sizes: dict[str, Any], machine: Any) -> list[str]:
    custom = config["data"]["custom_tasks"]
    unmeasured = [task for task, size in sizes.items() if not size.measured and task not in custom]
    at_most = [task for task, size in sizes.items() if not size.measured and task in custom]
    notes = [
        "Expect these numbers to be off by up to a factor of two. Students that the search has yet to find",
        "count as the mean of search.space, latencies with latency.max_rounds. Total wall clock: from rules",
        "that overlap as well as they can to one after another. Not counted: downloads, waiting in a queue,",
        "other load, results that the store has, candidates that fail, checkpoints (they are deleted).",
    ]
    if assumed:
        notes.append("The teacher is not on this machine yet, so the shape of BERT-Base is assumed.")
    if unmeasured:
        notes.append(
            f"No data to count yet, so rows and lengths come from a table of GLUE: {', '.join(unmeasured)}."
        )
    if at_most:
        notes.append(
            f"No tokenizer yet, so texts count with teacher.max_length tokens: {', '.join(at_most)}."
        )
    in_bf16 = config["training"]["precision"] == "bf16"
    if machine.device == "cpu" and not in_bf16 and computes_in_bf16():
        notes.append(
            "This CPU computes in bf16, which the run does not use: training.precision: bf16 trains faster."
        )
    if machine.device == "cpu" and in_bf16 and emulates_bf16():
        notes.append(f"{EMULATED}.")
    if machine.device == "cpu" and config["training"]["device"] == "gpu":
        notes.append(
            "training.device is gpu, but this machine has none: the hours are a CPU's, the run would stop."
        )
    return notes


def _cores(text: str) -> int:
    if text == "all":
        return os.cpu_count() or 1
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"--cores is {shown(text)}; allowed: a whole number from 1, or all")
    return int(text)
