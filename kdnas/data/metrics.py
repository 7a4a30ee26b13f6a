"""The metrics of GLUE and of custom tasks, through the ``evaluate`` library and without its hub."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np

from kdnas.data.tasks import Definition, Task, get_task

RANKED = {"roc_auc"}  # metrics of an order of the rows, not of predictions


def of_logits(task: Task, logits: np.ndarray, references: np.ndarray) -> dict[str, float]:
    """Return the task's metrics of ``logits`` (n, labels) against ``references``, the targets, by name."""
    margins = logits[:, 1] - logits[:, 0] if RANKED & set(task.metrics) else None
    return compute(task.definition, task.kind.answers(logits), references, margins=margins)


def compute(
    task: Definition,
    predictions: np.ndarray,
    references: np.ndarray,
    *,
    margins: np.ndarray | None = None,
) -> dict[str, float]:
    """Return the task's metrics, each under its name in ``task.metrics``.

    ``predictions`` and ``references`` are targets: class codes (n,), scores (n,) for regression, or 0 and 1
    for the labels of a set (n, labels). ``margins`` (n,) say how much rather a row is of class 1 than of
    class 0, which the area under the ROC curve ranks rows by. Where a constant prediction leaves a
    correlation or Matthews' coefficient undefined, it is 0: no relation was found. F1 is that of class 1;
    means over classes and labels are over those that occur. Of label sets, the F1 of a row without labels
    that is given none is 1. Raises ValueError for other shapes (a prediction (n, 1) would broadcast), codes
    that aren't the task's, or values that aren't finite.
    """
    task = get_task(task)
    columns = {
        "predictions": _checked(task, "predictions", predictions),
        "references": _checked(task, "references", references),
    }
    if RANKED & set(task.metrics):
        if margins is None:
            raise ValueError(f"{task.name}: {', '.join(task.metrics)} needs margins")
        columns["margins"] = _finite(task, "margins", margins)
    shapes = {name: values.shape for name, values in columns.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"{task.name}: " + ", ".join(f"{name} {shape}" for name, shape in shapes.items()))
    # evaluate makes a cache folder even when it keeps everything in memory.
    with tempfile.TemporaryDirectory() as cache:
        metric = _glue_metric(task, list(columns))(keep_in_memory=True, cache_dir=cache)
        return metric.compute(**columns)


def _checked(task: Task, name: str, values: np.ndarray) -> np.ndarray:
    if task.regression:
        return _finite(task, name, values)
    if task.multi_label:
        return _indicators(task, name, np.asarray(values))
    values = _row(task, name, values)
    if values.dtype.kind not in "iu" or values.min() < 0 or values.max() >= task.num_labels:
        raise ValueError(f"{task.name}: {name} must be whole numbers 0 to {task.num_labels - 1}")
    return values.astype(np.int64)


def _indicators(task: Task, name: str, values: np.ndarray) -> np.ndarray:
    if values.ndim != 2 or values.shape[1] != task.num_labels or not len(values):
        raise ValueError(
            f"{task.name}: {name} have the shape {values.shape}; it must be (n, {task.num_labels}) with n "
            "from 1"
        )
    if not np.isin(values, (0, 1)).all():
        raise ValueError(f"{task.name}: {name} must be 0 or 1")
    return values.astype(np.int64)


def _finite(task: Task, name: str, values: np.ndarray) -> np.ndarray:
    values = _row(task, name, values).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"{task.name}: {name} hold values that are not finite")
    return values


def _row(task: Task, name: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"{task.name}: {name} have the shape {values.shape}; it must be (n,) with n from 1")
    return values


def _glue_metric(task: Task, columns: list[str]) -> type:
    # These take seconds to import, so only a job that scores something pays.
    import evaluate
    from datasets import Features, Sequence, Value
    from scipy.stats import pearsonr, spearmanr
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef, recall_score, roc_auc_score

    def correlation(function: Any, references: np.ndarray, predictions: np.ndarray) -> float:
        if np.ptp(references) == 0 or np.ptp(predictions) == 0:
            return 0.0
        return function(references, predictions).statistic

    def mean_f1(average: str, undefined: float = 0.0) -> Any:
        return lambda references, predictions: f1_score(
            references, predictions, average=average, zero_division=undefined
        )

    def mean_recall(references: np.ndarray, predictions: np.ndarray) -> float:
        # balanced_accuracy_score is the same, but warns of a class that is predicted and does not occur
        return recall_score(
            references, predictions, average="macro", labels=np.unique(references), zero_division=0.0
        )

    functions = {
        "accuracy": accuracy_score,
        "f1": mean_f1("binary"),
        "micro_f1": mean_f1("micro"),
        "macro_f1": mean_f1("macro", np.nan),  # scikit-learn's word for leaving a label out that nobody has
        "samples_f1": mean_f1("samples", 1.0),
        "subset_accuracy": accuracy_score,  # which it is where rows are sets
        "weighted_f1": mean_f1("weighted"),
        "balanced_accuracy": mean_recall,
        "matthews": matthews_corrcoef,
        "pearson": lambda references, predictions: correlation(pearsonr, references, predictions),
        "spearman": lambda references, predictions: correlation(spearmanr, references, predictions),
        "roc_auc": roc_auc_score,
    }

    class Glue(evaluate.Metric):
        def _info(self) -> evaluate.MetricInfo:
            kind = Value("float64" if task.regression else "int64")
            kinds = dict.fromkeys(columns, Sequence(kind) if task.multi_label else kind)
            kinds |= {"margins": Value("float64")} if "margins" in columns else {}
            return evaluate.MetricInfo(
                description=f"The metrics of {task.name}",
                citation="",
                inputs_description="",
                features=Features(kinds),
                format=None if task.multi_label else "numpy",  # which is for single values alone
            )

        def _compute(
            self, predictions: np.ndarray, references: np.ndarray, margins: np.ndarray | None = None
        ) -> dict[str, float]:
            predictions, references = np.asarray(predictions), np.asarray(references)
            return {
                name: float(functions[name](references, margins if name in RANKED else predictions))
                for name in task.metrics
            }

    return Glue
