"""What others wrote, made fit for a sentence to the user: one printable line, not too long."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

LONGEST = 80  # characters of a value
MOST = 20  # names of a list


def shown(value: Any) -> str:
    """Return ``repr(value)`` on one line, shortened in its middle."""
    return _fit(" ".join(repr(value).split()))


def listed(names: Iterable[Any]) -> str:
    """Return names with commas between them, the first ones where there are many; "none" for none."""
    texts = [_fit(str(name)) for name in names]
    more = [f"and {len(texts) - MOST} more"] if len(texts) > MOST else []
    return ", ".join(texts[:MOST] + more) or "none"


def reason(error: BaseException) -> str:
    """Return the first line of a library's error without its full stop; its class where it has no text."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return _fit(lines[0].rstrip("."), 3 * LONGEST)


def _fit(text: str, longest: int = LONGEST) -> str:
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return text if len(text) <= longest else f"{text[: longest // 2]}...{text[-longest // 4 :]}"
