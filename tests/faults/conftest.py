"""A finished run of the tiny experiment."""

from __future__ import annotations

from pathlib import Path

import experiment
import pytest
from filelock import FileLock


@pytest.fixture(scope="session")
def finished(inputs, tmp_path_factory, worker_id) -> Path:
    """A finished run, made by the first worker of pytest-xdist that wants it; tests copy it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "finished"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            experiment.copy_run(inputs, folder)
            experiment.succeed(folder)
    return folder
