"""The configuration: its schema, its validation and its reference."""

from __future__ import annotations

from typing import Any

from kdnas.config.cross_checks import cross_check
from kdnas.config.unset import without_unset
from kdnas.config.validation import validate

__all__ = ["check_config"]


def check_config(config: dict[str, Any]) -> dict[str, Any]:
    """Return ``config`` with every default filled in and without what its later files took back.

    Raises UserError for the first thing that is wrong.
    """
    checked = validate(config)
    cross_check(checked)
    return without_unset(checked)
