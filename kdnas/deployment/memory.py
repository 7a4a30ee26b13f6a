"""The memory that a model needs in a runtime: that of a process which loads it and runs one pass."""

from __future__ import annotations

import json
import multiprocessing
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from kdnas.errors import UserError
from kdnas.latency.protocol import TORCH, Protocol
from kdnas.models.config_file import read_config_file
from kdnas.runtimes import open_runtime
from kdnas.runtimes.base import Deployed

ROOT = Path(__file__).resolve().parents[2]


def peak_memory(
    models: Mapping[str, Deployed], runtimes: Sequence[str], protocol: Protocol
) -> dict[tuple[str, str], float]:
    """Return the peak resident memory by model and runtime, in MB of 10^6 bytes, Python included.

    Each is measured in a process of its own, with the batch and the threads of ``protocol``. Raises UserError
    for a damaged file, or if there is too little memory.
    """
    found: dict[tuple[str, str], float] = {}
    with_torch = [name for name in runtimes if name == TORCH]
    for names in (with_torch, [name for name in runtimes if name != TORCH]):
        pairs = [(model, runtime) for model in models for runtime in names]
        if pairs:
            found |= dict(zip(pairs, _measured_apart(pairs, models, protocol), strict=True))
    return found


def _measured_apart(
    pairs: Sequence[tuple[str, str]], models: Mapping[str, Deployed], protocol: Protocol
) -> list[float]:
    """Measure in a Python that has imported nothing else: this one has torch."""
    places = {name: [str(folder.absolute()) for folder in (of.model, of.onnx)] for name, of in models.items()}
    jobs = [[*places[model], runtime] for model, runtime in pairs]
    process = subprocess.run(
        [sys.executable, "-m", "kdnas.deployment.memory"],
        input=json.dumps({"protocol": asdict(protocol), "jobs": jobs}),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answers: list[float | str] = json.loads(process.stdout)
    for answer in answers:
        if isinstance(answer, str):
            raise UserError(answer)
    return [float(answer) for answer in answers]


def _measure(job: Sequence[str], protocol: Protocol) -> float | str:
    """Return megabytes, or a sentence on what is wrong."""
    context = multiprocessing.get_context("fork")  # torch is imported once, for all that need it
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(sender, job, protocol))
    process.start()
    sender.close()
    try:
        answer: float | str = receiver.recv()
    except EOFError:
        answer = f"a process that runs {job[0]} in {job[2]} was ended by the system; allowed: more memory"
    process.join()
    return answer


def _run(sender: Connection, job: Sequence[str], protocol: Protocol) -> None:
    model, onnx, runtime = job
    deployed = Deployed(Path(model), Path(onnx))
    try:
        opened = open_runtime(runtime, deployed, protocol.threads or 1)
        opened.timer(protocol, read_config_file(deployed.model).vocab_size)()
    except UserError as error:
        sender.send(str(error))
        return
    sender.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)


def _main(asked: dict[str, Any]) -> list[float | str]:
    if any(runtime == TORCH for *_, runtime in asked["jobs"]):
        import_module("kdnas.runtimes.eager")
    protocol = Protocol(**asked["protocol"])
    return [_measure(job, protocol) for job in asked["jobs"]]


if __name__ == "__main__":
    print(json.dumps(_main(json.load(sys.stdin))))
