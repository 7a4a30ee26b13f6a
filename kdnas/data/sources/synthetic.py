"""Source ``synthetic``: GLUE-shaped rows from the generator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from kdnas.data.tasks import Task
from kdnas.errors import UserError


def load(task: Task, data_config: Mapping[str, Any]) -> dict[str, tuple[pd.DataFrame, str]]:
    """Return ``{split: (rows, name for messages)}`` as the section ``data.synthetic`` asks for."""
    from synthetic_glue.generator import generate

    settings = data_config["synthetic"]
    frames = generate(task.name, settings["seed"], settings["train_rows"], settings["validation_rows"])
    return {split: (frame, f"synthetic {task.name} {split}") for split, frame in frames.items()}


def load_test(
    task: Task, subset: str, split: str, rows: int, data_config: Mapping[str, Any]
) -> tuple[pd.DataFrame, str]:
    """Raise UserError: a generated test split would have nothing to be submitted to."""
    raise UserError(
        f"data.source is synthetic, which has no split {split} of {subset}; allowed for submissions: local, "
        "with test files in data.path, or hub"
    )
