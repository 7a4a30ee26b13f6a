"""One tiny experiment for the session, and finished runs of it."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import experiment
import pytest
from filelock import FileLock


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder as slow, and order all tests so that no worker waits for the runs.

    One worker makes the finished runs with its first test while the other goes through those that need none.
    """
    slow = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in slow:
        item.add_marker(pytest.mark.slow)
    first, *later = [item for item in slow if "runs" in item.fixturenames] or [None]
    between = [item for item in items if item is not first and item not in later]
    between.sort(key=lambda item: item not in slow)
    items[:] = [first, *between, *later] if first else between


@pytest.fixture(scope="session")
def runs(inputs, tmp_path_factory, worker_id) -> list[Path]:
    """A finished run of the experiment and, elsewhere, the student of its first strategy once more.

    They are made side by side on one core each, by the first worker of pytest-xdist that wants them, and no
    test changes them. The second trains an episode's candidates in two jobs.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    folders = [shared / "run_1", shared / "run_2"]
    with FileLock(shared / "runs.lock"):
        if not (shared / "runs.finished").exists():
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)  # of a worker that failed to make them
                experiment.copy_run(inputs, folder)
            changes = {"search": {"strategies": ["lstm"], "cohorts": 2}, "students": {"hand_crafted": []}}
            experiment.write_config(folders[1], changes)
            with ThreadPoolExecutor(2) as pool:
                targets = ("all", "students")
                list(pool.map(lambda *run: experiment.succeed(*run, cores=1), folders, targets))
            (shared / "runs.finished").touch()
    return folders


@pytest.fixture(scope="session")
def finished(runs) -> Path:
    """The first of the two runs; tests copy it before they change anything."""
    return runs[0]
