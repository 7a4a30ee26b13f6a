"""The zoo's teachers that differ from plain ones in several things at once, drawn by hypothesis."""

from hypothesis import HealthCheck, given, settings
from zoo.run import judge
from zoo.spec import teachers

EXAMPLES = 100


def test_teachers():
    """One that fails is made as plain as it can be, and prints itself."""
    taken = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(teachers())
    def check(spec):
        taken.append(judge(spec))

    check()
    assert len(taken) >= 0.9 * EXAMPLES
    assert sum(taken) >= 0.4 * len(taken)
