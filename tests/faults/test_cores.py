"""The number of cores decides how long a run takes, and nothing of what it makes."""

from __future__ import annotations

import pytest
from experiment import reproducible, succeed


@pytest.mark.parametrize("cores", [1, 6])
def test_same_bytes_with_fewer_and_with_more_cores_than_two(finished, fresh, cores):
    succeed(fresh, cores=cores)
    assert reproducible(fresh) == reproducible(finished)
