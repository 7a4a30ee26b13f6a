"""Checking a whole configuration."""

from __future__ import annotations

from typing import Any

from kdnas.config.cross_checks import cross_check
from kdnas.config.unset import without_unset
from kdnas.config.validation import validate
from kdnas.errors import UserError


def check_run_config(config: dict[str, Any]) -> dict[str, Any]:
    """Return :func:`check_config` of a run's configuration, which has to name its experiment.

    A file that only changes keys of a preset names none. Given alone, it would run the defaults and write
    into the embedded experiment's results.
    """
    checked = check_config(config)
    if "experiment" not in config:
        raise UserError(
            "experiment is missing; allowed: a name for the run (to change single keys of a preset, give the "
            "preset first: --configfile config/laptop.yaml mine.yaml)"
        )
    return checked


def check_config(config: dict[str, Any]) -> dict[str, Any]:
    """Return ``config`` with every default filled in and without the entries that later files take back.

    Raises UserError for the first thing that is wrong.
    """
    checked = validate(config)
    cross_check(checked)
    return without_unset(checked)
