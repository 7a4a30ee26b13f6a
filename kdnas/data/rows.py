"""How many rows of a task are for training, for the proxy set and held out: counts only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdnas.errors import UserError
from kdnas.sentences import shown


def max_train_rows(task_name: str, value: Any) -> int | None:
    """Return the limit that ``value`` (``data.max_train_rows``) sets for a task, None for all rows.

    Raises UserError for a limit that is not a number of rows.
    """
    key = "data.max_train_rows"
    if isinstance(value, Mapping):
        key, value = f"{key}.{task_name}", value.get(task_name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise UserError(f"{key} is {shown(value)}; allowed: a number of rows (at least 1), or null for all")
    return value


def heldout_share(task_name: str, search: Mapping[str, Any]) -> float:
    """Return the share that the config's ``search`` holds out of a task: of the search task alone."""
    return search["proxy"]["heldout"] if task_name == search["task"] else 0.0


def proxy_rows(rows: int, share: float) -> int:
    """Return how many of the search task's training ``rows`` the proxy set has."""
    return round(share * rows)


def divide_rows(rows: int, most: int | None, heldout: float) -> tuple[int, int]:
    """Return how many of a task's ``rows`` train, at most ``most`` (None: all), and how many are held out.

    The latter are the share ``heldout`` of the former's maximum, and come first where rows are short.
    """
    most = min(rows, most or rows)
    held_out = round(heldout * most)
    return min(most, rows - held_out), held_out
