"""Source ``synthetic``: GLUE-shaped rows from the generator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from kdnas.tasks import Task


def load(task: Task, data_config: Mapping[str, Any]) -> dict[str, tuple[pd.DataFrame, str]]:
    """Return ``{split: (rows, name for messages)}`` as the section ``data.synthetic`` asks for."""
    from kdnas.synthetic import generate

    settings = data_config["synthetic"]
    frames = generate(task.name, settings["seed"], settings["train_rows"], settings["validation_rows"])
    return {split: (frame, f"synthetic {task.name} {split}") for split, frame in frames.items()}
