"""One tiny experiment for the session, and one finished run of it."""

from __future__ import annotations

from pathlib import Path

import experiment
import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder as slow."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def inputs(tmp_path_factory) -> Path:
    """The tiny experiment before anything ran; tests copy it."""
    folder = tmp_path_factory.mktemp("inputs")
    experiment.write_experiment(folder)
    return folder


@pytest.fixture(scope="session")
def finished(inputs, tmp_path_factory) -> Path:
    """The finished run of the tiny experiment; tests copy it before they change anything."""
    folder = experiment.copy_run(inputs, tmp_path_factory.mktemp("finished") / "run")
    experiment.succeed(folder)
    return folder


@pytest.fixture
def fresh(inputs, tmp_path) -> Path:
    """A copy of the experiment in which nothing ran yet."""
    return experiment.copy_run(inputs, tmp_path / "run")


@pytest.fixture
def run_copy(finished, tmp_path) -> Path:
    """A copy of the finished run, to be changed."""
    return experiment.copy_run(finished, tmp_path / "run")
