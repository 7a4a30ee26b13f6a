"""The GLUE tasks: columns, labels and their order, splits, metrics (Wang et al., 2019, arXiv 1804.07461).

Column names and label codes are those of the Hugging Face dataset ``nyu-mll/glue``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean
from types import MappingProxyType

from kdnas.errors import UserError

TRAIN = "train"
SCORE_RANGE = (0.0, 5.0)  # labels of the regression task (STS-B)


@dataclass(frozen=True, eq=False)
class Task:
    """One GLUE task.

    ``text_columns``: one or two. ``labels``: the class names, the position is the code; None for regression.
    ``splits``: each split, the training split first, with the rows of the complete data set. ``metrics``: the
    ones whose mean is the task's score. ``display_names``: an evaluation split's name in tables.
    ``empty_texts``: how many rows of a split of the official data have an empty text.
    """

    name: str
    text_columns: tuple[str, ...]
    labels: tuple[str, ...] | None
    splits: Mapping[str, int]
    metrics: tuple[str, ...]
    display_names: Mapping[str, str]
    empty_texts: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("splits", "display_names", "empty_texts"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @property
    def evaluation_splits(self) -> tuple[str, ...]:
        """The splits that the task is scored on; the first is the one for a single number."""
        return tuple(split for split in self.splits if split != TRAIN)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of every split, in order."""
        return (*self.text_columns, "label", "idx")

    @property
    def regression(self) -> bool:
        """Whether the label is a score and not a class."""
        return self.labels is None

    @property
    def num_labels(self) -> int:
        """Outputs of the task's head: the number of classes, 1 for regression."""
        return 1 if self.labels is None else len(self.labels)

    @property
    def label_range(self) -> tuple[float, float]:
        """The lowest and the highest label."""
        return SCORE_RANGE if self.labels is None else (0, len(self.labels) - 1)

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
        splits={TRAIN: rows[0], "validation": rows[1]},
        metrics=metrics,
        display_names={"validation": display_name},
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


def get_task(name: str) -> Task:
    """Return the task of that name; raises UserError for an unknown one."""
    if name not in TASKS:
        raise UserError(f"unknown task {name!r}; allowed are {', '.join(TASKS)}")
    return TASKS[name]
