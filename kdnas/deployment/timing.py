"""The models of the search task in every runtime, timed in the same interleaved rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kdnas.deployment.memory import peak_memory
from kdnas.latency.protocol import Protocol, hardware
from kdnas.latency.rounds import Ratio, measure, ratio
from kdnas.latency.timers import pinned
from kdnas.models.config_file import read_config_file
from kdnas.runtimes import TORCH, open_runtime, runtime_class
from kdnas.runtimes.base import Deployed

TEACHER = "teacher"


def time_deployed(
    models: Mapping[str, Deployed], runtimes: Sequence[str], latency: dict[str, Any]
) -> dict[str, Any]:
    """Return the content of ``latency/deployment.json`` (docs/artifacts.md).

    ``models`` has the teacher among them, ``runtimes`` has torch; ``latency`` is the config's section. Raises
    UserError for a runtime that is not installed and for damaged files.
    """
    protocol = Protocol.from_config(latency, "cpu")
    threads = latency["cpu_threads"]
    with pinned(protocol):  # the threads of sessions too, which start on the cores of this one
        timers = {
            (model, runtime): open_runtime(runtime, deployed, threads).timer(
                protocol, read_config_file(deployed.model).vocab_size
            )
            for model, deployed in models.items()
            for runtime in runtimes
        }
        names = {f"{model} in {runtime}": (model, runtime) for model, runtime in timers}
        measured = measure(
            {name: timers[pair] for name, pair in names.items()},
            f"{TEACHER} in {TORCH}",
            warmup=protocol.warmup,
            min_rounds=protocol.min_rounds,
            max_rounds=protocol.max_rounds,
            interval=protocol.interval,
        )
    times = {pair: measured[name] for name, pair in names.items()}
    memory = peak_memory(models, runtimes, protocol)
    rows = []
    for (model, runtime), values in times.items():
        to_torch = ratio(values, times[TEACHER, TORCH])
        to_same = ratio(values, times[TEACHER, runtime])
        rows.append(
            {
                "model": model,
                "runtime": runtime,
                "latency_ms": float(np.median(values)),
                **_interval("ratio", to_torch),
                **_interval("ratio_same_runtime", to_same),
                "rounds": len(values),
                "memory_mb": memory[model, runtime],
            }
        )
        print(
            f"{model} in {runtime}: {rows[-1]['latency_ms']:.2f} ms, {to_torch.median:.3f} of the teacher's"
        )
    machine = hardware(protocol)
    for runtime in runtimes:
        machine |= runtime_class(runtime).hardware()
    return {"protocol": protocol.to_dict(), "hardware": machine, "models": rows}


def _interval(name: str, value: Ratio) -> dict[str, float]:
    return {name: value.median, f"{name}_low": value.low, f"{name}_high": value.high}
