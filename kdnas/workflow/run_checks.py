"""Checks of a run's surroundings: an odd path, a missing source, a configuration that changed meanwhile."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from kdnas.errors import UserError
from kdnas.files.artifacts import digest
from kdnas.sentences import shown

CONFIGS = "KDNAS_CONFIGS"  # in the environment: the digest of the configuration by results folder, as JSON


def check_root(root: Path) -> None:
    """Raise UserError if the path of the checkout has braces, which Snakemake takes for wildcards."""
    if set("{}\n") & set(str(root)):
        raise UserError(f"the checkout is {shown(str(root))}; allowed: a path without braces and line breaks")


def note_for_jobs(config: dict[str, Any], results: str, environment: MutableMapping[str, str]) -> None:
    """Leave the digest of ``config`` in ``environment``, which the jobs of a run inherit."""
    environment[CONFIGS] = json.dumps(_noted(environment) | {results: _digest(config)})


def check_unchanged(config: dict[str, Any], results: str, environment: Mapping[str, str]) -> None:
    """Raise UserError in a job whose run began with another ``config``, by :func:`note_for_jobs`.

    A submitted job reads the configuration files anew, but Snakemake records their content at the start of
    the run: after an edit in between, its results would pass for those of the old configuration.
    """
    now = _digest(config)
    if _noted(environment).get(results, now) != now:
        raise UserError(
            f"the configuration of {results} changed after the run of this job began; allowed: the "
            "configuration that it began with (put changes for another run into a file of their own)"
        )


def check_sources(config: dict[str, Any], results: str) -> None:
    """Raise UserError if a local source is missing although ``results`` holds files made from it.

    Snakemake would see another set of input files and delete those before a job could say so.
    """
    for section, key, made, exists, kind in (
        ("data", "path", "data", Path.is_dir, "folder"),
        ("teacher", "name", "teacher/base", Path.is_dir, "folder"),
        ("latency", "table", "latency", Path.is_file, "file"),
    ):
        path = config[section][key]
        if path is None or config[section].get("source", "local") != "local":
            continue
        if not exists(Path(path)) and (Path(results) / made).exists():
            raise UserError(
                f"{section}.{key} is {shown(path)}, which is not a {kind}, but {results}/{made} was made "
                f"from it; put the {kind} back, or name the rules that do not need it with --allowed-rules"
            )


def _noted(environment: Mapping[str, str]) -> dict[str, str]:
    return json.loads(environment.get(CONFIGS, "{}"))


def _digest(config: dict[str, Any]) -> str:
    """Return a digest of all keys but ``checkpoint_minutes``, which changes no result."""
    training = {key: value for key, value in config["training"].items() if key != "checkpoint_minutes"}
    return digest(config | {"training": training})
