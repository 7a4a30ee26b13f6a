"""A cluster for the session, and the tiny experiment run on it and on this machine alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cluster
import experiment
import pytest
import site_profile


def pytest_configure() -> None:
    """Say what is missing before anything starts."""
    if cluster.missing():
        raise pytest.UsageError(f"not installed: {', '.join(cluster.missing())}; see docs/cluster.md")


@pytest.fixture(scope="session", autouse=True)
def slurm(tmp_path_factory) -> Iterator[Path]:
    """A running cluster, one for each worker of pytest-xdist; clients find it by SLURM_CONF."""
    folder = tmp_path_factory.mktemp("cluster")
    with pytest.MonkeyPatch.context() as patch:
        try:
            for name, value in cluster.start(folder).items():
                patch.setenv(name, value)
            yield folder
        finally:
            cluster.stop(folder)


@pytest.fixture(scope="session")
def alone(inputs, tmp_path_factory) -> Path:
    """A finished run on this machine alone."""
    folder = experiment.copy_run(inputs, tmp_path_factory.mktemp("alone") / "run")
    experiment.succeed(folder)
    return folder


@pytest.fixture(scope="session")
def submitted(inputs, tmp_path_factory) -> Path:
    """A finished run through SLURM, two jobs at once."""
    folder = experiment.copy_run(inputs, tmp_path_factory.mktemp("submitted") / "run")
    site_profile.submit(folder, site_profile.write_profile(folder, jobs=2))
    return folder
