"""Rows without labels, on which students learn the teacher's answers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from kdnas.data.frames import text_sets
from kdnas.data.tasks import Task
from kdnas.errors import UserError

UNLABELLED = "unlabelled"
NO_LABEL = -1  # as in GLUE's test splits


def choose_unlabelled(
    task: Task, frame: pd.DataFrame, *, judging: Iterable[pd.DataFrame], most: int | None
) -> pd.DataFrame:
    """Return at most ``most`` (None: all) of the rows of ``frame``, drawn at random, in their old order.

    Their labels, where there are any, are left out unread. A row whose texts are all those of a row of
    ``judging``, in either order, is never taken. The draw depends on the data alone. Raises UserError if no
    row remains.
    """
    judged = {row for other in judging for row in text_sets(other, task.text_columns)}
    rows = [number for number, row in enumerate(text_sets(frame, task.text_columns)) if row not in judged]
    if not rows:
        raise UserError(
            f"data.max_unlabelled_rows has {task.name}, which has no such rows; allowed: a task with a file "
            "unlabelled.* in its local folder or with more rows than data.max_train_rows takes, or 0"
        )
    drawn = np.sort(np.random.default_rng(0).permutation(rows)[:most])
    return frame.iloc[drawn].reset_index(drop=True).assign(label=NO_LABEL)
