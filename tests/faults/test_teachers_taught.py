"""The zoo's teachers that are plain but for one thing, for each thing that can be otherwise: taught here."""

import pytest
from zoo.run import judge
from zoo.spec import alone

TEACHERS = alone()


@pytest.mark.parametrize("spec", [spec for spec in TEACHERS if not spec.adopted], ids=repr)
def test_teacher(spec):
    taken = judge(spec)
    assert taken or not spec.healthy


def test_zoo_is_not_of_refused_teachers_alone():
    assert len(TEACHERS) >= 200
    assert sum(spec.healthy for spec in TEACHERS) >= 0.45 * len(TEACHERS)  # each of them has to be taken
