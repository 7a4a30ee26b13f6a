"""A latency that was not measured for want of a GPU, and whether that has changed."""

import json

import pytest

from kdnas.latency import gpu as module
from kdnas.latency.gpu import awaits_gpu, has_driver
from kdnas.latency.protocol import NO_GPU, Protocol, latency_content

GPU = Protocol("gpu", "torch", 1, 8, None, 1, 5, 20, 0.5)


@pytest.fixture
def asked(monkeypatch):
    """Pretend to have a driver and a GPU; gives the answers and what torch was asked."""
    answers = {"driver": True, "torch": True, "asked": 0}

    def torch_sees_gpu():
        answers["asked"] += 1
        return answers["torch"]

    monkeypatch.setattr(module, "has_driver", lambda: answers["driver"])
    monkeypatch.setattr(module, "torch_sees_gpu", torch_sees_gpu)
    return answers


@pytest.mark.parametrize(
    ("promised", "here", "driver", "torch", "expected"),
    [
        (False, True, True, True, True),
        (False, True, True, False, False),  # torch is built for the CPU
        (False, True, False, True, False),
        (False, False, True, True, False),  # the login node's
        (True, False, False, False, True),  # a job of the cluster gets one
    ],
)
def test_what_was_not_measured_is_measured_where_its_job_has_a_gpu(
    promised, here, driver, torch, expected, asked, tmp_path
):
    asked |= {"driver": driver, "torch": torch}
    file = tmp_path / "gpu.json"
    file.write_text(json.dumps(latency_content(GPU, "measured", reason=NO_GPU)))
    assert awaits_gpu(file, promised, here) is expected
    assert asked["asked"] <= (not promised and here and driver)  # torch takes seconds


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(latency_content(GPU, "measured", models=[{"model": "x"}])),
        json.dumps(
            latency_content(GPU, "table", reason="not measured: the latency table has no row for a GPU")
        ),
        "[]",
        '{"reason": "not',
        None,
    ],
)
def test_what_was_measured_or_is_not_there_stays(text, asked, tmp_path):
    if text is not None:
        (tmp_path / "gpu.json").write_text(text)
    assert not awaits_gpu(tmp_path / "gpu.json", True, True)


@pytest.mark.parametrize(
    ("device", "expected"),
    [("nvidia0", True), ("kfd", True), ("dxg", True), ("nvidiactl", False), ("null", False)],
)
def test_a_driver_shows_in_the_devices(device, expected, tmp_path):
    (tmp_path / device).touch()
    assert has_driver(tmp_path) is expected
