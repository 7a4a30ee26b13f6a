"""Latency on a GPU: events, ratios, the store, and all students in the same rounds."""

from __future__ import annotations

import time

import pytest
import torch
from networks import bert_config

from kdnas.files.store import Store
from kdnas.latency.clock import profile_by_clock
from kdnas.latency.protocol import Protocol, hardware
from kdnas.latency.timers import make_timer, network
from kdnas.search.space import Architecture
from kdnas.training.device import claim


@pytest.fixture
def protocol(on, sizes):
    return Protocol(on, "torch", 1, sizes.tokens, 1 if on == "cpu" else None, 5, 10, 30, 1e9)


@pytest.mark.only_gpu
def test_events_time_the_pass_and_not_the_way_to_it(protocol, sizes):
    """A pass by its events takes no longer than by the clock around it, and not much less."""
    batch = Protocol("gpu", "torch", 64, sizes.tokens, None, 5, 10, 30, 1e9)
    timer = make_timer(network(bert_config(sizes.teacher, sizes.words), sizes.teacher), batch, sizes.words)
    for _ in range(5):
        timer()
    pairs = []
    for _ in range(10):
        torch.cuda.synchronize()
        started = time.perf_counter()
        events = timer()
        pairs.append((events, 1e3 * (time.perf_counter() - started)))
    events, clock = map(min, zip(*pairs, strict=True))
    assert 0.3 * clock < events < 1.05 * clock


def test_students_are_timed_against_the_teacher_together_and_once(on, protocol, sizes, tmp_path, figure):
    config = bert_config(sizes.teacher, sizes.words)
    models = {f"student {number}": shape for number, shape in enumerate(sizes.students)}
    models["teacher"] = sizes.teacher
    store = Store(tmp_path)
    first = profile_by_clock(models, config, protocol=protocol, store=store, together=True)
    assert first["hardware"] == hardware(protocol)
    if on == "gpu":
        assert first["hardware"]["device_name"] == torch.cuda.get_device_name()
        assert first["hardware"]["host"]
    rows = {row["model"]: row for row in first["models"]}
    assert rows["teacher"]["ratio"] == 1.0
    for row in rows.values():
        assert row["ratio_low"] <= row["ratio"] <= row["ratio_high"]
        assert len(row["times_ms"]) == row["rounds"] >= 10
        assert min(row["times_ms"]) > 0
        shape = Architecture.from_dict(row["architecture"]).short_name
        figure(f"a pass of {shape}, 1 x {sizes.tokens} tokens", on, f"{row['latency_ms']:.2f} ms")
        figure("its ratio to the teacher", on, f"{row['ratio']:.3f}")
    again = profile_by_clock(models, config, protocol=protocol, store=store, together=True)
    assert all(row["from_store"] for row in again["models"])
    assert again["teacher"] == first["teacher"]
    with claim(on, torch.get_num_threads()):  # it was given back
        pass
