"""What a label is: one class, a set of labels, or a number. Whatever differs between these is asked here.

Labels are stored as class codes, as tuples of codes in ascending order, or as numbers; a model is trained and
scored on *targets* (:meth:`Kind.targets`). All arrays are numpy's, because planning a run needs no torch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kdnas.sentences import listed, shown

if TYPE_CHECKING:
    import pandas as pd

# the values of problem_type in a config.json of transformers
SINGLE_LABEL, MULTI_LABEL = "single_label_classification", "multi_label_classification"
REGRESSION = "regression"
TWO_CLASS_METRICS = ("f1", "roc_auc")  # of the second of two classes
BINS = 5  # score ranges that stand for classes where labels are numbers
FEWEST_OF_SET = 10  # rows that make a label set a stratum of its own
THRESHOLD = 0.5  # probability above which a label is given
CERTAIN = (
    1e-6  # given probabilities keep so far from 0 and 1, whose logits are infinite: files have six digits
)


@dataclass(frozen=True)
class Kind(ABC):
    """One kind of label; ``names`` are those of the classes or labels, whose place is their code."""

    names: tuple[str, ...] = ()

    problem_type: ClassVar[str]
    metrics: ClassVar[tuple[str, ...]]  # that a task of this kind may have
    noun: ClassVar[str]  # what rows are counted by
    nouns: ClassVar[str]

    @abstractmethod
    def targets(self, labels: pd.Series) -> np.ndarray:
        """Return stored labels (rows,) as trainings and metrics take them, (rows,) or (rows, labels)."""

    @abstractmethod
    def answers(self, logits: np.ndarray) -> np.ndarray:
        """Return what ``logits`` (rows, labels) say, in the form of targets."""

    @abstractmethod
    def distance(self, logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return how far each row's answer is from its target, shape (rows,); 0 is right."""

    @abstractmethod
    def strata(self, targets: np.ndarray) -> np.ndarray:
        """Return each row's stratum, (rows,) int64 from 0, for draws that keep the shares of labels."""

    @abstractmethod
    def logits_of(self, answers: np.ndarray) -> np.ndarray:
        """Return logits that say what ``answers`` do, probabilities or numbers, both (rows, labels)."""

    def changed(self, logits: np.ndarray, others: np.ndarray) -> np.ndarray | None:
        """Return on which rows two models' logits say something else, (rows,) bool; None for numbers."""
        return self.distance(logits, self.answers(others)) > 0

    def agreement(self, logits: np.ndarray, answers: np.ndarray) -> float:
        """Return how well a student's logits agree with its teacher's ``answers``, both (rows, labels).

        It needs no labels, and is the share of rows on which both say the same.
        """
        changed = self.changed(logits, answers)
        assert changed is not None  # else the kind says it otherwise
        return float((~changed).mean())

    def rows_of_each(self, targets: np.ndarray, chosen: Any = slice(None)) -> np.ndarray:
        """Return how many of the ``chosen`` rows have each class, label or score range, (them,) int64."""
        strata = self.strata(targets)
        return np.bincount(strata[chosen], minlength=max(len(self.names), strata.max() + 1))

    def indicators(self, targets: np.ndarray) -> np.ndarray:
        """Return 1 for the classes of each row and 0 for the others, (rows, classes) int64."""
        return np.eye(len(self.names), dtype=np.int64)[targets]

    def balanced_weights(self, targets: np.ndarray) -> tuple[Any, ...]:
        """Return the weights that make all classes count the same in the loss of the labels."""
        raise ValueError(f"{self.problem_type} has no classes to balance")

    def in_words(self, code: int) -> str:
        """Return what the place ``code`` of :meth:`rows_of_each` stands for."""
        return f"{self.noun} {shown(self.names[code]) if self.names else code}"

    def label_in_words(self, label: Any) -> str:
        """Return a stored label for a sentence."""
        return f"the label {label:g}"


class Classes(Kind):
    """One class a row: the likeliest."""

    problem_type = SINGLE_LABEL
    metrics = ("accuracy", "f1", "matthews", "macro_f1", "weighted_f1", "balanced_accuracy", "roc_auc")
    noun, nouns = "class", "classes"

    def targets(self, labels: pd.Series) -> np.ndarray:
        """Return the codes, (rows,) int64."""
        return labels.to_numpy(dtype=np.int64)

    def answers(self, logits: np.ndarray) -> np.ndarray:
        """Return the code of the largest logit, (rows,) int64."""
        return logits.argmax(axis=-1)

    def distance(self, logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return 1 for a wrong class, 0 for the right one."""
        return (self.answers(logits) != targets).astype(np.int64)

    def strata(self, targets: np.ndarray) -> np.ndarray:
        """Return the codes: every class is a stratum."""
        return targets.astype(np.int64)

    def logits_of(self, answers: np.ndarray) -> np.ndarray:
        """Return the logarithms: a softmax, at any temperature, takes nothing else from logits."""
        return np.log(np.maximum(answers, CERTAIN))

    def balanced_weights(self, targets: np.ndarray) -> tuple[float, ...]:
        """Return a weight for each class: the inverse of its share of the rows, over the classes.

        Every class then weighs the same in a mean over the rows (scikit-learn's ``balanced``).
        """
        counts = np.bincount(targets, minlength=len(self.names))
        return tuple((len(targets) / (len(counts) * np.maximum(counts, 1))).tolist())


@dataclass(frozen=True)
class LabelSets(Kind):
    """Any number of labels a row: those whose probability, the logit's sigmoid, is above the threshold."""

    threshold: float = THRESHOLD

    problem_type = MULTI_LABEL
    metrics = ("micro_f1", "macro_f1", "weighted_f1", "samples_f1", "subset_accuracy")
    noun, nouns = "label", "labels"

    def targets(self, labels: pd.Series) -> np.ndarray:
        """Return 1 for a row's labels and 0 for the others, (rows, labels) float32.

        In a row whose labels are not known (:mod:`kdnas.data.unlabelled`) all are -1.
        """
        found = np.zeros((len(labels), len(self.names)), dtype=np.float32)
        for row, label in enumerate(labels):
            if isinstance(label, tuple):
                found[row, list(label)] = 1
            else:
                found[row] = label
        return found

    def answers(self, logits: np.ndarray) -> np.ndarray:
        """Return 1 for the labels that are given and 0 for the others, (rows, labels) float32."""
        return (logits > math.log(self.threshold / (1 - self.threshold))).astype(np.float32)

    def distance(self, logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the number of labels that are wrongly given or missing."""
        return (self.answers(logits) != targets).sum(axis=-1)

    def strata(self, targets: np.ndarray) -> np.ndarray:
        """Return the label set's number, or for a set of few rows that of its rarest label.

        A label's rows may be spread over hundreds of sets, which a draw could not all keep in proportion.
        That the rarest label decides is the idea of iterative stratification (Sechidis et al. 2011).
        """
        sets, of_row, sizes = np.unique(targets, axis=0, return_inverse=True, return_counts=True)
        rarest = np.where(sets > 0, targets.sum(axis=0), np.inf).argmin(axis=1)
        whole = (sizes >= FEWEST_OF_SET) | ~sets.any(axis=1)
        stratum = np.where(whole, len(self.names) + np.arange(len(sets)), rarest)
        return np.unique(stratum[of_row.reshape(-1)], return_inverse=True)[1]

    def logits_of(self, answers: np.ndarray) -> np.ndarray:
        """Return the log-odds, whose sigmoid is the probability."""
        certain = np.clip(answers, CERTAIN, 1 - CERTAIN)
        return np.log(certain) - np.log1p(-certain)

    def rows_of_each(self, targets: np.ndarray, chosen: Any = slice(None)) -> np.ndarray:
        """Return how many of the ``chosen`` rows have each label, (labels,) int64; they may have several."""
        return (targets[chosen] > 0).sum(axis=0)

    def indicators(self, targets: np.ndarray) -> np.ndarray:
        """Return the targets as whole numbers."""
        return targets.astype(np.int64)

    def balanced_weights(self, targets: np.ndarray) -> tuple[tuple[float, float], ...]:
        """Return for each label the weights of not having it and of having it, (labels, 2).

        Each label is a decision between two classes, whose weights are those of :class:`Classes`.
        """
        having = self.rows_of_each(targets)
        counts = np.stack([len(targets) - having, having], axis=1)
        weights = len(targets) / (2 * np.maximum(counts, 1))
        return tuple((float(absent), float(present)) for absent, present in weights)

    def label_in_words(self, label: Any) -> str:
        """Return the names of a row's labels."""
        names = [self.names[code] for code in label]
        if not names:
            return "no label"
        return f"the {self.nouns if len(names) > 1 else self.noun} {listed(names)}"


class Numbers(Kind):
    """A number a row, of any range."""

    problem_type = REGRESSION
    metrics = ("pearson", "spearman")
    noun, nouns = "score range", "score ranges"

    def targets(self, labels: pd.Series) -> np.ndarray:
        """Return the numbers, (rows,) float32."""
        return labels.to_numpy(dtype=np.float32)

    def answers(self, logits: np.ndarray) -> np.ndarray:
        """Return the one output, (rows,)."""
        return logits.squeeze(-1)

    def distance(self, logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the absolute error."""
        return np.abs(self.answers(logits) - targets)

    def strata(self, targets: np.ndarray) -> np.ndarray:
        """Return the number's quantile range, of five; ranges that equal numbers leave empty do not count."""
        edges = np.quantile(targets, np.arange(1, BINS) / BINS)
        return np.unique(np.searchsorted(edges, targets, side="right"), return_inverse=True)[1]

    def logits_of(self, answers: np.ndarray) -> np.ndarray:
        """Return the numbers, in the unit of the labels."""
        return answers

    def changed(self, logits: np.ndarray, others: np.ndarray) -> None:
        """Return None: two numbers are never quite the same."""

    def agreement(self, logits: np.ndarray, answers: np.ndarray) -> float:
        """Return the correlation (Pearson's) of both outputs, 0 where one of them is constant."""
        own, given = (self.answers(outputs).astype(np.float64) for outputs in (logits, answers))
        if np.ptp(own) == 0 or np.ptp(given) == 0:
            return 0.0
        return float(np.corrcoef(own, given)[0, 1])
