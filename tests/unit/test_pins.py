"""The pins of requirements/, envs/ and pyproject.toml say one thing."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"([A-Za-z0-9_.-]+)==(\d[A-Za-z0-9.]*)")


def pins(name):
    """Return ``{package: version}`` of a requirements file; every line has to be an exact pin."""
    found = {}
    for line in (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            match = PIN.fullmatch(line)
            assert match, f"requirements/{name}.txt: {line}"
            package = re.sub(r"[-_.]+", "-", match[1]).lower()
            assert package not in found, f"requirements/{name}.txt: {package} stands twice"
            found[package] = match[2]
    return found


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_conda_environments_hold_the_pins(name):
    environment = yaml.safe_load((ROOT / "envs" / f"{name}.yaml").read_text(encoding="utf-8"))
    *packages, pip = environment["dependencies"]
    found = {}
    for line in pip["pip"]:
        match = PIN.fullmatch(line)
        found[match[1].lower()] = match[2]
    conda = dict(package.split("=") for package in packages if "=" in package)
    found["torch"] = conda[{"cpu": "pytorch-cpu", "cuda": "pytorch-gpu"}[name]]
    assert found == pins("requirements")
    assert conda["python"] == "3.11"


@pytest.mark.parametrize("name", ["requirements", "development"])
def test_constraints_hold_the_pins(name):
    constraints = pins("constraints")
    for package, version in pins(name).items():
        assert constraints[package] == version, package


def test_every_dependency_is_explained():
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    explained = {name.lower() for name in re.findall(r"^\| `([^`]+)`", text, flags=re.MULTILINE)}
    assert explained == set(pins("requirements")) | set(pins("development"))


def test_package_takes_its_dependencies_from_the_requirements():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "dependencies" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["dependencies"] == {
        "file": ["requirements/requirements.txt"]
    }


def test_no_file_of_the_set_up_names_an_index():
    for path in [*ROOT.glob("requirements/*.txt"), *ROOT.glob("envs/*.yaml"), ROOT / "Makefile"]:
        assert not re.search(r"https?://|index-url", path.read_text(encoding="utf-8")), path.name
