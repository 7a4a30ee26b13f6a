"""The metrics of GLUE and of custom tasks, through the ``evaluate`` library and without its hub."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np

from kdnas.data.tasks import Definition, Task, get_task


def compute(task: Definition, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
    """Return the task's metrics, each under its name in ``task.metrics``.

    ``predictions`` and ``references`` are class codes (n,), or scores (n,) for regression. Where a constant
    prediction leaves a correlation or Matthews' coefficient undefined, it is 0: no relation was found.
    F1 is that of class 1. Raises ValueError for other shapes (a prediction (n, 1) would broadcast), codes
    that aren't the task's, or values that aren't finite.
    """
    task = get_task(task)
    predictions = _checked(task, "predictions", predictions)
    references = _checked(task, "references", references)
    if predictions.shape != references.shape:
        raise ValueError(f"{task.name}: predictions {predictions.shape}, references {references.shape}")
    # evaluate makes a cache folder even when it keeps everything in memory.
    with tempfile.TemporaryDirectory() as cache:
        metric = _glue_metric(task)(keep_in_memory=True, cache_dir=cache)
        return metric.compute(predictions=predictions, references=references)


def agreement(logits: np.ndarray, answers: np.ndarray, *, regression: bool) -> float:
    """Return how well a student's logits agree with its teacher's ``answers``, both (rows, labels).

    It needs no labels, and is the share of rows with the teacher's likeliest class; for regression the
    correlation of both outputs (Pearson's), 0 where one of them is constant.
    """
    if not regression:
        return float((logits.argmax(axis=-1) == answers.argmax(axis=-1)).mean())
    own, given = (outputs.squeeze(-1).astype(np.float64) for outputs in (logits, answers))
    if np.ptp(own) == 0 or np.ptp(given) == 0:
        return 0.0
    return float(np.corrcoef(own, given)[0, 1])


def _checked(task: Task, name: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"{task.name}: {name} have the shape {values.shape}; it must be (n,) with n from 1")
    if task.regression:
        values = values.astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError(f"{task.name}: {name} hold values that are not finite")
        return values
    if values.dtype.kind not in "iu" or values.min() < 0 or values.max() >= task.num_labels:
        raise ValueError(f"{task.name}: {name} must be whole numbers 0 to {task.num_labels - 1}")
    return values.astype(np.int64)


def _glue_metric(task: Task) -> type:
    # These take seconds to import, so only a job that scores something pays.
    import evaluate
    from datasets import Features, Value
    from scipy.stats import pearsonr, spearmanr
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    def correlation(function: Any, references: np.ndarray, predictions: np.ndarray) -> float:
        if np.ptp(references) == 0 or np.ptp(predictions) == 0:
            return 0.0
        return function(references, predictions).statistic

    functions = {
        "accuracy": accuracy_score,
        "f1": lambda references, predictions: f1_score(references, predictions, zero_division=0.0),
        "matthews": matthews_corrcoef,
        "pearson": lambda references, predictions: correlation(pearsonr, references, predictions),
        "spearman": lambda references, predictions: correlation(spearmanr, references, predictions),
    }

    class Glue(evaluate.Metric):
        def _info(self) -> evaluate.MetricInfo:
            kind = Value("float64" if task.regression else "int64")
            return evaluate.MetricInfo(
                description=f"The metrics of {task.name}",
                citation="",
                inputs_description="",
                features=Features({"predictions": kind, "references": kind}),
                format="numpy",
            )

        def _compute(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
            return {name: float(functions[name](references, predictions)) for name in task.metrics}

    return Glue
