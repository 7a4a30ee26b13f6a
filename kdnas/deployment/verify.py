"""Whether a bundle alone gives the scores that it promises, to everybody who may read it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kdnas.data.frames import fingerprint, read_split
from kdnas.data.metrics import of_logits
from kdnas.data.tasks import Task, get_task
from kdnas.deployment.bundle import SCORES, read_expected
from kdnas.errors import UserError
from kdnas.runtimes import TORCH
from kdnas.sentences import short

LARGEST = 1e-3  # difference of a score: a tenth of a point
PROGRAMS = Path(__file__).parent / "clients"
PACKAGE = "@huggingface/transformers"


@dataclass(frozen=True)
class Client:
    """Who reads a bundle: ``command`` wants its folder, a file in it, and rows on the standard input."""

    name: str
    command: tuple[str, ...]


TRANSFORMERS = Client("transformers", (sys.executable, "-I", str(PROGRAMS / "with_transformers.py")))
ONNXRUNTIME = Client("onnxruntime", (sys.executable, "-I", str(PROGRAMS / "with_onnxruntime.py")))
NODE = Client("transformers.js", ("node", str(PROGRAMS / "with_node.mjs")))


def node_folder() -> Path:
    """Return the folder that ``make node`` installs into: the variable ``KDNAS_NODE`` names another one."""
    return Path(os.environ.get("KDNAS_NODE") or Path.home() / ".cache" / "kdnas" / "node").resolve()


def why_no_node() -> str | None:
    """Return why transformers.js cannot run here; None where it can."""
    if shutil.which("node") is None:
        return "there is no program node"
    if not (node_folder() / "node_modules" / PACKAGE).is_dir():
        return f"{node_folder()} has no {PACKAGE}, which make node installs"
    return None


def logits_of(client: Client, folder: Path, file: str, texts: Sequence[Sequence[str]]) -> np.ndarray:
    """Return the logits (rows, labels) of rows of one or two ``texts``; UserError if the client fails."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "KDNAS_NODE": str(node_folder())}
    process = subprocess.run(
        [*client.command, str(folder.resolve()), file],
        input=json.dumps(texts), env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if process.returncode:
        told = [line for line in process.stderr.splitlines() if "Error" in line] or ["it said nothing"]
        raise UserError(f"{client.name} cannot read {file} of {folder} ({short(told[-1].strip(), 240)})")
    return np.array(json.loads(process.stdout), dtype=np.float64)


def verify(folder: Path, rows: Path | None) -> pd.DataFrame:
    """Return what clients make of the bundle ``folder``, one row a client, file, split and metric.

    The columns are their names, ``score``, the ``promised`` one, and ``largest_difference`` (of a logit to
    transformers'). ``rows`` is the data folder of the bundle's task, None for that of the run it lies in.
    transformers.js is left out where it is not installed. Raises UserError where a score differs from the
    promised one by more than ``LARGEST``, a client fails, or the rows are not those that were scored.
    """
    expected = read_expected(folder)
    try:
        task, promised = get_task(expected["task"]), expected["models"]
        frames = _rows(task, expected["splits"], rows or folder.resolve().parents[3] / "data" / task.name)
        files = {model["file"]: model["scores"] for model in promised}
        onnx = [model["file"] for model in promised if model["runtime"] != TORCH]
        readings = [(TRANSFORMERS, model["file"]) for model in promised if model["runtime"] == TORCH]
    except (IndexError, KeyError, TypeError) as error:
        raise UserError(f"{folder / SCORES} is damaged ({error!r})") from error
    clients = [ONNXRUNTIME, *([] if why_no_node() else [NODE])]
    readings += [(client, file) for client in clients for file in onnx]
    texts = [row for frame in frames.values() for row in frame[list(task.text_columns)].to_numpy().tolist()]
    reference, found = None, []
    for client, file in readings:
        logits = logits_of(client, folder, file, texts)
        reference = logits if reference is None else reference
        for line in _scored(logits, task, frames, files[file]):
            found.append({"client": client.name, "file": file, **line})
            found[-1]["largest_difference"] = float(np.abs(logits - reference).max())
            _check(found[-1], folder)
    return pd.DataFrame(found)


def _rows(task: Task, splits: Mapping[str, Any], rows: Path) -> dict[str, pd.DataFrame]:
    """Read the rows of every split, and hold them to the fingerprints of those that were scored."""
    if not rows.is_dir():
        raise UserError(f"there are no rows in {rows}; allowed with --rows: the data folder of {task.name}")
    frames = {split: read_split(rows, split) for split in splits}
    for split, frame in frames.items():
        if fingerprint({split: frame}) != splits[split]["fingerprint"]:
            raise UserError(f"{rows} has other rows in {split} than those that the bundle's scores are of")
    return frames


def _scored(
    logits: np.ndarray, task: Task, frames: Mapping[str, pd.DataFrame], promised: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the score of each split and metric; ``logits`` are those of all frames, one after the other."""
    ends = np.cumsum([len(frame) for frame in frames.values()])
    for (split, frame), part in zip(frames.items(), np.split(logits, ends[:-1]), strict=True):
        for metric, score in of_logits(task, part, task.kind.targets(frame["label"])).items():
            yield {"split": split, "metric": metric, "score": score, "promised": promised[split][metric]}


def _check(line: Mapping[str, Any], folder: Path) -> None:
    if not abs(line["score"] - line["promised"]) <= LARGEST:
        raise UserError(
            f"{line['client']} finds another score with {line['file']} of {folder} than its {SCORES} says: "
            f"{line['metric']} {line['score']:.4f} on {line['split']} instead of {line['promised']:.4f}; "
            f"allowed: a difference of {LARGEST:g}"
        )
