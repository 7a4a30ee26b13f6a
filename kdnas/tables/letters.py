"""Letters that refer to the explanations below a figure or a table."""

from __future__ import annotations

import itertools
import string
from collections.abc import Hashable, Iterable
from typing import TypeVar

Named = TypeVar("Named", bound=Hashable)


def lettered(things: Iterable[Named]) -> dict[Named, str]:
    """Return a letter for each of ``things`` in their order: a to z, then aa, ab and so on."""
    words = (
        "".join(word)
        for length in itertools.count(1)
        for word in itertools.product(string.ascii_lowercase, repeat=length)
    )
    return dict(zip(things, words, strict=False))
