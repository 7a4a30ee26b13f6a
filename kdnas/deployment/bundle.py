"""A student as a folder that a stranger can use, with the conventions of the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnas.data.frames import fingerprint, read_split
from kdnas.deployment.card import Facts, card
from kdnas.errors import UserError
from kdnas.files.artifacts import atomic_folder, read_json, write_json
from kdnas.files.store import link_or_copy_all
from kdnas.models.files import CONFIG, WEIGHTS, file_names, tokenizer_files
from kdnas.models.tokenizer_json import TOKENIZER
from kdnas.runtimes import TORCH, runtime_class
from kdnas.runtimes.onnx_runtime import ONNX, ONNX_INT8

ONNX_FOLDER = "onnx"  # where transformers.js looks for these files:
DTYPES = {ONNX: "fp32", ONNX_INT8: "q8"}  # by what it calls them
CARD, SCORES = "README.md", "scores.json"


def write_bundle(folder: Path, *, model: Path, exported: Path, data: Path, facts: Facts) -> None:
    """Write ``folder``: the student for transformers and as ONNX files, its card and its scores.

    Files of ``model``, its transformers folder, and ``exported``, its folder of rule ``export_models``, are
    hard links where that is possible. The one ``tokenizer.json`` is of the latter: transformers sets itself
    how it cuts and pads, other readers take what stands in the file. ``data`` holds the task's rows. Raises
    UserError for a missing or damaged file.
    """
    onnx = sorted(file_names(exported) & DTYPES.keys())
    with atomic_folder(folder) as temporary:
        own = {CONFIG, WEIGHTS, *tokenizer_files(model)} - {TOKENIZER}
        link_or_copy_all(model, temporary, own)
        link_or_copy_all(exported, temporary, [TOKENIZER])
        if onnx:
            (temporary / ONNX_FOLDER).mkdir()
            link_or_copy_all(exported, temporary / ONNX_FOLDER, onnx)
        write_json(temporary / SCORES, _expected(facts, data))
        card(facts, {DTYPES[file]: f"{ONNX_FOLDER}/{file}" for file in onnx}).save(temporary / CARD)


def read_expected(folder: Path) -> dict[str, Any]:
    """Return a bundle's ``scores.json`` (docs/artifacts.md); raises UserError if the folder is no bundle."""
    for name in (SCORES, CARD, WEIGHTS):
        if not (folder / name).is_file():
            raise UserError(
                f"{folder} is no bundle, as it has no {name}; allowed: a folder of rule bundle_student"
            )
    return read_json(folder / SCORES)


def _expected(facts: Facts, data: Path) -> dict[str, Any]:
    splits = {split: read_split(data, split) for split in facts.task.evaluation_splits}
    return {
        "student": facts.student,
        "task": facts.task.definition,
        "seed": facts.seed,
        "synthetic": facts.exported["synthetic"],
        "splits": {
            split: {"rows": len(frame), "fingerprint": fingerprint({split: frame})}
            for split, frame in splits.items()
        },
        "models": [
            {"runtime": name, "file": _file(name), "scores": scores}
            for name, scores in facts.scores_of(facts.student).items()
        ],
    }


def _file(runtime: str) -> str:
    return WEIGHTS if runtime == TORCH else f"{ONNX_FOLDER}/{runtime_class(runtime).file}"
