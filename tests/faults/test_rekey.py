"""`python -m kdnas rekey`: an edit that changes no result trains nothing anew, one that does is refused."""

from __future__ import annotations

import subprocess
import sys

import experiment
import pytest

RATE = "return self.learning_rate * (step + 1) / rising"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A checkout, and a store that its code filled with config/tiny.yaml."""
    checkout = experiment.copy_sources(tmp_path_factory.mktemp("rekey") / "before")
    folder = checkout.parent / "run"
    folder.mkdir()
    (folder / "config.yaml").write_bytes((checkout / "config" / "tiny.yaml").read_bytes())
    experiment.succeed(folder, "students", root=checkout)
    return checkout, folder


@pytest.mark.parametrize(
    ("edited", "ended"),
    [
        ("return (step + 1) * self.learning_rate / rising", 0),  # the same to the last bit
        ("return 2 * self.learning_rate * (step + 1) / rising", 1),
    ],
)
def test_an_edit(trained, tmp_path, edited, ended):
    before, run = trained
    here = experiment.copy_sources(tmp_path / "here")
    file = here / "kdnas" / "training" / "recipe.py"
    file.write_text(file.read_text().replace(RATE, edited))
    mine = experiment.copy_run(run, tmp_path / "run")
    command = [sys.executable, "-m", "kdnas", "rekey", str(before), "--store", str(mine / "results/store")]
    process = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    assert process.returncode == ended, process.stderr
    assert ("The same bytes. " in process.stdout) == (ended == 0)
    assert ("differs between the two versions" in process.stderr) == (ended == 1)
    experiment.succeed(mine, "students", root=here)
    logs = [path.read_text() for path in (mine / "results/tiny/logs/distill_student").iterdir()]
    assert all("taken from the store" in log for log in logs) == (ended == 0)
