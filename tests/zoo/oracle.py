"""What has to hold of a teacher of the zoo, worked out without kdnas."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import torch

from zoo.build import class_order, frames, takes_types
from zoo.encoding import open_tokenizer, padded, tokenised, unpadded
from zoo.product import Outcome
from zoo.spec import CUTTABLE, Spec

TELLING = 0.7  # of the answers right in another order of unnamed classes can't be chance
TIE = 1e-3  # logits closer than that may come in either order
NAMED = re.compile(r"teacher['. ]|latency\.|students\.|search\.|distillation\.")
ALLOWED = re.compile(r"allowed|must be|are not read|is damaged")


def check(spec: Spec, source: Path, outcome: Outcome) -> None:
    """Raise AssertionError unless the teacher was refused as it should be, or all that was saved is true."""
    if outcome.refused is not None:
        _check_refusal(spec, outcome)
        return
    assert not spec.broken, "a teacher that can't be used was taken"
    frame = frames(spec)["validation"]
    rows = None
    for name, folder in outcome.models.items():
        rows = _check_folder(spec, name, folder)
        _check_tokens(spec, source, name, rows)
    if spec.adopted:
        _check_adopted(spec, source, outcome.models["teacher"], frame)
    assert not spec.healthy or bool(outcome.copies) == (spec.tokenizer in CUTTABLE), outcome.not_cut
    for name, folder in outcome.copies.items():
        _check_copy(spec, name, outcome.models[name], folder)


def _check_refusal(spec: Spec, outcome: Outcome) -> None:
    sentence = outcome.refused
    assert not outcome.left, f"refused by {outcome.refused_by}, and yet there is {outcome.left}"
    assert not spec.healthy, f"refused by {outcome.refused_by}: {sentence}"
    assert len(sentence.splitlines()) == 1, f"not one line: {sentence}"
    assert NAMED.search(sentence), f"names no key and no file: {sentence}"
    assert ALLOWED.search(sentence), f"does not say what is allowed: {sentence}"
    assert len(sentence) < 700, f"too long: {sentence}"


def _check_folder(spec: Spec, name: str, folder: Path) -> list[dict[str, list[int]]]:
    """Hold ``metrics.json`` to what the saved folder gives, padded and not; return its tokens of each row."""
    from transformers import AutoModelForSequenceClassification

    frame = frames(spec)["validation"]
    tokenizer = open_tokenizer(folder)
    model, report = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"] and not report["mismatched_keys"], f"{name}: {report}"
    model.eval()
    rows = tokenised(tokenizer, frame, spec.texts, None)
    alone, together = unpadded(model, rows), padded(model, tokenizer, frame, spec.texts)
    scale = 1 + alone.abs().max()
    assert torch.isfinite(alone).all(), f"{name}: its outputs are not finite"
    distance = float((alone - together).abs().max())
    assert distance < TIE * scale, f"{name}: padded and unpadded rows differ by {distance:.3g}"
    (said,) = json.loads((folder.parent / "metrics.json").read_text())["scores"]["validation"].values()
    _check_score(spec, name, "the saved folder", said, alone)
    return rows


def _check_tokens(spec: Spec, source: Path, name: str, rows: list[dict[str, list[int]]]) -> None:
    """Hold the tokens of the saved folder to those of the teacher's own, cut to teacher.max_length."""
    theirs = tokenised(open_tokenizer(source), frames(spec)["validation"], spec.texts, spec.lengths[0])
    for place, (row, other) in enumerate(zip(rows, theirs, strict=True)):
        assert row["input_ids"] == other["input_ids"], (
            f"{name}: row {place} has other tokens than the teacher's own tokenizer gives: "
            f"{row['input_ids']} and {other['input_ids']}"
        )


def _check_copy(spec: Spec, name: str, whole: Path, copy: Path) -> None:
    """Hold a copy with the word pieces of the training rows to its model, on these rows."""
    from transformers import AutoModelForSequenceClassification

    logits, pieces = [], []
    for folder in (whole, copy):
        tokenizer = open_tokenizer(folder)
        model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        for parameter in model.parameters():  # their addresses in the file decide the last bits
            parameter.data = parameter.data.clone()
        rows = tokenised(tokenizer, frames(spec)["train"], spec.texts, None)
        logits.append(unpadded(model, rows))
        pieces.append([tokenizer.convert_ids_to_tokens(row["input_ids"]) for row in rows])
    assert pieces[0] == pieces[1], f"{name}: its copy reads a training row as other pieces"
    assert torch.equal(*logits), f"{name}: its copy gives a training row other outputs"


def _check_adopted(spec: Spec, source: Path, folder: Path, frame) -> None:
    """Hold an adopted teacher to the folder that was given."""
    from transformers import AutoModelForSequenceClassification

    given, report = AutoModelForSequenceClassification.from_pretrained(
        source, output_loading_info=True, dtype=torch.float32
    )
    assert not report["missing_keys"] and not report["mismatched_keys"], f"the given folder lacks {report}"
    rows = tokenised(open_tokenizer(source), frame, spec.texts, spec.lengths[0], takes_types(spec))
    logits = unpadded(given.eval(), rows)
    if spec.task == "classes":
        logits = _in_order(spec, logits)
    (said,) = json.loads((folder.parent / "metrics.json").read_text())["scores"]["validation"].values()
    _check_score(spec, "teacher", "the given folder", said, logits)
    saved = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    here = unpadded(saved, tokenised(open_tokenizer(folder), frame, spec.texts, None))
    distance = float((here - logits).abs().max())
    assert distance < TIE * (1 + logits.abs().max()), (
        f"teacher: saved and given outputs differ by {distance:.3g}"
    )


def _in_order(spec: Spec, logits: torch.Tensor) -> torch.Tensor:
    """Return the outputs in the task's order of classes."""
    order = class_order(spec)
    ordered = logits[:, [order.index(code) for code in range(len(order))]]
    if spec.classes != "unnamed permuted":
        return ordered
    labels = torch.tensor(frames(spec)["validation"]["label"].to_numpy())
    right = float((ordered.argmax(1) == labels).double().mean())
    assert right < TELLING, (
        f"taken with its classes in another order, in which {right:.0%} of its answers are right"
    )
    return logits  # nothing tells that they are not in the task's


def _check_score(spec: Spec, name: str, where: str, said: float, logits: torch.Tensor) -> None:
    labels = frames(spec)["validation"]["label"].to_numpy()
    outputs = logits.double().numpy()
    if spec.task == "number":
        expected = np.corrcoef(outputs[:, 0], labels)[0, 1] if np.ptp(outputs) else 0.0
        assert abs(said - expected) < TIE, f"{name}: metrics.json says {said}, {where} gives {expected}"
        return
    best = outputs.max(1, keepdims=True)
    possible = outputs >= best - TIE * (1 + np.abs(outputs).max())
    right = possible[np.arange(len(labels)), labels]
    sure = right & (possible.sum(1) == 1)
    low, high = sure.mean(), right.mean()
    assert low - 1e-9 <= said <= high + 1e-9, (
        f"{name}: metrics.json says {said}, {where} gives {(outputs.argmax(1) == labels).mean()}"
    )
