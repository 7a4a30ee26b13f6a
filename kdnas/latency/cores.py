"""Which CPUs latency is timed on: one a physical core, and of a hybrid processor the fast ones."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

SYSTEM = Path("/sys/devices")
# a favoured core's turbo is some 5 % above its neighbours', another kind of core 15 % and more below
SAME_KIND = 0.1


@dataclass(frozen=True)
class Cores:
    """The logical ``cpus`` that are taken.

    ``kind`` is the kind of these cores, counted from the machine's fastest: ``1 of 2``, or ``1, 2 of 2``
    where both are among them. ``whole`` tells whether each is on a physical core of its own. Both are None
    where the system does not say.
    """

    cpus: tuple[int, ...]
    kind: str | None
    whole: bool | None


def allowed_cpus() -> set[int]:
    """Return the CPUs that this process may run on; none where the system does not say."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def choose_cores(threads: int | None, allowed: Collection[int], system: Path = SYSTEM) -> Cores:
    """Choose CPUs for ``threads`` threads among those that the process may run on.

    ``allowed`` is the affinity mask, which a cgroup's cpuset narrows too; ``system`` is the folder of sysfs
    that describes the machine. One CPU of each core comes first; among these the fastest kind, then one
    socket, then the highest numbers, because low ones commonly serve interrupts. Without ``threads``: all
    allowed CPUs of the fastest kind. Where there are fewer CPUs than threads, all are taken.
    """
    machine = _numbers(_text(system / "system/cpu/online")) | set(allowed)
    kinds = _kinds(_speeds(machine, system))
    topology = {cpu: system / f"system/cpu/cpu{cpu}/topology" for cpu in allowed}
    core = {cpu: _numbers(_text(folder / "thread_siblings_list")) for cpu, folder in topology.items()}
    socket = {cpu: int(_text(folder / "physical_package_id") or 0) for cpu, folder in topology.items()}

    def order(cpu: int) -> tuple[int, ...]:
        siblings_before = sum(other < cpu for other in core[cpu] & set(allowed))
        return siblings_before, kinds.get(cpu, 1), -socket[cpu], -cpu

    if threads is None:
        fastest = min((kinds.get(cpu, 1) for cpu in allowed), default=1)
        chosen = {cpu for cpu in allowed if kinds.get(cpu, 1) == fastest}
    else:
        chosen = set(sorted(allowed, key=order)[:threads])
    known = bool(chosen) and all(core[cpu] for cpu in chosen)
    return Cores(
        tuple(sorted(chosen)),
        _kind_text({kinds[cpu] for cpu in chosen}, max(kinds.values())) if kinds and chosen else None,
        all(len(core[cpu] & chosen) == 1 for cpu in chosen) if known else None,
    )


def _kind_text(found: Collection[int], count: int) -> str:
    return f"{', '.join(map(str, sorted(found)))} of {count}"


def _kinds(speeds: dict[int, float]) -> dict[int, int]:
    """Return the kind of each CPU, 1 the fastest; another begins where speeds fall by ``SAME_KIND``."""
    falling = sorted(set(speeds.values()), reverse=True)
    kinds, kind = dict.fromkeys(falling[:1], 1), 1
    for faster, speed in pairwise(falling):
        kind += speed < (1 - SAME_KIND) * faster
        kinds[speed] = kind
    return {cpu: kinds[speed] for cpu, speed in speeds.items()}


def _speeds(machine: Collection[int], system: Path) -> dict[int, float]:
    """Return a number for the speed of every CPU, to compare; none where the system says nothing.

    ``cpu_capacity`` is Arm's, the two lists are those of Intel's hybrid processors.
    """
    capacity = _of_each(machine, system, "cpu_capacity")
    if len(set(capacity.values())) > 1:
        return capacity
    fast, slow = (_numbers(_text(system / kind / "cpus")) for kind in ("cpu_core", "cpu_atom"))
    if fast and slow:
        return {cpu: float(cpu in fast) for cpu in machine}
    return _of_each(machine, system, "cpufreq/cpuinfo_max_freq") or capacity


def _of_each(machine: Collection[int], system: Path, file: str) -> dict[int, float]:
    """Return the number in each CPU's ``file``; none at all where one CPU lacks it."""
    texts = {cpu: _text(system / f"system/cpu/cpu{cpu}" / file) for cpu in machine}
    return {cpu: float(text) for cpu, text in texts.items()} if all(texts.values()) else {}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _numbers(text: str) -> set[int]:
    """Return the numbers in a list of CPUs such as ``0-3,8``."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found
