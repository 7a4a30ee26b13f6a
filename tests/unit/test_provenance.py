"""What is written down of a run: a config that can be used again, and the checkout that made it."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest
import torch
import transformers
import yaml

from kdnas.config.check import check_config
from kdnas.config.reading import read_config
from kdnas.workflow.provenance import CODE, ROOT, config_text, versions

PRESETS = sorted((ROOT / "config").glob("*.yaml"))


@pytest.mark.parametrize("preset", PRESETS, ids=[path.stem for path in PRESETS])
def test_written_config_is_the_same_config(preset, tmp_path):
    config = check_config(read_config(preset))
    file = tmp_path / "config.yaml"
    file.write_text(config_text(config), encoding="utf-8")
    assert read_config(file) == config
    assert list(yaml.safe_load(file.read_text(encoding="utf-8"))) == list(config)
    assert config_text(check_config(read_config(file))) == config_text(config)


def test_text_that_looks_like_something_else_stays_text(tmp_path):
    config = check_config({"data": {"source": "local", "path": "2024-01-01"}, "experiment": "no"})
    file = tmp_path / "config.yaml"
    file.write_text(config_text(config | {"environment": "ü: #"}), encoding="utf-8")
    read = read_config(file)
    assert (read["data"]["path"], read["experiment"], read["environment"]) == ("2024-01-01", "no", "ü: #")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.invalid", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    """A checkout with one file of the code and one commit."""
    folder = tmp_path / "checkout"
    (folder / "kdnas").mkdir(parents=True)
    (folder / "kdnas" / "module.py").write_text("A = 1\n")
    git(tmp_path, "init", "--quiet", str(folder))
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "one")
    return folder


def test_commit_and_libraries(checkout):
    assert versions(checkout) == {
        "commit": git(checkout, "rev-parse", "HEAD"),
        "changed": False,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "transformers": transformers.__version__,
    }


def test_changed_code_is_told_and_a_config_beside_it_is_none(checkout):
    (checkout / "mine.yaml").write_text("seeds: [2]\n")
    assert versions(checkout)["changed"] is False
    (checkout / "kdnas" / "new.py").write_text("B = 1\n")
    assert versions(checkout)["changed"] is True
    (checkout / "kdnas" / "new.py").unlink()
    (checkout / "kdnas" / "module.py").write_text("A = 2\n")
    assert versions(checkout)["changed"] is True


def test_without_a_checkout_there_is_no_commit(checkout, tmp_path, monkeypatch):
    copy = checkout / "copy"  # of the workflow, inside another project's checkout
    copy.mkdir()
    folders = [tmp_path, copy]
    assert [(versions(folder)["commit"], versions(folder)["changed"]) for folder in folders] == [
        ("no git", None)
    ] * 2
    monkeypatch.setenv("PATH", str(tmp_path))  # no git either
    assert versions(checkout)["commit"] == "no git"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_checkout_of_another_owner_counts(checkout):
    commit = git(checkout, "rev-parse", "HEAD")
    for path in [checkout, *checkout.rglob("*")]:
        os.chown(path, 65534, 65534)
    assert (versions(checkout)["commit"], versions(checkout)["changed"]) == (commit, False)


def test_code_is_what_there_is():
    assert all((ROOT / name).exists() for name in CODE)
