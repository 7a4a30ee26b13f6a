"""The tiny experiment, for all folders that run it; one thread each, as the workers share the cores."""

from __future__ import annotations

import os
from pathlib import Path

import experiment
import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")


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


@pytest.fixture
def run_copy(finished, tmp_path) -> Path:
    """A copy of the folder's finished run, to be changed."""
    return experiment.copy_run(finished, tmp_path / "run")
