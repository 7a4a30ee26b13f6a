"""Which CPUs latency is timed on, on pretended machines."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kdnas.latency.cores import Cores, choose_cores

ROOT = Path(__file__).resolve().parents[2]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def machine(folder, cores, socket=lambda core: 0, **files):
    """Write the sysfs of ``cores``, each a list of its CPUs, with ``files`` (by CPU) in their folders."""
    cpus = sorted(cpu for core in cores for cpu in core)
    write(folder / "system/cpu/online", f"0-{cpus[-1]}")
    for number, core in enumerate(cores):
        for cpu in core:
            topology = folder / f"system/cpu/cpu{cpu}/topology"
            write(topology / "thread_siblings_list", ",".join(map(str, core)))
            write(topology / "physical_package_id", socket(number))
    for name, values in files.items():
        for cpu in cpus:
            write(folder / f"system/cpu/cpu{cpu}" / name.replace("__", "/"), values[cpu])
    return folder


@pytest.fixture
def hybrid(tmp_path):
    """Two fast cores of two threads each (0, 1 and 2, 3), and four slow ones."""
    folder = machine(tmp_path, [[0, 1], [2, 3], [4], [5], [6], [7]])
    write(folder / "cpu_core/cpus", "0-3")
    write(folder / "cpu_atom/cpus", "4-7")
    return folder


@pytest.mark.parametrize(
    ("threads", "allowed", "cpus", "kind", "whole"),
    [
        (1, range(8), (2,), "1 of 2", True),
        (2, range(8), (0, 2), "1 of 2", True),
        (3, range(8), (0, 2, 7), "1, 2 of 2", True),  # a slow core of one's own, not a fast one's second half
        (7, range(8), (0, 2, 3, 4, 5, 6, 7), "1, 2 of 2", False),
        (None, range(8), (0, 1, 2, 3), "1 of 2", False),
        (1, {3}, (3,), "1 of 2", True),
        (1, {5, 6}, (6,), "2 of 2", True),  # the machine's slow ones are no fast ones for being alone
        (None, {5, 6}, (5, 6), "2 of 2", True),
        (2, {1}, (1,), "1 of 2", True),  # fewer than threads
    ],
)
def test_of_a_hybrid_processor_the_fast_cores_are_taken_one_thread_each(
    threads, allowed, cpus, kind, whole, hybrid
):
    assert choose_cores(threads, set(allowed), hybrid) == Cores(cpus, kind, whole)


def test_frequencies_tell_kinds_apart_where_nothing_else_does(tmp_path):
    # the first two cores have a favoured turbo, which is no kind of its own
    megahertz = [5800, 5800, 5500, 5500, 4000, 4000, 2500, 2500]
    folder = machine(tmp_path, [[0, 1], [2, 3], [4], [5], [6], [7]], cpufreq__cpuinfo_max_freq=megahertz)
    assert choose_cores(2, range(8), folder) == Cores((0, 2), "1 of 3", True)
    assert choose_cores(1, {4, 7}, folder) == Cores((4,), "2 of 3", True)
    assert choose_cores(1, {7}, folder) == Cores((7,), "3 of 3", True)


def test_of_an_arm_processor_the_big_cores_are_taken(tmp_path):
    capacity = [1024, 1024, 446, 446, 446, 446]
    # its clocks are alike: what a core does in one cycle differs
    folder = machine(
        tmp_path, [[i] for i in range(6)], cpu_capacity=capacity, cpufreq__cpuinfo_max_freq=[9] * 6
    )
    assert choose_cores(1, range(6), folder) == Cores((1,), "1 of 2", True)
    assert choose_cores(3, range(6), folder) == Cores((0, 1, 5), "1, 2 of 2", True)


def test_a_server_with_two_threads_a_core(tmp_path):
    """As Linux numbers them: the second threads of both sockets' cores come after all first ones."""
    cores = [[i, i + 8] for i in range(8)]
    folder = machine(tmp_path, cores, socket=lambda core: core // 4, cpu_capacity=[1024] * 16)
    assert choose_cores(1, range(16), folder) == Cores((7,), "1 of 1", True)
    assert choose_cores(4, range(16), folder) == Cores((4, 5, 6, 7), "1 of 1", True)
    assert choose_cores(8, range(16), folder).cpus == tuple(range(8))
    assert choose_cores(9, range(16), folder).whole is False
    # a cpuset with both threads of two cores
    assert choose_cores(2, {1, 9, 2, 10}, folder) == Cores((1, 2), "1 of 1", True)


def test_sockets_that_take_turns_are_not_mixed(tmp_path):
    folder = machine(tmp_path, [[i] for i in range(8)], socket=lambda core: core % 2)
    assert choose_cores(4, range(8), folder).cpus == (1, 3, 5, 7)


def test_which_of_equal_cores_it_was_is_not_recorded(tmp_path):
    folder = machine(tmp_path, [[0, 1], [2, 3]], cpu_capacity=[1024] * 4)
    one, other = (choose_cores(1, allowed, folder) for allowed in ({0, 1}, {2, 3}))
    assert (one.kind, one.whole) == (other.kind, other.whole) == ("1 of 1", True)


def test_a_system_that_says_nothing(tmp_path):
    assert choose_cores(2, range(4), tmp_path) == Cores((2, 3), None, None)
    assert choose_cores(1, {0}, tmp_path) == Cores((0,), None, None)
    assert choose_cores(1, set(), tmp_path) == Cores((), None, None)
    # a frequency that one CPU lacks tells nothing
    folder = machine(tmp_path / "half", [[0], [1]], cpufreq__cpuinfo_max_freq=[2000, 3000])
    (folder / "system/cpu/cpu1/cpufreq/cpuinfo_max_freq").unlink()
    assert choose_cores(1, range(2), folder) == Cores((1,), None, True)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system holds no process on a CPU")
def test_every_thread_of_the_process_is_held_and_let_go():
    """Those of torch's that ran before too; in a process of its own, as this one's threads are pytest's."""
    code = """
import os, torch
from pathlib import Path
from kdnas.latency.protocol import Protocol
from kdnas.latency.timers import pinned
torch.set_num_threads(2)
torch.randn(600, 600) @ torch.randn(600, 600)
def masks():
    return {frozenset(os.sched_getaffinity(int(task.name))) for task in Path("/proc/self/task").glob("*")}
before = masks()
with pinned(Protocol("cpu", "torch", 1, 8, 1, 1, 5, 20, 0.5)):
    assert torch.get_num_threads() == 1
    (held,) = masks()
    assert len(held) == 1
assert torch.get_num_threads() == 2
assert masks() == before, (before, masks())
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
