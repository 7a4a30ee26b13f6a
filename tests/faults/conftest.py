"""The tiny experiment before anything ran, and a finished run of it."""

from __future__ import annotations

from pathlib import Path

import experiment
import pytest
from filelock import FileLock


@pytest.fixture(scope="session")
def inputs(tmp_path_factory) -> Path:
    """The tiny experiment before anything ran; tests copy it."""
    folder = tmp_path_factory.mktemp("inputs")
    experiment.write_experiment(folder)
    return folder


@pytest.fixture
def fresh(inputs, tmp_path) -> Path:
    """A copy of the experiment in which nothing ran yet."""
    return experiment.copy_run(inputs, tmp_path / "run")


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


@pytest.fixture
def run_copy(finished, tmp_path) -> Path:
    """A copy of the finished run, to be changed."""
    return experiment.copy_run(finished, tmp_path / "run")
