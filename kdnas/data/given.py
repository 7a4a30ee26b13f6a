"""Answers that a teacher outside of the workflow gave: probabilities or numbers beside the rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from kdnas.data.frames import GIVEN_ANSWERS
from kdnas.data.tasks import Task
from kdnas.data.unlabelled import UNLABELLED


def given_logits(task: Task, frame: pd.DataFrame) -> np.ndarray:
    """Return the given answers of a split as logits, (rows, labels) float32; a regression's in its unit."""
    answers = np.array(frame[GIVEN_ANSWERS].tolist(), dtype=np.float64).reshape(-1, task.num_labels)
    return task.kind.logits_of(answers).astype(np.float32)


def scores_of_given(task: Task, frames: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, float]]:
    """Return the task's metrics of the given answers against the labels, by split, where both are there."""
    from kdnas.data.metrics import of_logits

    return {
        split: of_logits(task, given_logits(task, frame), task.kind.targets(frame["label"]))
        for split, frame in frames.items()
        if split != UNLABELLED and GIVEN_ANSWERS in frame
    }
