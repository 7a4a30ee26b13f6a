"""The config's ``distillation`` section: what all its stages share, and what belongs to one alone."""

from __future__ import annotations

from typing import Any

_OF_ONE = ("proxy", "student", "glue", "start_from_search_task")


def shared_settings(distillation: dict[str, Any]) -> dict[str, Any]:
    """Return the part of the section that every stage depends on."""
    return {key: value for key, value in distillation.items() if key not in _OF_ONE}


def stage_settings(distillation: dict[str, Any], stage: str) -> dict[str, Any]:
    """Return the part of the section that one stage (``proxy``, ``student`` or ``glue``) depends on."""
    return shared_settings(distillation) | {stage: distillation[stage]}
