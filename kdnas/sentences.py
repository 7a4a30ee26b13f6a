"""Values and texts from elsewhere, made fit for a sentence to the user: one printable line, not too long."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

LONGEST = 80  # characters of a value
MOST = 20  # names of a list


def shown(value: Any) -> str:
    """Return a value as JSON, which is YAML too, on one printable line and shortened in its middle."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:  # Python refuses to write the longest ones
        return "a number of more than 64 bits"
    try:
        return short(json.dumps(value, ensure_ascii=False, default=str))
    except (TypeError, ValueError, RecursionError):  # a key that is no text, such a number or itself inside
        return f"a {type(value).__name__} that cannot be written"


def listed(names: Iterable[Any]) -> str:
    """Return names with commas between them, the first ones where there are many; "none" for none."""
    texts = [short(str(name)) for name in names]
    more = [f"and {len(texts) - MOST} more"] if len(texts) > MOST else []
    return ", ".join(texts[:MOST] + more) or "none"


def counted(count: int, what: str) -> str:
    """Return a number of things in words: ``1 thread``, ``2 threads``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def reason(error: BaseException) -> str:
    """Return the first line of a library's error without its full stop; its class where it has no text."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return short(lines[0].rstrip("."), 3 * LONGEST)


def short(text: str, longest: int = LONGEST) -> str:
    """Return ``text`` with unprintable characters escaped, and without its middle where it is too long."""
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return text if len(text) <= longest else f"{text[: longest // 2]}...{text[-longest // 4 :]}"
