"""All strategies' evaluations pooled, and the quality-latency front, against brute force and by hand."""

from __future__ import annotations

import fabricate
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdnas.errors import UserError
from kdnas.search.history import write_history
from kdnas.search.pool import pool
from kdnas.search.selection import pareto_front
from kdnas.search.space import Architecture
from kdnas.tables.front import front_table
from kdnas.tables.latex import latex_text
from kdnas.tables.markdown import markdown_text


def evaluated(layers, quality, ratio, **values):
    row = {"layers": layers, "quality": quality, "latency_ratio": ratio, "latency_ms": 20 * ratio}
    return row | {"reward": quality, "parameters": 1_000_000 * layers} | values


def failed(layers):
    return evaluated(layers, None, 0.1) | {"status": "failed", "reason": "out of memory", "latency_ms": None}


# few values, so that equal qualities and latencies are common; the place in the list is the number of layers
RESULTS = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4)), min_size=1, max_size=8)


@st.composite
def searches(draw):
    """Two histories that meet some of the same architectures, each of which may fail in either."""
    results = draw(RESULTS)
    histories = {}
    for strategy in ("lstm", "random"):
        order = draw(st.permutations(range(len(results))))
        order = order[: draw(st.integers(1, len(results)))]
        rows = [
            failed(i + 1) if draw(st.booleans()) else evaluated(i + 1, results[i][0] / 4, results[i][1] / 4)
            for i in order
        ]
        histories[strategy] = fabricate.history(rows)
    return histories


@settings(max_examples=40, deadline=None)
@given(searches())
def test_front_of_all_strategies_by_brute_force(histories):
    worked = {}  # layers: (quality, latency ratio), in the order of first success
    tried = set()
    finders = {}
    for strategy, history in histories.items():
        for row in history.itertuples():
            tried.add(row.layers)
            if row.status == "ok":
                worked.setdefault(row.layers, (row.quality, row.latency_ratio))
                finders.setdefault(row.layers, []).append(strategy)
    if not worked:
        with pytest.raises(UserError, match="every candidate of every search failed .*out of memory"):
            pool(histories)
        return

    order = list(worked)
    front = []
    for one in order:
        q, t = worked[one]
        beaten = any(
            a >= q and b <= t and ((a, b) != (q, t) or order.index(other) < order.index(one))
            for other, (a, b) in worked.items()
            if other != one
        )
        if not beaten:
            front.append(one)
    front.sort(key=lambda one: worked[one][1])

    pooled = pool(histories)
    assert sorted(pooled["layers"]) == sorted(tried)
    assert int((pooled["status"] != "ok").sum()) == len(tried) - len(worked)
    found = pareto_front(pooled)
    assert found["layers"].tolist() == front
    assert found["strategies"].tolist() == [", ".join(finders[one]) for one in front]


def test_pool_keeps_the_first_of_two_results():
    first = fabricate.history([failed(1), evaluated(2, 0.5, 0.4)])
    second = fabricate.history([evaluated(2, 0.6, 0.3), evaluated(1, 0.7, 0.2), failed(3)])
    pooled = pool({"lstm": first, "random": second})
    assert pooled["layers"].tolist() == [2, 1, 3]
    assert pooled["status"].tolist() == ["ok", "ok", "failed"]
    assert pooled["quality"].tolist()[:2] == [0.5, 0.7]
    assert pooled["strategies"].tolist() == ["lstm, random", "random", "random"]


@pytest.fixture
def run(tmp_path):
    """On the front: 1 (both strategies), 4 (random). Beaten: 2 by 1, 3 by 4. Failed: 5."""
    histories = {
        "lstm": [evaluated(3, 0.7, 0.8), evaluated(1, 0.6, 0.2), failed(5)],
        "random": [evaluated(2, 0.5, 0.4), evaluated(1, 0.6, 0.2), evaluated(4, 0.8, 0.5)],
    }
    paths = {}
    for strategy, rows in histories.items():
        histories[strategy] = fabricate.history(rows)
        paths[strategy] = tmp_path / f"{strategy}.csv"
        write_history(paths[strategy], histories[strategy])
    lstm, random = histories["lstm"], histories["random"]
    students = [
        fabricate.student(tmp_path, "lstm_best", "lstm", "best", lstm.iloc[0].fillna(1)),
        fabricate.student(tmp_path, "lstm_budget_0.3", "lstm", "budget_0.3", lstm.iloc[1].fillna(1)),
        fabricate.student(tmp_path, "random_best", "random", "best", random.iloc[2].fillna(1)),
        fabricate.student(
            tmp_path, "mine", "hand_crafted", "hand_crafted", None, Architecture(1, 384, 12, 1536, "gelu")
        ),
    ]
    return paths, students


def test_front_table_by_hand(run):
    table = front_table(*run, quality="accuracy", timed_in="CPU", synthetic=False)
    fast, good = table.data.to_dict("records")
    assert fast == {
        "architecture": "1L-384H-12A-1536F-gelu",
        "strategies": "lstm, random",
        "parameters": 1_000_000,
        "quality": 0.6,
        "latency_ratio": 0.2,
        "latency_ms": 4.0,
        "reward": 0.6,
        "students": "lstm_budget_0.3, mine",
        "synthetic": False,
    }
    assert (good["architecture"], good["strategies"]) == ("4L-384H-12A-1536F-gelu", "random")
    assert good["students"] == "random_best"
    assert list(table.shown["Latency ratio (CPU)"]) == ["0.200", "0.500"]
    assert list(table.shown["Parameters (M)"]) == ["1.00", "4.00"]
    assert table.bold == {(1, "Reward")}
    assert any(note.startswith("Of 5 architectures") and "1 failed" in note for note in table.notes)
    assert "Selected students that are not on the front: lstm_best." in table.notes
    # lstm: 0.6 from 0.2 and 0.7 from 0.8 on; random: 0.6 from 0.2 and 0.8 from 0.5 on
    (volumes,) = (note for note in table.notes if note.startswith("Hypervolume"))
    assert volumes.endswith("quality 0 and latency ratio 1: lstm 0.5000, random 0.5800.")


def test_front_table_says_synthetic_and_the_device(run):
    table = front_table(*run, quality="loss", timed_in="GPU", synthetic=True)
    assert "synthetic data, not GLUE" in table.title
    assert "SYNTHETIC DATA, NOT GLUE" in markdown_text(table)
    assert "SYNTHETIC DATA, NOT GLUE" in latex_text(table)
    assert "Latency ratio (GPU)" in table.shown.columns
    assert table.data["synthetic"].all()
    assert any("1 − distillation loss" in note for note in table.notes)
