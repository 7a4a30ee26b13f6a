"""Checking a whole configuration."""

from __future__ import annotations

from typing import Any

from kdnas.config.cross_checks import cross_check
from kdnas.config.unset import without_unset
from kdnas.config.validation import validate
from kdnas.errors import UserError


def check_run_config(config: dict[str, Any]) -> dict[str, Any]:
    """Return :func:`check_config` of what a run is given, which has to name its experiment.

    What changes single keys of a preset does not: without the preset, a run of the defaults would go to the
    embedded experiment's results.
    """
    checked = check_config(config)
    if "experiment" not in config:
        raise UserError(
            "experiment is not set; allowed: a name, as each file of config/ has one (a file with keys that "
            "differ goes behind such a file: --configfile config/laptop.yaml mine.yaml)"
        )
    return checked


def check_config(config: dict[str, Any]) -> dict[str, Any]:
    """Return ``config`` with every default filled in and without what its later files took back.

    Raises UserError for the first thing that is wrong.
    """
    checked = validate(config)
    cross_check(checked)
    return without_unset(checked)
