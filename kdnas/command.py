"""What the commands ``python -m kdnas.…`` share."""

from __future__ import annotations

import sys
from collections.abc import Callable

from kdnas.errors import UserError


def print_or_refuse(make: Callable[[], str]) -> int:
    """Print what ``make`` returns, or its UserError on the error stream; return the exit status."""
    try:
        print(make())
    except UserError as error:
        print(f"kdnas: {error}", file=sys.stderr)
        return 1
    return 0
