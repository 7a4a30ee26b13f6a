"""Latency: the interval, the rounds, the store and the table; with a pretended clock."""

import json
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom
from tiny import FAMILY, write_teacher

from kdnas.config.check import check_config
from kdnas.errors import UserError
from kdnas.files.store import Store
from kdnas.latency import clock as module
from kdnas.latency import protocol as protocol_module
from kdnas.latency.clock import profile_by_clock
from kdnas.latency.cores import Cores
from kdnas.latency.profile import profile_from_config
from kdnas.latency.protocol import Protocol
from kdnas.latency.rounds import measure, median_interval, ratio
from kdnas.latency.table import LatencyTable
from kdnas.latency.timers import make_timer, network, untrained_timer
from kdnas.models.families import shape_of
from kdnas.models.loading import load_config
from kdnas.runtimes import runtime_class
from kdnas.search.space import Architecture

# an interval that a busy machine keeps too
PROTOCOL = Protocol("cpu", "torch", 1, 8, 1, warmup=1, min_rounds=5, max_rounds=20, interval=1e9)
SMALL = Architecture(2, 12, 3, 24, "gelu")
TEACHER = Architecture(4, 24, 6, 48, "gelu")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_teacher(tmp_path_factory.mktemp("latency") / "base")


@pytest.fixture(scope="module")
def config(base):
    return load_config(base)


@pytest.mark.parametrize("count", [6, 20, 21, 100])
def test_interval_has_at_least_its_coverage_and_no_wider_one_is_needed(count):
    interval = median_interval(np.arange(1, count + 1))
    rank = int(interval.low)
    assert interval.high == count - rank + 1
    assert 1 - 2 * binom.cdf(rank - 1, count, 0.5) >= 0.95
    assert 1 - 2 * binom.cdf(rank, count, 0.5) < 0.95


def test_drift_of_the_machine_cancels_in_the_ratios():
    drift = np.linspace(1.0, 3.0, 50)
    assert ratio(2.0 * drift, 8.0 * drift).median == pytest.approx(0.25)
    assert ratio(2.0 * drift, 8.0 * drift).width == pytest.approx(0.0)


def clock(values, calls, name):
    def timer():
        calls.append(name)
        return next(values)

    return timer


def test_every_round_runs_every_model_once_and_rounds_end_when_the_interval_is_narrow():
    calls = []
    timers = {
        "teacher": clock(iter([10.0] * 100), calls, "teacher"),
        "a": clock(iter([5.0] * 100), calls, "a"),
    }
    times = measure(timers, "teacher", warmup=2, min_rounds=10, max_rounds=50, interval=0.1)
    assert len(times["a"]) == len(times["teacher"]) == 10
    assert sorted(calls[:4]) == ["a", "a", "teacher", "teacher"]
    rounds = [tuple(calls[i : i + 2]) for i in range(4, len(calls), 2)]
    assert all(sorted(pair) == ["a", "teacher"] for pair in rounds)
    assert len(set(rounds)) == 2  # the order changes


def test_noise_runs_to_the_limit():
    generator = np.random.default_rng(0)
    noisy = iter(generator.uniform(1, 20, 500))
    timers = {"teacher": clock(iter([10.0] * 500), [], "t"), "a": clock(noisy, [], "a")}
    times = measure(timers, "teacher", warmup=0, min_rounds=5, max_rounds=40, interval=0.01)
    assert len(times["a"]) == 40


def test_timer_measures_the_extracted_network(config):
    model = network(config, SMALL, {})
    assert shape_of(model.config) == SMALL
    assert not model.training
    read = []
    model.register_forward_pre_hook(lambda _module, _inputs, named: read.append(named), with_kwargs=True)
    protocol = replace(PROTOCOL, batch_size=2)
    assert make_timer(model, protocol, config.vocab_size)() > 0
    ((name, ids),) = read[0].items()
    assert (name, tuple(ids.shape)) == ("input_ids", (2, 8))


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime_int8"])
@pytest.mark.parametrize("model_type", FAMILY)
def test_untrained_networks_of_every_family_are_timed_in_every_runtime(model_type, runtime, tmp_path):
    """Also where config.json names a smaller padding id than the one in the model's code."""
    for changes in ({}, {"pad_token_id": 0}):
        config = load_config(write_teacher(tmp_path / str(changes), model_type, **changes))
        tables = {}
        for shape in (TEACHER, SMALL):
            run = runtime_class(runtime)
            assert untrained_timer(shape, config, PROTOCOL, runtime=run, tables=tables)() > 0


def test_ratios_are_the_students_time_over_the_teachers(config, tmp_path, monkeypatch):
    times = {"teacher": np.array([8.0, 16.0, 12.0]), SMALL.short_name: np.array([2.0, 4.0, 3.0])}
    monkeypatch.setattr(module, "measure", lambda *models, **settings: times)
    found = profile_by_clock({"x": SMALL}, config, protocol=PROTOCOL, store=Store(tmp_path))
    (row,) = found["models"]
    assert [row[name] for name in ("ratio", "ratio_low", "ratio_high", "latency_ms")] == [0.25] * 3 + [3.0]
    assert found["teacher"]["latency_ms"] == 12.0


def test_profile_times_each_architecture_once_in_its_life(config, tmp_path, monkeypatch):
    timed = []
    measured = module._measure

    def spy(architectures, *rest):
        timed.append(list(architectures))
        return measured(architectures, *rest)

    monkeypatch.setattr(module, "_measure", spy)
    store = Store(tmp_path)
    first = profile_by_clock({1: SMALL, 2: SMALL, 3: TEACHER}, config, protocol=PROTOCOL, store=store)
    assert timed == [[SMALL, TEACHER]]
    assert [row["ratio"] for row in first["models"]][2] == 1.0
    assert first["models"][0]["ratio_low"] <= first["models"][0]["ratio"] <= first["models"][0]["ratio_high"]
    again = profile_by_clock({"x": SMALL}, config, protocol=PROTOCOL, store=store)
    assert len(timed) == 1
    assert again["models"][0]["from_store"]
    assert again["models"][0]["latency_ms"] == first["models"][0]["latency_ms"]
    profile_by_clock({"x": SMALL}, config, protocol=replace(PROTOCOL, batch_size=2), store=store)
    assert len(timed) == 2


def test_a_latency_that_missed_its_interval_is_said_and_timed_again(config, tmp_path, monkeypatch):
    other = Architecture(1, 12, 3, 24, "gelu")
    steady = [10.0] * 20
    found = {"teacher": steady, SMALL.short_name: [4.0, 6.0] * 10, other.short_name: [2.0] * 20}
    asked, lines = [], []

    def measure_next(timers, *reference, **settings):
        asked.append(set(timers))
        return {name: np.array(found[name]) for name in timers}

    monkeypatch.setattr(module, "measure", measure_next)
    protocol = replace(PROTOCOL, interval=0.1)

    def profile(together=False):
        models = {"x": SMALL, "y": other}
        return profile_by_clock(
            models, config, protocol=protocol, store=Store(tmp_path), together=together, warn=lines.append
        )

    for _ in range(2):
        first = profile()
        assert [first["models"][0][name] for name in ("ratio", "ratio_low", "ratio_high")] == [0.5, 0.4, 0.6]
    assert asked == [{"teacher", SMALL.short_name, other.short_name}, {"teacher", SMALL.short_name}]
    assert len(lines) == 2 and "interval 0.1 after 20 rounds: 1, the worst is 2L-12H-3A-24F-gelu" in lines[0]
    assert "0.400 to 0.600" in lines[0]
    profile(together=True)
    found[SMALL.short_name] = [5.0, 5.2] * 10
    for timings in (4, 4):
        profile(together=True)
        assert len(asked) == timings  # all of them again, then none
    for timings in (5, 5):
        last = profile()
        assert len(asked) == timings
    assert last["models"][0]["from_store"] and last["models"][0]["ratio"] == pytest.approx(0.51)
    assert len(lines) == 3


def test_final_students_are_timed_together_or_not_at_all(config, tmp_path, monkeypatch):
    timed = []
    real = module._measure

    def spy(architectures, *rest):
        timed.append(architectures)
        return real(architectures, *rest)

    monkeypatch.setattr(module, "_measure", spy)
    store = Store(tmp_path)
    other = Architecture(1, 12, 3, 24, "gelu")
    profile_by_clock({1: SMALL}, config, protocol=PROTOCOL, store=store)  # in a search
    first = profile_by_clock({"a": SMALL, "b": other}, config, protocol=PROTOCOL, store=store, together=True)
    assert timed[1:] == [sorted([SMALL, other])]
    assert [row["from_store"] for row in first["models"]] == [False, False]
    assert all(len(row["times_ms"]) == row["rounds"] for row in first["models"])
    again = profile_by_clock({"b": other, "c": SMALL}, config, protocol=PROTOCOL, store=store, together=True)
    assert len(timed) == 2
    assert again["teacher"] == first["teacher"]
    assert again["models"][1]["latency_ms"] == first["models"][0]["latency_ms"]
    profile_by_clock({"a": SMALL}, config, protocol=PROTOCOL, store=store, together=True)
    assert timed[2:] == [[SMALL]]

    (entry,) = (
        path
        for path in (tmp_path / "latencies").rglob("*.json")
        if json.loads(path.read_text())["key"]["architecture"] == other.to_dict()
    )
    entry.unlink()
    profile_by_clock({"a": SMALL, "b": other}, config, protocol=PROTOCOL, store=store, together=True)
    assert timed[3:] == [sorted([SMALL, other])]


def test_hardware_is_what_decides_speed_and_no_number_of_a_core(monkeypatch):
    monkeypatch.setattr(protocol_module, "allowed_cpus", lambda: {0, 1, 5})
    asked = []

    def cores(threads, allowed):
        asked.append(threads)
        return Cores((5,), "1 of 2", True)

    monkeypatch.setattr(protocol_module, "choose_cores", cores)
    found = protocol_module.hardware(PROTOCOL)
    assert (found["core_kind"], found["whole_cores"]) == ("1 of 2", True)
    assert 5 not in found.values() and (5,) not in found.values()
    monkeypatch.setattr(protocol_module, "device_name", lambda device: "Some GPU")
    of_gpu = protocol_module.hardware(replace(PROTOCOL, device="gpu", threads=None))
    assert (of_gpu["core_kind"], of_gpu["whole_cores"], of_gpu["cores"]) == ("1 of 2", None, None)
    assert asked == [1, None]


@pytest.mark.parametrize("runtime", ["onnxruntime", "onnxruntime_int8"])
def test_untrained_networks_are_timed_in_the_runtime_that_is_deployed(runtime, config, tmp_path):
    protocol = replace(PROTOCOL, runtime=runtime)
    timer = untrained_timer(SMALL, config, protocol, runtime=runtime_class(runtime), tables={})
    assert timer() > 0
    store = Store(tmp_path)
    profile_by_clock({"x": SMALL}, config, protocol=PROTOCOL, store=store)
    found = profile_by_clock({"x": SMALL}, config, protocol=protocol, store=store)
    assert not found["models"][0]["from_store"]  # torch's is another entry
    assert found["protocol"]["runtime"] == runtime
    assert found["hardware"]["onnxruntime"] == metadata.version("onnxruntime")
    assert ("instructions" in found["hardware"]) == (runtime == "onnxruntime_int8")
    assert profile_by_clock({"x": SMALL}, config, protocol=protocol, store=store)["models"][0]["from_store"]


def test_the_file_that_is_timed_has_the_architecture_in_int8(config):
    runtime = runtime_class("onnxruntime_int8").of_network(network(config, SMALL, {}, vocabulary=50), 1)
    nodes = {node.name for node in runtime.session.get_inputs()}
    assert nodes == {"input_ids", "attention_mask"}
    batch = {"input_ids": np.full((2, 5), 7), "attention_mask": np.ones((2, 5), dtype=np.int64)}
    assert runtime.logits(batch).shape == (2, 2)


def test_gpu_latency_is_torchs():
    latency = {name: getattr(PROTOCOL, name) for name in ("batch_size", "sequence_length", "warmup")}
    latency |= {"min_rounds": 5, "max_rounds": 9, "interval": 0.1, "cpu_threads": 2}
    latency |= {"runtime": "onnxruntime_int8"}
    assert Protocol.from_config(latency, "cpu").runtime == "onnxruntime_int8"
    assert Protocol.from_config(latency, "gpu").runtime == "torch"
    with pytest.raises(UserError, match='latency.runtime is onnxruntime; allowed with reward.device "gpu"'):
        check_config({"latency": {"runtime": "onnxruntime"}, "reward": {"device": "gpu"}})


def test_gpu_that_is_not_there_is_empty_with_its_reason(config, tmp_path, monkeypatch):
    monkeypatch.setattr(module.torch.cuda, "is_available", lambda: False)
    gpu = Protocol("gpu", "torch", 1, 8, None, 1, 5, 20, 0.5)
    with pytest.raises(UserError, match="measured on a GPU, but torch sees none here"):
        profile_by_clock({"x": SMALL}, config, protocol=gpu, store=Store(tmp_path))
    value = profile_by_clock({"x": SMALL}, config, protocol=gpu, store=Store(tmp_path), needed=False)
    assert value["models"] == []
    assert value["teacher"] is None
    assert value["reason"] == "not measured: this machine has no GPU"


def write_table(path, *rows):
    header = "device,layers,hidden_size,attention_heads,ffn_size,activation,latency_ms\n"
    path.write_text(header + "\n".join(rows) + "\n")
    return path


def tabled(base, table, device="cpu"):
    names = ("runtime", "batch_size", "sequence_length", "warmup", "min_rounds", "max_rounds", "interval")
    latency = {name: getattr(PROTOCOL, name) for name in names} | {"cpu_threads": 1, "table": str(table)}
    return profile_from_config(
        {"x": SMALL}, base, latency=latency, device=device, store=table.parent / "store"
    )


def test_table_replaces_the_clock(base, tmp_path):
    table = write_table(tmp_path / "t.csv", "cpu,2,12,3,24,gelu,3.0", "cpu,4,24,6,48,gelu,12.0")
    value = tabled(base, table)
    assert value["protocol"] == PROTOCOL.to_dict()
    assert value["source"] == "table"
    assert value["teacher"]["latency_ms"] == 12.0
    assert (value["models"][0]["latency_ms"], value["models"][0]["ratio"]) == (3.0, 0.25)
    assert value["models"][0]["ratio_low"] is None
    assert "no row for a GPU" in tabled(base, table, "gpu")["reason"]


def test_table_needs_no_torch():
    code = "import sys, kdnas.latency.profile; sys.exit('torch' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (["cpu,4,24,6,48,gelu,12.0"], "no row for 2L-12H-3A-24F-gelu on device cpu"),
        (["cpu,2,12,3,24,gelu,-1"], "line 2: latency_ms is -1"),
        (["cpu,2,12,3,24,gelu,"], "line 2: latency_ms is NaN"),
        (["cpu,two,12,3,24,gelu,1"], "line 2"),
        (["cpu,2,12,5,24,gelu,1"], "line 2: hidden_size 12 is not divisible by attention_heads 5"),
    ],
)
def test_wrong_table_is_one_sentence(rows, sentence, base, tmp_path):
    table = write_table(tmp_path / "t.csv", *rows)
    with pytest.raises(UserError, match=sentence):
        tabled(base, table)
    with pytest.raises(UserError, match="there is no such file"):
        LatencyTable(tmp_path / "nowhere.csv")
