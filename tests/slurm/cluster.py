"""A SLURM of one node on this machine, for tests: munged, slurmctld and slurmd, all in one folder.

By hand: ``python tests/slurm/cluster.py start FOLDER`` prints what to export, ``... stop FOLDER`` ends it.
It needs Debian's packages slurm-wlm and munge, writes nothing outside the folder and runs as who starts it.
"""

from __future__ import annotations

import argparse
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

# The folders of daemons are on root's PATH only.
DAEMON_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
DAEMONS = ("munged", "slurmctld", "slurmd")  # in the order of their start
FEATURE = "timed"  # what the node calls itself: the node type that latency jobs ask for
CPUS = 4  # more than are needed for two jobs at once: only --exclusive keeps a job alone then
START_SECONDS = 120
STOP_SECONDS = 45

CONFIGURATION = """
ClusterName=kdnas
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
# a requeued job waits until its old credential has expired, two minutes by default
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
# neither cgroups nor a data base of accounts: a container has no right to the one and no need of the other
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
# without cgroups, a job's memory is looked at once a second, and what takes more than it asked for is killed
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
# CPUs and memory are handed out one by one, as on a usual site
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
# finished jobs are remembered for longer than the tests take
MinJobAge=7200
# of two clusters on one machine, each has numbers of its own, so that a process can be told by its job's
FirstJobId={controller_port}00
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=16000 Feature={feature} State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def missing() -> list[str]:
    """Return the daemons that are not installed."""
    return [name for name in DAEMONS if shutil.which(name, path=DAEMON_PATH) is None]


def start(folder: Path) -> dict[str, str]:
    """Start the daemons in ``folder`` and return the environment variables that clients need.

    Raises RuntimeError with a daemon's last words where the node is not idle after two minutes.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir(exist_ok=True)
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o600)
    controller_port, node_port = _free_ports(2)
    settings = {"host": socket.gethostname().partition(".")[0], "user": getpass.getuser(), "folder": folder}
    settings |= {"controller_port": controller_port, "node_port": node_port, "cpus": CPUS, "feature": FEATURE}
    (folder / "slurm.conf").write_text(CONFIGURATION.format(**settings).lstrip(), encoding="utf-8")
    environment = _environment(folder)
    _write_srun(folder, environment["SLURM_CONF"])
    _run(
        "munged",
        f"--key-file={key}",
        f"--socket={folder}/munge.socket",
        f"--pid-file={folder}/munged.pid",
        f"--log-file={folder}/munged.log",
        f"--seed-file={folder}/munge.seed",
        "--force",
        environment=environment,
    )
    for daemon in ("slurmctld", "slurmd"):
        _run(daemon, "-c", environment=environment)
    _wait_for_node(folder, environment)
    return environment


def stop(folder: Path) -> None:
    """End the daemons of ``folder``, and the jobs that still run."""
    folder = folder.resolve()
    environment = _environment(folder)
    _client(environment, "scancel", "--user", getpass.getuser())
    deadline = time.monotonic() + STOP_SECONDS
    # a job that is told to end has half a minute for it
    while time.monotonic() < deadline and _client(environment, "squeue", "--noheader"):
        time.sleep(0.5)
    for daemon in reversed(DAEMONS):
        path = folder / f"{daemon}.pid"
        if path.is_file():
            _end(int(path.read_text()))


def _environment(folder: Path) -> dict[str, str]:
    return {
        "SLURM_CONF": str(folder / "slurm.conf"),
        "PATH": os.pathsep.join([str(folder / "bin"), os.environ["PATH"]]),
    }


def _write_srun(folder: Path, configuration: str) -> None:
    """Write an srun that finds its configuration: the executor plugin takes SLURM_CONF away from it."""
    path = folder / "bin" / "srun"
    path.parent.mkdir(exist_ok=True)
    command = f'SLURM_CONF="{configuration}" exec {shutil.which("srun")} "$@"'
    path.write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
    path.chmod(0o755)


def _free_ports(count: int) -> list[int]:
    with closing(socket.socket()) as first, closing(socket.socket()) as second:
        for item in (first, second)[:count]:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in (first, second)[:count]]


def _run(daemon: str, *arguments: str, environment: dict[str, str]) -> None:
    program = shutil.which(daemon, path=DAEMON_PATH)
    process = subprocess.run(
        [program, *arguments],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise RuntimeError(f"{daemon} does not start: {process.stderr.strip()}")


def _wait_for_node(folder: Path, environment: dict[str, str]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        state = _client(environment, "sinfo", "--noheader", "--format=%T")
        if state == "idle":
            return
        time.sleep(0.2)
    logs = [folder / f"{daemon}.log" for daemon in DAEMONS]
    words = "\n".join(path.read_text()[-2000:] for path in logs if path.is_file())
    raise RuntimeError(f"the node is not idle after {START_SECONDS} s: {state}\n{words}")


def _client(environment: dict[str, str], *command: str) -> str:
    """Return what a command of SLURM says; nothing where it fails."""
    process = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
    )
    return process.stdout.strip()


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
        for _ in range(100):
            os.kill(pid, 0)
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def main(arguments: list[str]) -> int:
    """Start or stop a cluster by the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python tests/slurm/cluster.py", description="A SLURM of one node.")
    parser.add_argument("action", choices=["start", "stop"])
    parser.add_argument("folder", type=Path, help="everything that the cluster writes goes there")
    options = parser.parse_args(arguments)
    if missing():
        print(f"not installed: {', '.join(missing())}; see docs/cluster.md", file=sys.stderr)
        return 1
    if options.action == "stop":
        stop(options.folder)
        return 0
    for name, value in start(options.folder).items():
        print(f"export {name}={value}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
