"""A new loss and a new strategy are one file and one line, as docs/extending.md shows them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import experiment
import pytest

from kdnas.files.artifacts import read_json

DOCS = Path(__file__).resolve().parents[2] / "docs" / "extending.md"


def shown(file: str) -> str:
    """Return the code block of docs/extending.md that has ``file`` in its first line."""
    blocks = re.findall(r"```python\n(# .*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = (block for block in blocks if block.startswith(f"# {file}\n"))
    return block


@pytest.fixture
def checkout(tmp_path):
    return experiment.copy_sources(tmp_path / "checkout")


def add(checkout: Path, file: str, registry: str, line: str) -> None:
    """Write a file of the docs, and the line of a registry behind its first entry."""
    (checkout / file).write_text(shown(file), encoding="utf-8")
    path = checkout / registry
    assert line in DOCS.read_text(encoding="utf-8")
    before, brace, after = path.read_text(encoding="utf-8").partition(" = {\n")
    path.write_text(f"{before}{brace}    {line}\n{after}", encoding="utf-8")


def python(checkout: Path, code: str) -> str:
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_a_loss_is_one_file_and_one_line(checkout, inputs, tmp_path):
    """It trains in the workflow by its name in the config, and the estimate knows what it costs."""
    add(
        checkout,
        "kdnas/losses/last_state.py",
        "kdnas/losses/__init__.py",
        '"last_state": "kdnas.losses.last_state:LastState",',
    )
    run = experiment.copy_run(inputs, tmp_path / "run")
    losses = {"last_state": 1.0, "hidden": 0.0, "logits": 0.0, "relations": 0.0, "labels": 1.0}
    experiment.write_config(
        run,
        {
            "distillation": {"losses": losses},
            "search": {"strategies": []},
            "fidelity": {"architectures": 0},
            "data": {"tasks": ["mnli"], "max_train_rows": {}, "max_unlabelled_rows": {}},
        },
    )
    target = "results/tiny/students/narrow/mnli/seed_1/metrics.json"
    experiment.succeed(run, target, root=checkout)
    log = (run / "results/tiny/logs/distill_student/narrow_seed_1.log").read_text()
    values = re.findall(r"last_state (\d+\.\d+)", log)
    assert float(values[-1]) < float(values[0])
    code = (
        "from kdnas.estimate.work import losses_of; from kdnas.search.space import Architecture\n"
        "shape = Architecture(2, 24, 2, 48, 'gelu')\n"
        "found = losses_of({'last_state': 1.0}, shape)\n"
        "print(found.ask_teacher, found.logits_suffice)"
    )
    assert python(checkout, code) == "True False\n"


def test_a_strategy_is_one_file_and_one_line(checkout, inputs, tmp_path):
    """The workflow searches with it, and the check of names knows its students."""
    add(
        checkout,
        "kdnas/search/strategies/smallest.py",
        "kdnas/search/strategies/__init__.py",
        '"smallest": "kdnas.search.strategies.smallest:SmallestStrategy",',
    )
    run = experiment.copy_run(inputs, tmp_path / "run")
    experiment.write_config(run, {"search": {"strategies": ["smallest"]}})
    proposals = "results/tiny/search/smallest/episode_01/candidates.json"
    experiment.succeed(run, proposals, root=checkout)
    found = read_json(run / proposals)["candidates"]
    assert [entry["architecture"]["layers"] for entry in found] == [1, 1]
    assert [entry["architecture"]["ffn_size"] for entry in found] == [24, 24]
