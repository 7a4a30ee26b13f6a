"""All models of a task and seed: exported, held against torch, quantised and scored."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch

from kdnas.data.frames import read_meta, read_split
from kdnas.data.tasks import Definition, Task, completed, get_task
from kdnas.deployment.gate import Difference, check_same
from kdnas.deployment.vocabulary import PiecesInUse
from kdnas.files.artifacts import atomic_folder, write_json
from kdnas.models.config_file import read_config_file
from kdnas.models.families import shape_of
from kdnas.models.tokenizer import load_tokenizer
from kdnas.models.tokenizer_json import TOKENIZER, USED
from kdnas.runtimes import INT8, TORCH, open_runtime, runtime_class
from kdnas.runtimes.base import COPY, Deployed, Runtime
from kdnas.runtimes.export import export_classifier, write_tokenizer
from kdnas.runtimes.instructions import cpu_flags
from kdnas.runtimes.onnx_runtime import ONNX, ONNX_INT8
from kdnas.runtimes.quantise import needs_reduced_range, quantise
from kdnas.training.data import Encoded, collate, encode
from kdnas.training.scoring import scores, scoring_batches

SCORES = "scores.json"
_CPU = torch.device("cpu")


def deploy_models(
    models: Mapping[str, Path],
    definition: Definition,
    *,
    data_folder: Path,
    folder: Path,
    seed: int,
    max_length: int,
    runtimes: Sequence[str],
    vocabulary: str,
    int8_margin: float,
    threads: int,
) -> None:
    """Write ``folder``: what each model needs without torch, and ``scores.json`` (docs/artifacts.md).

    Raises UserError for a runtime that is not installed, a tokenizer that cannot be cut, a model that cannot
    be exported, and an export or a copy that does not give what its model gives.

    Args:
        models: the transformers folder of each model, by its name.
        definition: of the task.
        data_folder: holds the task's rows.
        folder: is made.
        seed: that the models were trained with.
        max_length: tokens that texts are cut to.
        runtimes: names out of ``deployment.runtimes``, torch among them.
        vocabulary: the config's ``deployment.vocabulary``; where it is "used", all of this is made of copies.
        int8_margin: points that a model may lose in int8; then some of its layers are left in float32.
        threads: of a forward pass.
    """
    for name in runtimes:
        runtime_class(name)  # missing packages are told before the work
    meta = read_meta(data_folder)
    task = get_task(completed(definition, meta))
    frames = {split: read_split(data_folder, split) for split in task.evaluation_splits}
    rows: list[dict[str, Any]] = []
    of_copies: dict[str, dict[str, Any]] = {}
    pieces = None
    if vocabulary == USED:
        torch.set_num_threads(threads)
        first = next(iter(models.values()))
        pieces = PiecesInUse.of_task(definition, data_folder, model=first, max_length=max_length)
    with atomic_folder(folder) as temporary:
        for model, source in models.items():
            deployed = Deployed(source, temporary / model)
            deployed.onnx.mkdir()
            if pieces is not None:
                deployed = Deployed(deployed.onnx / COPY, deployed.onnx)
                of_copies[model] = pieces.copy(source, deployed.model)
                of_copies[model] |= pieces.compare(source, deployed.model, frames, name=model)
                print(f"{model} with fewer pieces: {of_copies[model]}")
            if any(runtime_class(name).in_onnx for name in runtimes):
                export_classifier(deployed.model, deployed.onnx / ONNX)
            tokenizer = load_tokenizer(deployed.model)
            write_tokenizer(tokenizer, deployed.onnx / TOKENIZER, max_length)
            splits = {
                split: encode(frame, task, tokenizer, max_length=max_length)
                for split, frame in frames.items()
            }
            reference: dict[str, np.ndarray] = {}
            for name in sorted(runtimes, key=lambda name: name != TORCH):  # torch first
                runtime, float_layers = runtime_class(name), None
                if runtime.file == ONNX_INT8:
                    logits, float_layers = _in_int8(
                        deployed, splits, task, reference=reference, margin=int8_margin, threads=threads
                    )
                else:
                    logits = predict_in(open_runtime(name, deployed, threads), splits)
                reference = reference or logits
                difference = Difference.between(reference, logits, kind=task.kind)
                if runtime.file == ONNX:
                    check_same(model, task, difference)
                rows.append(
                    {
                        "model": model,
                        "runtime": name,
                        "scores": _scores(logits, splits, task),
                        "size_mb": runtime.path(deployed).stat().st_size / 1e6,
                        "changed_rows": difference.changed_rows,
                        "largest_difference": difference.largest,
                        "float_layers": float_layers,
                    }
                )
                print(f"{model} in {name}: {rows[-1]['scores']}, {difference}, {float_layers=}")
        content = {
            "task": task.name,
            "seed": seed,
            "synthetic": meta["synthetic"],
            "rows": {split: len(frame) for split, frame in frames.items()},
            "official_rows": {split: meta["splits"][split]["official_rows"] for split in frames},
            "reduce_range": needs_reduced_range(cpu_flags()),
            "models": rows,
        }
        write_json(temporary / SCORES, content | ({"vocabulary": of_copies} if of_copies else {}))


def predict_in(runtime: Runtime, splits: Mapping[str, Encoded]) -> dict[str, np.ndarray]:
    """Return the logits (rows, labels) of every split, in the order of its rows."""
    found = {}
    for split, data in splits.items():
        parts = [(rows, runtime.logits(_batch(data, rows))) for rows in _batches(runtime, data)]
        order = np.argsort(np.concatenate([rows for rows, _ in parts]))
        found[split] = np.concatenate([logits for _, logits in parts])[order]
    return found


def _in_int8(
    deployed: Deployed,
    splits: Mapping[str, Encoded],
    task: Task,
    *,
    reference: Mapping[str, np.ndarray],
    margin: float,
    threads: int,
) -> tuple[dict[str, np.ndarray], int]:
    """Write the int8 file; return its logits by split, and how many of the last layers it has in float32.

    None are, unless it then loses more than the margin and more than chance explains. In that case the last
    one is tried, and half of them; if all lose too much, the file of the highest score stays.

    Args:
        deployed: has the file in float32.
        splits: that are scored.
        task: of these rows.
        reference: torch's logits.
        margin: in points of the task's score.
        threads: of a forward pass.
    """
    best: tuple[float, dict[str, np.ndarray], int] | None = None
    layers, reduce_range = (
        shape_of(read_config_file(deployed.model)).layers,
        needs_reduced_range(cpu_flags()),
    )
    before, tried = _points(reference, splits, task), deployed.onnx / "tried"
    tried.mkdir()
    for float_layers in sorted({0, 1, layers // 2}):
        file = tried / ONNX_INT8
        quantise(deployed.onnx / ONNX, file, reduce_range=reduce_range, float_layers=float_layers)
        logits = predict_in(open_runtime(INT8, Deployed(deployed.model, tried), threads), splits)
        points = _points(logits, splits, task)
        if best is None or points > best[0]:
            best = points, logits, float_layers
            file.replace(deployed.onnx / ONNX_INT8)
        if before - points <= max(margin, Difference.between(reference, logits, kind=task.kind).chance):
            break
    shutil.rmtree(tried)
    assert best is not None
    return best[1:]


def _scores(
    logits: Mapping[str, np.ndarray], splits: Mapping[str, Encoded], task: Task
) -> dict[str, dict[str, float]]:
    return {split: scores(logits[split], data, task) for split, data in splits.items()}


def _points(logits: Mapping[str, np.ndarray], splits: Mapping[str, Encoded], task: Task) -> float:
    """Return the task's score over all splits, in points."""
    return 100 * fmean(task.primary(found) for found in _scores(logits, splits, task).values())


def _batches(runtime: Runtime, data: Encoded) -> Iterator[np.ndarray]:
    for rows in scoring_batches(data):
        size = runtime.rows_at_once or len(rows)
        yield from (rows[start : start + size] for start in range(0, len(rows), size))


def _batch(data: Encoded, rows: np.ndarray) -> dict[str, np.ndarray]:
    batch = collate(data, rows, _CPU)
    return {name: value.numpy() for name, value in batch.items() if name != "labels"}
