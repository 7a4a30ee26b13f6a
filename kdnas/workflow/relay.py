"""Hands SIGTERM on to the processes at the end of the chain below this one.

SLURM with cgroups signals only a job step's own process: the Snakemake that runs the job and waits for it.
Without the relay, the training below would hear nothing until it is killed, and lose its work since the last
checkpoint.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path


def relay_sigterm() -> None:
    """From now on pass on each SIGTERM; this process's own handler still runs.

    To be called once, in the main thread. It takes effect as soon as this process has a Python handler for
    SIGTERM (Snakemake's scheduler sets one); until then SIGTERM ends the process. Linux only.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_relay, args=(reading,), daemon=True).start()


def _relay(reading: int) -> None:
    while number := os.read(reading, 1):
        if number[0] == signal.SIGTERM:
            # a shell in between would die of it and take the end of the chain with it
            for process in _ends_below(os.getpid()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGTERM)


def _ends_below(process: int) -> list[int]:
    """Return the descendants of ``process`` that have no children."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            # after the name in brackets, which may hold any bytes: state and parent
            parent = int(path.read_bytes().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    ends, waiting = [], children.get(process, [])
    while waiting:
        child = waiting.pop()
        waiting += children.get(child, [])
        if child not in children:
            ends.append(child)
    return ends
