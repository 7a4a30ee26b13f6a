"""Names of classes as files spell them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

WHOLE_NUMBER = "[+-]?[0-9]+"


def unquoted(name: str) -> str:
    """Return a name without the quotes around it, if there are any."""
    quoted = re.fullmatch("([\"'`]).+\\1|“.+”|„.+[“”]|«.+»", name, re.DOTALL)
    return name[1:-1].strip() if quoted else name


def folded(name: str) -> str:
    """Return what all spellings of a name have in common: case, spaces, quotes, hyphens and zeros go."""
    if re.fullmatch(r"[+-]?[0-9]{1,15}(\.0*)?", name):
        return str(int(float(name)))
    shaped = unicodedata.normalize("NFKC", unquoted(name)).casefold()
    visible = "".join(char for char in shaped if unicodedata.category(char) != "Cf")
    return " ".join(re.sub(r"(?<=[^\W_])[\s_-]+(?=[^\W_])", " ", visible).split())


def without_gaps(numbers: Iterable[int], *, starts: Collection[int]) -> bool:
    """Return whether different ``numbers`` follow each other from one of ``starts`` on, as codes do."""
    ordered = sorted(numbers)
    return ordered[0] in starts and ordered == list(range(ordered[0], ordered[0] + len(ordered)))
