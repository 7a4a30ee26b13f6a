"""Taking a classifier that is already fine-tuned as the teacher of its task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binom

from kdnas.data.frames import read_meta, read_split
from kdnas.data.tasks import TRAIN, Definition, Task, completed, get_task
from kdnas.errors import UserError
from kdnas.files.artifacts import write_json
from kdnas.models.families import family_of
from kdnas.models.loading import load_config
from kdnas.models.tokenizer import TOKEN_TYPES, load_tokenizer, says_its_inputs
from kdnas.sentences import listed, shown
from kdnas.teachers.class_order import CHANCE, find_better_order, on_another_scale
from kdnas.teachers.finetuned import finetuned_classifier, order_of_classes
from kdnas.training.data import encode
from kdnas.training.device import claim
from kdnas.training.saving import save_scored
from kdnas.training.scoring import predict, score_splits


def adopt_teacher(
    given: Path,
    data_folder: Path,
    definition: Definition,
    *,
    max_length: int,
    seed: int,
    device: str,
    threads: int,
    warn: Callable[[str], None],
    model_folder: Path,
    metrics_file: Path,
) -> None:
    """Score a classifier on its task and save it, as the fine-tuned teacher of one seed.

    The same model serves every seed, and its ``train_rows`` are unknown. Raises UserError if it is not a
    classifier of the task, if its scores are on another scale than the task's, if its classes fit the labels
    far better in another order, or if the labels speak against the assumed use of token types.

    Args:
        given: the classifier's folder.
        data_folder: the task's rows.
        definition: of the task.
        max_length: tokens that texts are cut to.
        seed: whose teacher it becomes.
        device: the config's ``training.device``.
        threads: the config's ``training.threads``.
        warn: is called where the teacher may have been trained on the rows that measure candidates.
        model_folder: the folder to write.
        metrics_file: its ``metrics.json``, written too.
    """
    meta = read_meta(data_folder)
    task = get_task(completed(definition, meta))
    model, tokenizer = finetuned_classifier(given, task), load_tokenizer(given)
    splits = {
        split: encode(read_split(data_folder, split), task, tokenizer, max_length=max_length)
        for split in task.evaluation_splits
    }
    first = task.evaluation_splits[0]
    with claim(device, threads) as claimed:
        scored = score_splits(model.to(claimed), splits, task=task, device=claimed)
        check = _check_scale if task.regression else _check_order
        check(scored.logits[first], splits[first].labels, task, given)
        if len(task.text_columns) > 1 and not says_its_inputs(tokenizer, given):
            toggled = _toggle_token_types(tokenizer, model.config)
            other = encode(read_split(data_folder, first), task, toggled, max_length=max_length)
            _check_token_types(scored.logits[first], predict(model, other, claimed), other.labels, task)
    metrics = save_scored(
        model.cpu(),
        scored,
        task,
        tokenizer_folder=given,
        data_folder=data_folder,
        max_length=max_length,
        model_folder=model_folder,
        details={"data": None, "seed": None, "task": task.name},
        seed=seed,
        train_rows=None,
    )
    if meta["heldout_from"] == TRAIN:
        warn(
            f"candidates are measured on rows of the training split of {task.name}: if the teacher was "
            "trained on them, the search favours students that keep what it memorised; rows of your own "
            "avoid this (heldout.*, docs/data.md)"
        )
    write_json(metrics_file, metrics | {"model": "teacher"})


def _toggle_token_types(tokenizer: Any, config: Any) -> Any:
    """Return ``tokenizer`` with token types where it gives none and the model knows two, else without."""
    names = ["input_ids", "attention_mask"]
    types = family_of(config.model_type).token_types(config)
    if TOKEN_TYPES not in tokenizer.model_input_names and types > 1:
        names.append(TOKEN_TYPES)
    tokenizer.model_input_names = names
    return tokenizer


def _check_token_types(ours: np.ndarray, other: np.ndarray, labels: np.ndarray, task: Task) -> None:
    """Refuse a guess at how the teacher was trained if the other one is clearly closer to the labels."""
    apart = [task.kind.distance(logits, labels) for logits in (ours, other)]
    better, worse = (apart[1] < apart[0]).sum(), (apart[0] < apart[1]).sum()
    if binom.sf(better - 1, better + worse, 0.5) < CHANCE:
        raise UserError(
            f"teacher.finetuned_on is {shown(task.name)}, but the teacher's tokenizer_config.json does not "
            f"say whether it was trained with token types, and {better} rows of "
            f"{task.evaluation_splits[0]} speak against the default of its class, {worse} for it; allowed: "
            "model_input_names in that file, [input_ids, token_type_ids, attention_mask] or [input_ids, "
            "attention_mask]"
        )


def _check_scale(logits: np.ndarray, labels: np.ndarray, task: Task, given: Path) -> None:
    """Refuse outputs on another scale than the labels."""
    outputs = logits.squeeze(-1)
    if on_another_scale(outputs, labels):
        raise UserError(
            f"teacher.finetuned_on is {shown(task.name)}, but the teacher's outputs range from "
            f"{outputs.min():.2f} to {outputs.max():.2f} and the labels from {labels.min():g} to "
            f"{labels.max():g}; allowed: a teacher whose scores are on the scale of the labels"
        )


def _check_order(logits: np.ndarray, labels: np.ndarray, task: Task, given: Path) -> None:
    """Refuse a head whose classes are the task's in another order than its config.json says."""
    better = find_better_order(task, logits, labels)
    if better is None:
        return
    order = better.order
    # place: an output of the head, which was taken for the task's class at that place
    head = sorted((place, code) for code, place in enumerate(order_of_classes(load_config(given), task)))
    moved = [f"{place}: {task.classes[order[code]]}" for place, code in head if order[code] != code]
    raise UserError(
        f"teacher.finetuned_on is {shown(task.name)}, but in the class order of the teacher's config.json "
        f"{better.right:.0%} of its answers on {task.evaluation_splits[0]} are right, and in "
        f"another order {better.share:.0%}; allowed: an id2label that names the "
        f"model's outputs, such as {listed(moved)}"
    )
