"""The origin of a run: its configuration, and the versions of the workflow and of the libraries."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
# the code of jobs; a user's own config or profile beside it changes no code
CODE = ("Snakefile", "rules", "scripts", "kdnas", "synthetic_glue", "config/schema", "envs")
NO_GIT = "no git"


def config_text(config: dict[str, Any]) -> str:
    """Return a checked configuration as YAML that ``--configfile`` reads, in the order of the schema."""
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def versions(root: Path = ROOT) -> dict[str, Any]:
    """Return the commit of the checkout ``root``, whether its code was ``changed`` since, and versions.

    The commit is ``no git`` and ``changed`` None where ``root`` is not the top of a git checkout.
    """
    commit, changed = NO_GIT, None
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is not None and Path(top).resolve() == root.resolve():  # not a copy inside another project's
        commit = _git(root, "rev-parse", "HEAD") or NO_GIT
        changed = bool(_git(root, "status", "--porcelain", "--", *CODE))
    libraries = {name: metadata.version(name) for name in ("torch", "transformers")}
    return {"commit": commit, "changed": changed, "python": platform.python_version(), **libraries}


def _git(root: Path, *arguments: str) -> str | None:
    """Return the output of a git command in ``root``; None where it fails or there is no git."""
    environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}  # it only looks
    try:
        process = subprocess.run(
            # a checkout that somebody else owns, as in a group's folder, counts too
            ["git", "-c", f"safe.directory={root}", "-C", str(root), *arguments],
            env=environment, capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
    except OSError:
        return None
    return process.stdout.strip() if process.returncode == 0 else None
