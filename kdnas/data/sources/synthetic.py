"""Source ``synthetic``: GLUE-shaped rows from the generator."""

from __future__ import annotations

import pandas as pd

from kdnas.data.settings import DataSettings
from kdnas.data.tasks import Task
from kdnas.errors import UserError


def load(task: Task, data: DataSettings) -> dict[str, tuple[pd.DataFrame, str]]:
    """Return ``{split: (rows, name for messages)}`` as ``data.synthetic`` asks for."""
    from synthetic_glue.generator import generate

    wanted = data.synthetic
    assert wanted is not None  # the config's defaults
    frames = generate(
        task.name,
        seed=wanted.seed,
        train_rows=wanted.train_rows,
        validation_rows=wanted.validation_rows,
    )
    return {split: (frame, f"synthetic {task.name} {split}") for split, frame in frames.items()}


def load_test(
    task: Task, data: DataSettings, *, subset: str, split: str, rows: int
) -> tuple[pd.DataFrame, str]:
    """Raise UserError: a generated test split would have nothing to be submitted to."""
    raise UserError(
        f"data.source is synthetic, which has no split {split} of {subset}; allowed for submissions: local, "
        "with test files in data.path, or hub"
    )
