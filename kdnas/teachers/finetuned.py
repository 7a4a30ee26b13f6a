"""A teacher that comes as a finished classifier: its head, and its classes in the task's order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import torch

from kdnas.data.tasks import Task
from kdnas.errors import UserError
from kdnas.models.loading import load_config, name_outputs
from kdnas.models.unit import output_layer
from kdnas.sentences import shown

if TYPE_CHECKING:
    from transformers import PreTrainedModel


UNNAMED = re.compile(r"LABEL_\d+")  # transformers' names for classes without names


def finetuned_classifier(folder: str | Path, task: Task) -> PreTrainedModel:
    """Load the classifier in ``folder`` with its own head, whose outputs are put in the task's order.

    Classes are known by the names in its ``config.json``, case aside; unnamed ones are taken to be in the
    task's order. Raises UserError if the model has no head, or one that is not for ``task``.
    """
    from transformers import AutoModelForSequenceClassification

    order = order_of_classes(load_config(folder), task)
    model, report = AutoModelForSequenceClassification.from_pretrained(
        folder,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # told below
        dtype=torch.float32,
        use_safetensors=True,
    )
    unfit = sorted([*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])])
    if unfit:
        raise UserError(
            f"teacher.finetuned_on is {shown(task.name)}, but the teacher's weights lack {unfit[0]}, or have "
            "it in another shape than config.json says; allowed: a task for which the teacher is a classifier"
        )
    output = output_layer(model)
    with torch.no_grad():
        output.weight.copy_(output.weight[order])
        output.bias.copy_(output.bias[order])
    name_outputs(model.config, task)
    return model


def order_of_classes(config: Any, task: Task) -> list[int]:
    """Return the place in the classifier's head of each of the task's classes."""
    names = [str(config.id2label[code]) for code in sorted(config.id2label)]
    wanted = list(task.labels or ["one number"])
    if len(names) != task.num_labels or config.problem_type not in (None, task.kind.problem_type):
        _refuse(task, f"outputs {', '.join(names)} and problem_type {config.problem_type}", wanted)
    unnamed = all(map(UNNAMED.fullmatch, names)) and set(names) != set(wanted)
    if task.regression or unnamed:
        return list(range(len(names)))
    for spelling in (str, str.lower):  # case counts only where it tells classes apart
        given, needed = list(map(spelling, names)), list(map(spelling, wanted))
        if sorted(given) == sorted(set(needed)):
            return [given.index(name) for name in needed]
    _refuse(task, f"classes {', '.join(names)}", wanted)


def _refuse(task: Task, found: str, wanted: list[str]) -> NoReturn:
    raise UserError(
        f"teacher.finetuned_on is {shown(task.name)}, but the teacher's config.json has the {found}; "
        f"allowed: an id2label with {', '.join(wanted)}, in the order of the model's outputs"
    )
