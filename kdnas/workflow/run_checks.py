"""What a run's surroundings rule out: an odd path, a source that has gone, another configuration."""

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

    A submitted job reads the configuration files anew, while Snakemake records what they said when the run
    began: what an edit in between made would pass for the old configuration's.
    """
    now = _digest(config)
    if _noted(environment).get(results, now) != now:
        raise UserError(
            f"the configuration of {results} changed after the run of this job began; allowed: the one that "
            "it began with (what is for another run goes into a file of its own)"
        )


def check_sources(config: dict[str, Any], results: str) -> None:
    """Raise UserError if a local source has gone of which ``results`` holds what was made of it.

    Snakemake would see another set of input files and delete that before a job could say so.
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
                f"{section}.{key} is {shown(path)}, which is no {kind}, and {results}/{made} was made with "
                f"it; allowed: the {kind} in its place (or --allowed-rules with the rules that need none)"
            )


def _noted(environment: Mapping[str, str]) -> dict[str, str]:
    return json.loads(environment.get(CONFIGS, "{}"))


def _digest(config: dict[str, Any]) -> str:
    """Return a digest of what decides results: how often a training saves itself may change meanwhile."""
    training = {key: value for key, value in config["training"].items() if key != "checkpoint_minutes"}
    return digest(config | {"training": training})
