"""Taking one teacher of the zoo through the product and judging what came out."""

from __future__ import annotations

import tempfile
from pathlib import Path

from zoo import oracle, product
from zoo.build import write_teacher
from zoo.spec import Spec


def judge(spec: Spec) -> bool:
    """Return whether the product took this teacher; raise AssertionError for what it may not do with it."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        write_teacher(spec, source)
        try:
            outcome = product.use(spec, source, Path(folder) / "run")
        except Exception as error:
            raise AssertionError(f"{spec}: {type(error).__name__}: {str(error).splitlines()[:1]}") from error
        try:
            oracle.check(spec, source, outcome)
        except AssertionError as error:
            raise AssertionError(f"{spec}: {error}") from error
    return outcome.refused is None
