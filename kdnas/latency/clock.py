"""The latencies of some architectures and their teacher, from the store or measured."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from kdnas.errors import UserError
from kdnas.files.code_digest import code_digest
from kdnas.files.store import Store
from kdnas.latency.protocol import NO_GPU, Protocol, hardware, latency_content
from kdnas.latency.rounds import Ratio, measure, ratio
from kdnas.latency.timers import pinned, untrained_timer
from kdnas.models.families import shape_of
from kdnas.runtimes import runtime_class
from kdnas.search.space import Architecture
from kdnas.training.device import free_gpu

KIND = "latencies"
TEACHER = "teacher"


def profile_by_clock(
    models: dict[Any, Architecture],
    teacher_config: Any,
    *,
    protocol: Protocol,
    store: Store,
    together: bool = False,
    needed: bool = True,
    warn: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Return the content of ``latency.json`` (docs/artifacts.md).

    Architectures that the store holds for this hardware and protocol are not timed again. A ratio whose
    interval stayed wider than the protocol's is not stored, so the next job that needs it measures again. A
    GPU is held meanwhile, so that no training of this user runs on it.

    Args:
        models: architectures by the name of their model.
        teacher_config: the teacher's transformers configuration.
        protocol: how to measure, and on which device.
        store: where latencies are kept.
        together: whether to time all models in the same rounds, unless the store holds just these, and to add
            the ``times_ms`` of the rounds.
        needed: whether to raise UserError without a GPU that the protocol asks for; if not, nothing is
            measured and ``reason`` says so.
        warn: is called with a sentence on ratios whose interval stayed too wide.
    """
    if protocol.device == "gpu" and not torch.cuda.is_available():
        if needed:
            raise UserError(
                'reward.device or training.device is "gpu", so latency is measured on a GPU, but torch sees '
                "none here; allowed: cpu, or a machine with a GPU"
            )
        return latency_content(protocol, "measured", reason=NO_GPU)
    with free_gpu() if protocol.device == "gpu" else nullcontext():
        content, wide = _profile(models, teacher_config, protocol, store, together)
    if wide:
        warn(_wide_text(wide, protocol))
    return content


def _profile(
    models: dict[Any, Architecture], teacher_config: Any, protocol: Protocol, store: Store, together: bool
) -> tuple[dict[str, Any], dict[Architecture, Ratio]]:
    """Return the content of the file, and the ratios whose intervals are too wide."""
    teacher = shape_of(teacher_config)
    runtime = runtime_class(protocol.runtime)
    machine = hardware(protocol) | runtime.hardware()
    # of the one runtime, not of all that the registry has
    code = code_digest(untrained_timer, runtime, pinned, measure, ratio)
    architectures = sorted(set(models.values()))
    timed_with = (
        {"timed_with": [architecture.to_dict() for architecture in architectures]} if together else {}
    )
    keys = {
        architecture: {
            "architecture": architecture.to_dict(),
            "teacher": teacher.to_dict(),
            "model_type": teacher_config.model_type,
            "protocol": protocol.to_dict(),
            "hardware": machine,
            "code": code,
            **timed_with,
        }
        for architecture in {teacher, *architectures}
    }
    stored = {architecture: store.get(KIND, key) for architecture, key in keys.items()}
    if together and None in stored.values():
        stored = dict.fromkeys(stored)
    wanted = [architecture for architecture in architectures if stored[architecture] is None]
    known = {architecture: value for architecture, value in stored.items() if value is not None}
    wide: dict[Architecture, Ratio] = {}
    print(f"{len(models)} models, {len(wanted)} architectures to time")
    if wanted or teacher not in known:
        measured = _measure(wanted, teacher, teacher_config, protocol)
        for architecture, value in measured.items():
            if not together:
                del value["times_ms"]
            found = Ratio(value["ratio"], value["ratio_low"], value["ratio_high"])
            if architecture == teacher or found.width < protocol.interval:
                store.put(KIND, keys[architecture], value)
            else:
                wide[architecture] = found
        known |= measured
    rows = [
        {
            "model": name,
            "architecture": architecture.to_dict(),
            **known[architecture],
            "from_store": stored[architecture] is not None,
        }
        for name, architecture in models.items()
    ]
    reference = {"latency_ms": known[teacher]["latency_ms"], "architecture": teacher.to_dict()}
    content = latency_content(protocol, "measured", hardware=machine, teacher=reference, models=rows)
    return content, wide


def _wide_text(wide: dict[Architecture, Ratio], protocol: Protocol) -> str:
    widest = max(wide, key=lambda architecture: wide[architecture].width)
    value = wide[widest]
    return (
        f"latencies less certain than latency.interval {protocol.interval:g} after {protocol.max_rounds} "
        f"rounds: {len(wide)}, the worst is {widest.short_name} with {value.low:.3f} to {value.high:.3f} of "
        "the teacher's; this run uses them, the next one that needs them measures again (a quieter machine "
        "or more latency.max_rounds would help)"
    )


def _measure(
    architectures: list[Architecture], teacher: Architecture, config: Any, protocol: Protocol
) -> dict[Architecture, dict[str, Any]]:
    """Time ``architectures`` and the teacher in interleaved rounds."""
    runtime = runtime_class(protocol.runtime)
    with pinned(protocol):
        tables: dict[int, torch.nn.Embedding] = {}
        timers = {TEACHER: untrained_timer(teacher, config, protocol, runtime=runtime, tables=tables)}
        for architecture in architectures:
            if architecture != teacher:
                timers[architecture.short_name] = untrained_timer(
                    architecture, config, protocol, runtime=runtime, tables=tables
                )
        times = measure(
            timers,
            TEACHER,
            warmup=protocol.warmup,
            min_rounds=protocol.min_rounds,
            max_rounds=protocol.max_rounds,
            interval=protocol.interval,
        )
    return _ratios(times, architectures, teacher)


def _ratios(
    times: dict[str, np.ndarray], architectures: list[Architecture], teacher: Architecture
) -> dict[Architecture, dict[str, Any]]:
    """Return what the store keeps of each architecture's times (rounds,) by name."""
    values = {}
    for architecture in dict.fromkeys([teacher, *architectures]):
        name = TEACHER if architecture == teacher else architecture.short_name
        value = ratio(times[name], times[TEACHER])
        values[architecture] = {
            "latency_ms": float(np.median(times[name])),
            "ratio": value.median,
            "ratio_low": value.low,
            "ratio_high": value.high,
            "rounds": len(times[name]),
            "times_ms": times[name].tolist(),
        }
        print(
            f"{architecture.short_name}: {values[architecture]['latency_ms']:.2f} ms, {value.median:.3f} of "
            f"the teacher ({value.low:.3f} to {value.high:.3f}, {len(times[name])} rounds)"
        )
    return values
