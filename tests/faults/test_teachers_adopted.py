"""The zoo's teachers that are plain but for one thing, for each thing that can be otherwise: adopted."""

import pytest
from zoo.run import judge
from zoo.spec import alone


@pytest.mark.parametrize("spec", [spec for spec in alone() if spec.adopted], ids=repr)
def test_teacher(spec):
    taken = judge(spec)
    assert taken or not spec.healthy
