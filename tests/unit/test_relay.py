"""SIGTERM to one process alone reaches the end of the chain below it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PARENT = """
import signal, subprocess, sys
from kdnas.workflow.relay import relay_sigterm
if sys.argv[1] == "relay":
    relay_sigterm()
signal.signal(signal.SIGTERM, lambda number, frame: print("parent", flush=True))  # later, as Snakemake does
# the shell has a second command, so it does not become the first
sys.exit(subprocess.call(["sh", "-c", f"{sys.executable} -c '{sys.argv[2]}'; exit $?"]))
"""

CHILD = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
print("ready", flush=True)
time.sleep(float("{seconds}"))
"""


pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="Linux only")
NAMED = """
import sys
with open("/proc/self/comm", "wb") as file:
    file.write(b"ab\\xc3) (")  # half a letter, as the kernel cuts a long name, and what ends a name
print("named", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(("how", "status"), [("relay", 143), ("none", 0)])
def test_sigterm_to_the_parent_alone(how, status):
    child = CHILD.format(seconds=60 if how == "relay" else 0.5)
    command = [sys.executable, "-c", PARENT, how, child]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == status
        assert process.stdout.read() == "parent\n"


def test_any_name_of_another_process(named):
    test_sigterm_to_the_parent_alone("relay", 143)


@pytest.fixture
def named():
    """Another process on the machine, whose name is no UTF-8."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", NAMED], **pipes) as process:
        assert process.stdout.readline() == b"named\n"
        assert b"(ab\xc3) ()" in Path(f"/proc/{process.pid}/stat").read_bytes()
        yield
        process.stdin.close()
