"""Tasks: columns, labels and their order, splits, metrics. GLUE's nine, and those that a config defines.

Column names and label codes of GLUE's tasks are those of the Hugging Face dataset ``nyu-mll/glue`` (Wang et
al., 2019, arXiv 1804.07461). Jobs and the keys of the store hold a task's *definition*, plain data: the name
of a GLUE task, or a mapping with the ``name`` of a custom task and the part of its entry in
``data.custom_tasks`` that training and scoring depend on. So two tasks of one name are never taken for each
other. What an entry leaves open, the rows tell (:func:`completed`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean
from types import MappingProxyType
from typing import Any, TypeVar

from kdnas.data.kinds import THRESHOLD, Classes, Kind, LabelSets, Numbers
from kdnas.errors import UserError
from kdnas.sentences import shown

TRAIN, VALIDATION, TEST = "train", "validation", "test"
HELDOUT = "heldout"  # the held-out set of the search task that measures candidates (kdnas.data.heldout)
SCORED, WITHOUT_LABELS = "scored", "without labels"  # what a custom task's test split is
SCORE_RANGE = (0.0, 5.0)  # STS-B's labels
BALANCED, UNWEIGHTED = "balanced", "none"  # class weights in the loss of the labels
UNSCALED = (0.0, 1.0)

Definition = str | Mapping[str, Any]
Values = TypeVar("Values", bound=Any)  # an array or a tensor


@dataclass(frozen=True, eq=False)
class Task:
    """One task.

    ``text_columns``: one or two. ``labels``: the class names, the position is the code; None for regression,
    and where only the rows will tell. ``splits``: each split, the training split first, with the rows of
    GLUE's complete data set, None in a custom task. ``metrics``: the ones whose mean is the task's score.
    ``display_names``: an evaluation split's name in tables. ``empty_texts``: how many rows of a split of the
    official data have an empty text. ``class_weights``: of the loss of the labels. ``scale``: centre and
    spread of a regression's labels, which models are trained on in units of the spread from the centre.
    ``multi_label``: whether a row has any number of labels, each of which a model gives where its
    probability is above ``threshold``.
    """

    name: str
    text_columns: tuple[str, ...]
    labels: tuple[str, ...] | None
    splits: Mapping[str, int | None]
    metrics: tuple[str, ...]
    display_names: Mapping[str, str]
    empty_texts: Mapping[str, int] = field(default_factory=dict)
    class_weights: str = UNWEIGHTED
    scale: tuple[float, float] = UNSCALED
    multi_label: bool = False
    threshold: float = THRESHOLD

    def __post_init__(self) -> None:
        for name in ("splits", "display_names", "empty_texts"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @property
    def custom(self) -> bool:
        """Whether the config defines the task, and not GLUE."""
        return self.name not in TASKS

    @property
    def definition(self) -> Definition:
        """The plain data that :func:`get_task` makes the task from."""
        if not self.custom:
            return self.name
        given: dict[str, Any] = {
            "name": self.name,
            "text_columns": list(self.text_columns),
            "labels": None if self.labels is None else list(self.labels),
            "metrics": list(self.metrics),
        }
        if self.class_weights != UNWEIGHTED:
            given["class_weights"] = self.class_weights
        if self.scale != UNSCALED:
            given["scale"] = list(self.scale)
        if self.multi_label:
            given |= {"multi_label": True, "threshold": self.threshold}
        if TEST in self.splits:
            given["test"] = True
        return given

    @property
    def evaluation_splits(self) -> tuple[str, ...]:
        """The splits that the task is scored on; the first is the one for a single number."""
        return tuple(split for split in self.splits if split != TRAIN)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of every split, in order."""
        return (*self.text_columns, "label", "idx")

    @cached_property
    def kind(self) -> Kind:
        """What a label is, which says all that follows from it."""
        if self.multi_label:
            return LabelSets(self.classes, self.threshold)
        return Numbers() if self.metrics[0] in Numbers.metrics else Classes(self.classes)

    @property
    def regression(self) -> bool:
        """Whether the label is a number and not a class."""
        return isinstance(self.kind, Numbers)

    @property
    def open(self) -> bool:
        """Whether the classes are those of the training rows, and not known yet."""
        return self.labels is None and not self.regression

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names; none for regression."""
        return self.labels or ()

    @property
    def num_labels(self) -> int:
        """Outputs of the task's head: the number of classes, 1 for regression.

        Raises ValueError while the classes are not known.
        """
        if self.open:
            raise ValueError(f"the classes of {self.name} are those of its training rows")
        return 1 if self.regression else len(self.classes)

    @property
    def label_range(self) -> tuple[float, float]:
        """The lowest and the highest label; of a custom task's numbers, minus and plus infinity."""
        if not self.regression:
            return (0, self.num_labels - 1)
        return (-math.inf, math.inf) if self.custom else SCORE_RANGE

    def to_standard(self, values: Values) -> Values:
        """Return a regression's numbers as models are trained on them: spreads from the centre.

        What has no scale, as classes have none, stays as it is.
        """
        return values if self.scale == UNSCALED else (values - self.scale[0]) / self.scale[1]

    def from_standard(self, values: Values) -> Values:
        """Return what :meth:`to_standard` made of numbers in the unit of the labels."""
        return values if self.scale == UNSCALED else values * self.scale[1] + self.scale[0]

    def primary(self, scores: Mapping[str, float]) -> float:
        """Return the task's one score: the mean of its metrics.

        The GLUE leaderboard averages accuracy and F1 (MRPC, QQP) and Pearson and Spearman (STS-B). Papers
        that quote one number a task differ on which they mean, so we keep to the leaderboard.
        Raises ValueError if a metric is missing or not finite.
        """
        values = [scores.get(metric, math.nan) for metric in self.metrics]
        if not all(map(math.isfinite, values)):
            raise ValueError(f"{self.name} is scored by {' and '.join(self.metrics)}, got {dict(scores)}")
        return fmean(values)


def _task(
    name: str,
    display_name: str,
    text_columns: tuple[str, ...],
    labels: tuple[str, ...] | None,
    rows: tuple[int, int],
    metrics: tuple[str, ...] = ("accuracy",),
    empty_texts: Mapping[str, int] | None = None,
) -> Task:
    return Task(
        name=name,
        text_columns=text_columns,
        labels=labels,
        splits={TRAIN: rows[0], VALIDATION: rows[1]},
        metrics=metrics,
        display_names={VALIDATION: display_name},
        empty_texts=empty_texts or {},
    )


_SENTENCES = ("sentence1", "sentence2")
_ACCURACY_F1 = ("accuracy", "f1")

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        _task("cola", "CoLA", ("sentence",), ("unacceptable", "acceptable"), (8551, 1043), ("matthews",)),
        _task("sst2", "SST-2", ("sentence",), ("negative", "positive"), (67349, 872)),
        _task("mrpc", "MRPC", _SENTENCES, ("not_equivalent", "equivalent"), (3668, 408), _ACCURACY_F1),
        _task("stsb", "STS-B", _SENTENCES, None, (5749, 1500), ("pearson", "spearman")),
        _task(
            "qqp",
            "QQP",
            ("question1", "question2"),
            ("not_duplicate", "duplicate"),
            (363846, 40430),
            _ACCURACY_F1,
            empty_texts={TRAIN: 2},  # github.com/huggingface/datasets/issues/277
        ),
        Task(
            name="mnli",
            text_columns=("premise", "hypothesis"),
            labels=("entailment", "neutral", "contradiction"),
            splits={TRAIN: 392702, "validation_matched": 9815, "validation_mismatched": 9832},
            metrics=("accuracy",),
            display_names={"validation_matched": "MNLI-m", "validation_mismatched": "MNLI-mm"},
        ),
        _task("qnli", "QNLI", ("question", "sentence"), ("entailment", "not_entailment"), (104743, 5463)),
        _task("rte", "RTE", _SENTENCES, ("entailment", "not_entailment"), (2490, 277)),
        # WNLI's codes are the reverse of RTE's and QNLI's.
        _task("wnli", "WNLI", _SENTENCES, ("not_entailment", "entailment"), (635, 71)),
    )
}


def get_task(definition: Definition) -> Task:
    """Return the task of a definition; raises UserError for a name that is not one of GLUE's."""
    if isinstance(definition, str):
        if definition not in TASKS:
            raise UserError(f"unknown task {shown(definition)}; allowed: {', '.join(TASKS)}")
        return TASKS[definition]
    name, labels = definition["name"], definition["labels"]
    shown_as = {VALIDATION: name} | ({TEST: f"{name} (test)"} if definition.get("test") else {})
    return Task(
        name=name,
        text_columns=tuple(definition["text_columns"]),
        labels=None if labels is None else tuple(labels),
        splits=dict.fromkeys((TRAIN, *shown_as)),
        metrics=tuple(definition["metrics"]),
        display_names=shown_as,
        class_weights=definition.get("class_weights", UNWEIGHTED),
        scale=tuple(definition.get("scale", UNSCALED)),
        multi_label=definition.get("multi_label", False),
        threshold=definition.get("threshold", THRESHOLD),
    )


def completed(definition: Definition, meta: Mapping[str, Any]) -> Definition:
    """Return a definition with what the rows told: classes, the scale of numbers, a labelled test split.

    ``meta`` is the ``meta.json`` of the task's data.
    """
    return definition if isinstance(definition, str) else {**definition, **meta.get("found", {})}


def task_definitions(data: Mapping[str, Any]) -> dict[str, Definition]:
    """Return the definition of each of ``data.tasks`` by its name; ``data`` is the config's section."""
    custom = data["custom_tasks"]
    return {name: _definition(name, custom[name]) if name in custom else name for name in data["tasks"]}


def _definition(name: str, entry: Mapping[str, Any]) -> Definition:
    """Return what training and scoring depend on in an entry of ``data.custom_tasks``."""
    return get_task({"name": name, **entry, "labels": entry["label_columns"] or entry["labels"]}).definition


def tasks_by_name(definitions: Iterable[Definition]) -> dict[str, Task]:
    """Return the tasks of ``definitions`` by their names, in their order."""
    return {task.name: task for task in map(get_task, definitions)}
