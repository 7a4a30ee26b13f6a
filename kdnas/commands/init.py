"""Write a first configuration for rows and a model of your own.

It looks at the training file and at the model, and says in the file that it writes what each choice is for.
Before that, all files of the task are read as a run will read them, with its checks and warnings.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import yaml

from kdnas.commands.drafting import draft_space, find_columns, meaning_of, read_rows, token_lengths
from kdnas.config.check import check_config
from kdnas.config.schema import load_schema
from kdnas.data.local_folders import SUFFIXES, split_names, split_of
from kdnas.data.remarks import remarks
from kdnas.data.rows import heldout_share
from kdnas.data.settings import DataSettings, Layout
from kdnas.data.sources import load_task
from kdnas.data.sources.readers import Encoding
from kdnas.data.tasks import TASKS, completed, get_task, task_definitions
from kdnas.data.unlabelled import UNLABELLED
from kdnas.errors import UserError
from kdnas.files.artifacts import write_text
from kdnas.models.config_file import read_config_file
from kdnas.models.families import check_family, family_of, shape_of
from kdnas.sentences import counted, listed, shown
from kdnas.teachers.fetch import TeacherSource, local_folder, package_folder

MOST_TRAINED = 20_000  # rows with labels: on two cores more take long
LARGE = 512  # hidden size from which fine-tuning wants a lower rate
VALIDATION_SHARE = Layout().validation_share
MOST_HELDOUT, MOST_PROXY = 2000, 2500  # rows that rank candidates, and that they are distilled on

TEMPLATE = Template(
    """\
# Made by `python -m kdnas init`. Keys that are not here have the defaults of docs/configuration.md.

experiment: $experiment               # results go to results/$experiment/

data:
  source: local
  path: $path                   # the folder that holds $task/
  custom_tasks:
$doubt    $task: $entry
  tasks: [$task]
$rows
teacher:
$teacher
  max_length: $longest          # tokens; 95 % of the rows have at most so many
  training: {epochs: 3, min_steps: 400, learning_rate: $rate}

search:
  task: $task
  strategies: [constrained]     # looks for the best student within each of students.budgets
  episodes: 5
  candidates: 8
  cohorts: 2                    # jobs that share the candidates: one for each core or GPU
  space:                        # what a student may be: up to all of the teacher, in whole heads
    layers: $layers
    hidden_size: $hidden_size
    attention_heads: $attention_heads
    head_size: $head_size
    ffn_size: $ffn_size
    activation: $activation
  proxy: {share: $share, heldout: $heldout}   # of the training rows: candidates learn from, and are judged on

reward: {quality: loss}         # how close a candidate comes to the teacher's answers

latency:
  runtime: onnxruntime_int8     # what students are chosen for; or onnxruntime, torch
  batch_size: 1
  sequence_length: $typical     # tokens; half of the rows have at most so many
  cpu_threads: 1

distillation:
  initialisation: refit         # fitted to the teacher layer by layer, before any training
  proxy: {epochs: 0}            # candidates are judged untrained, which ranks as well as a short training
  student: {epochs: 5, learning_rate: 2.0e-4}

students:
  budgets: [{latency_ratio: 0.2}, {latency_ratio: 0.4}]   # at most these shares of the teacher's time
  hand_crafted:                 # to compare with: the teacher with half of its layers
    - $half
"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder of the rows, the model, and what cannot always be seen from them."""
    parser.add_argument("data", type=Path, help="the folder with train.csv (or .jsonl, .tsv, .parquet ...)")
    parser.add_argument("--model", help="the folder of your model; without it a small MiniLM takes its place")
    parser.add_argument("--text", nargs="+", metavar="COLUMN", help="the one or two columns with the texts")
    parser.add_argument("--label", metavar="COLUMN", help="the column with the label")
    parser.add_argument("--encoding", default="utf-8", help="of a text file")
    parser.add_argument("--output", type=Path, help="file to write; by default the task's name with .yaml")


def run(options: argparse.Namespace) -> str:
    """Write the configuration and return what it was made of and what to do next; raises UserError."""
    task, train = _task(options.data), _training_file(options.data)
    output = options.output or Path(f"{task}.yaml")
    if output.exists():
        raise UserError(f"{output} is there already; allowed: --output with the name of a new file")
    rows = read_rows(train, Encoding(options.encoding, "--encoding"))
    columns = find_columns(rows, train, text=options.text, label=options.label)
    meaning = meaning_of(rows[columns.label], columns.label, train)
    model = _model_folder(options.model)
    config = read_config_file(model)
    check_family(getattr(config, "model_type", None), str(model))
    entry = {"text_columns": columns.text, "label_column": columns.label, **meaning.keys}
    if options.encoding != "utf-8":
        entry["encoding"] = options.encoding
    family = family_of(config.model_type)
    padding = getattr(config, "pad_token_id", family.pad_token_id)
    positions = config.max_position_embeddings - family.unused_positions(padding)
    lengths = token_lengths(rows[columns.text], model, positions)
    space = draft_space(shape_of(config))
    text = TEMPLATE.substitute(
        {name: json.dumps(values) for name, values in space.items()},
        task=task,
        experiment=_experiment(output, task),
        path=json.dumps(str(_parent(options.data))),
        doubt=f"    # {meaning.doubt}\n" if meaning.doubt else "",
        entry=_inline(entry),
        rows=_rows(options.data, task, len(rows)),
        teacher=_teacher(options.model, config, task, classes=meaning.classes),
        rate="3.0e-5" if space["hidden_size"][-1] >= LARGE else "1.0e-4",
        longest=lengths.longest,
        typical=lengths.typical,
        heldout=_heldout(len(rows), len(meaning.classes)),
        share=_share(MOST_PROXY, 1.0, len(rows)),
        half=_inline(_half_the_layers(space)),
    )
    warnings = _trial(yaml.safe_load(text), task)
    write_text(output, text)
    found = f"texts in {' and '.join(map(shown, columns.text))}, labels in {shown(columns.label)}"
    lines = [
        f"{output}: {counted(len(rows), 'row')} of {train}, {found}: {meaning.described}.",
        *([f"Or: {meaning.doubt}."] if meaning.doubt else []),
        *(f"Warning: {warning}." for warning in warnings),
        "Look it over, then:",
        f"  python -m kdnas check {output}",
        f"  make estimate CONFIG={output}",
        f"  make run CONFIG={output}",
    ]
    return "\n".join(lines)


def _trial(config: dict[str, Any], task: str) -> list[str]:
    """Read all rows as ``fetch_task`` does and return its warnings; raises UserError."""
    checked = check_config(config)
    definition = task_definitions(checked["data"])[task]
    settings = DataSettings.from_config(checked["data"])
    frames, meta = load_task(definition, settings, heldout_share(task, checked["search"]))
    return remarks(get_task(completed(definition, meta)), frames, meta)


def _experiment(output: Path, task: str) -> str:
    """Return a name for the results, so that two drafts of one task do not share a folder."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", output.stem).lstrip("_.-")
    return name or task


def _parent(folder: Path) -> Path:
    """Return the folder that holds ``folder``, also where that is named by dots."""
    return folder.parent if folder.name not in ("", "..") else Path(os.path.relpath(folder.resolve().parent))


def _task(folder: Path) -> str:
    """Return the name of the task whose rows are in ``folder``."""
    if folder.is_file():
        raise UserError(
            f"{folder} is a file; allowed: the folder of a task, such as data/reviews, with this file in it "
            f"as train{''.join(folder.suffixes)}"
        )
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}; allowed: one that holds train.csv or the like")
    name = folder.resolve().name.lower()
    if not re.fullmatch("[a-z][a-z0-9_]*", name) or name in TASKS:
        raise UserError(
            f"{folder} is named {shown(name)}; allowed: a name of lower-case letters, digits and _ that "
            "starts with a letter and is not the name of a task of GLUE, because the folder names the task"
        )
    return name


def _training_file(folder: Path) -> Path:
    files = [file for file in _files(folder) if split_of(file) in split_names("train")]
    if not files:
        raise UserError(
            f"{folder} has no training file; allowed: train with {', '.join(SUFFIXES)}; its files: "
            f"{listed(file.name for file in sorted(folder.iterdir()))}"
        )
    return files[0]


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.name.endswith(SUFFIXES))


def _model_folder(name: str | None) -> Path:
    source = "package" if name is None else "local"
    teacher = TeacherSource(source, name or _default_package(), revision=None, sha256=None)
    return package_folder(teacher) if name is None else local_folder(teacher)


def _default_package() -> str:
    name: str = load_schema()["properties"]["teacher"]["properties"]["name"]["default"]
    return name


def _rows(folder: Path, task: str, count: int) -> str:
    """Return the lines on how many rows are used."""
    lines = []
    if count > MOST_TRAINED:
        lines.append(
            f"  max_train_rows: {{{task}: {MOST_TRAINED}}}    # of {count}: all take long on two cores"
        )
        lines.append(
            f"  max_unlabelled_rows: {{{task}: {MOST_TRAINED}}}   # of the others, without their labels"
        )
    elif any(split_of(file) == UNLABELLED for file in _files(folder)):
        lines.append(f"  max_unlabelled_rows: {{{task}: null}}    # all rows of unlabelled.*")
    return "".join(f"{line}\n" for line in lines)


def _teacher(name: str | None, config: Any, task: str, *, classes: list[str]) -> str:
    """Return the lines that say which model is the teacher."""
    if name is None:
        lines = ["  source: package               # yours: local, with name: path/to/model"]
        return "\n".join([*lines, f"  name: {_default_package()}"])
    lines = [
        "  source: local",
        f"  name: {json.dumps(name)}",
        "  sha256: null                  # or the checksum",
    ]
    names = [str(label) for label in getattr(config, "id2label", {}).values()]
    if classes and sorted(names) == sorted(classes):
        lines.append(f"  finetuned_on: {task}    # its classes are those of the rows; see docs/data.md")
    return "\n".join(lines)


def _share(most: int, of_all: float, rows: int) -> float:
    """Return the share of the training rows that is ``most`` rows, at most ``of_all``."""
    return round(min(of_all, most / min(rows, MOST_TRAINED)), 3)


def _heldout(rows: int, classes: int) -> float:
    """Return the share of the training rows that is held out, with room for a row of each class."""
    cut = rows - round(rows * VALIDATION_SHARE)  # a validation split may be cut before
    return max(_share(MOST_HELDOUT, 0.2, rows), math.ceil(1000 * classes / min(cut, MOST_TRAINED)) / 1000)


def _half_the_layers(space: Mapping[str, Any]) -> dict[str, Any]:
    whole = {name: space[name][-1] for name in ("hidden_size", "attention_heads", "ffn_size", "activation")}
    return {"name": "half_the_layers", "layers": max(1, space["layers"][-1] // 2), **whole}


def _inline(values: Mapping[str, Any]) -> str:
    """Return a mapping as YAML on one line."""
    return yaml.safe_dump(dict(values), default_flow_style=True, sort_keys=False, width=10_000).strip()
