"""Entries of the store go on to serve after an edit of the code that changed no result."""

from __future__ import annotations

import pytest

from kdnas.commands.rekey import rekey, same_results
from kdnas.errors import UserError
from kdnas.files.store import Store


def key(name, code):
    return {"architecture": name, "code": code}


def fill(store, folder, code, quality=0.5, seconds=1.0):
    """An evaluation, a model and a latency, as a run leaves them."""
    store.put("evaluations", key("a", f"{code} evaluates"), {"quality": quality, "train_seconds": seconds})
    store.put("latencies", key("a", f"{code} times"), {"latency_ms": seconds})
    model = folder / f"model_{code}"
    model.mkdir(parents=True)
    (model / "weights").write_text("trained")
    store.put_model(key("b", f"{code} trains"), model, {"scores": quality})
    return store


@pytest.fixture
def before(tmp_path):
    return fill(Store(tmp_path / "before"), tmp_path, "old")


def test_the_same_results_map_the_digests_of_code(before, tmp_path):
    here = fill(Store(tmp_path / "here"), tmp_path, "new", seconds=9.0)
    assert same_results(before, here) == {"old evaluates": "new evaluates", "old trains": "new trains"}


def test_another_result_is_refused(before, tmp_path):
    with pytest.raises(UserError, match="a result of evaluations differs"):
        same_results(before, fill(Store(tmp_path / "here"), tmp_path, "new", quality=0.6))


def test_another_result_is_told_before_what_was_made_of_it(before, tmp_path):
    here = fill(Store(tmp_path / "here"), tmp_path, "new", quality=0.6)
    here.put("evaluations", key("made of it", "new evaluates"), {"quality": 0.5})
    with pytest.raises(UserError, match="a result of evaluations differs"):
        same_results(before, here)


def test_keys_of_another_layout_are_refused(before, tmp_path):
    here = fill(Store(tmp_path / "here"), tmp_path, "new")
    here.put("evaluations", key("a", "new") | {"more": 1}, {"quality": 0.5})
    with pytest.raises(UserError, match="1 results are in only one of the two runs"):
        same_results(before, here)


def test_entries_of_the_code_before_serve_the_code_here(before, tmp_path):
    store = fill(Store(tmp_path / "mine"), tmp_path / "more", "old")
    store.put("evaluations", key("c", "old evaluates"), {"quality": 0.7})
    store.put("evaluations", key("d", "other code"), {"quality": 0.9})
    assert rekey(store, {"old evaluates": "new evaluates", "old trains": "new trains"}) == 3
    assert store.get("evaluations", key("c", "new evaluates")) == {"quality": 0.7}
    assert store.get("evaluations", key("c", "old evaluates")) == {"quality": 0.7}
    assert store.get_model(key("b", "new trains"), tmp_path / "got") == {"scores": 0.5}
    assert (tmp_path / "got" / "weights").read_text() == "trained"
    assert store.get("evaluations", key("d", "new evaluates")) is None
    assert store.get("latencies", key("a", "new times")) is None
