"""The first page of the report: which student for which share of the teacher's quality."""

from __future__ import annotations

import pandas as pd
import pytest

from kdnas.tables.overview import choices, overview_text

MODELS = {  # average, speed-up
    "teacher": (80.0, 1.0),
    "large": (80.8, 1.5),
    "middle": (79.0, 3.0),
    "slow": (78.9, 2.0),
    "small": (77.0, 6.0),
    "tiny": (60.0, 9.0),
}


@pytest.fixture
def students():
    frame = pd.DataFrame(MODELS, index=["average", "speedup"]).T
    frame["share"] = frame["average"] / 0.8
    frame["sd"], frame["parameters"] = 0.5, 7_000_000
    frame["origin"] = ["", "lstm", "lstm", "random", "random", "hand_crafted"]
    frame["architecture"] = "2L-192H-6A-384F-gelu"
    return frame


def test_the_fastest_that_keeps_enough_is_taken(students):
    # 101 % is enough for 100 %; 98.75 % for 98 % and not for 99 %; 96.25 % for 95 %; 75 % for nothing
    found = choices(students)[["keeps", "student"]].to_numpy().tolist()
    assert found == [[100, "large"], [98, "middle"], [95, "small"]]


def test_a_student_that_was_not_timed_is_not_advised(students):
    students.loc["middle", "speedup"] = float("nan")
    assert choices(students)["student"].tolist() == ["large", "slow", "small"]


def test_the_page_says_what_was_found_and_where(students, tmp_path):
    (tmp_path / "figure.png").write_bytes(b"\x89PNG" + bytes(5000))
    page = overview_text(
        students,
        results="results/mine",
        task="mnli",
        seed=3,
        timed_in="CPU",
        synthetic=True,
        figure=tmp_path / "figure.png",
    )
    assert "no score in this report is a GLUE score" in page and "Speed-up (CPU)" in page
    assert "**large** (2L-192H-6A-384F-gelu), keeps 101.0 % of the teacher's average at 1.50 times" in page
    assert (
        "at least 98 %: **middle**, 3.00 times as fast, in ``results/mine/students/middle/mnli/seed_3/model``"
        in (" ".join(page.split()))
    )
    assert max(map(len, page.splitlines())) < 1000  # docutils refuses long lines


def test_a_run_without_latencies_says_so(students, tmp_path):
    (tmp_path / "figure.png").write_bytes(b"\x89PNG")
    students["speedup"] = float("nan")
    settings = {"results": "r", "task": "mnli", "seed": 1, "timed_in": "GPU", "synthetic": False}
    page = overview_text(students, figure=tmp_path / "figure.png", **settings)
    assert page.startswith("No student was timed on this device.")
    assert "Which student to take" not in page
