"""The instruction sets of this machine's CPU, which decide how fast it is in int8 and bf16."""

from __future__ import annotations

from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
OF_INT8 = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm")
OF_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}  # the last is ARM's
EMULATED = (
    "training.precision is bf16, but this CPU has no instructions for it: training takes many times as long "
    "as in float32"
)


def cpu_flags(cpuinfo: Path = CPUINFO) -> set[str]:
    """Return the CPU's instruction sets by their names in ``/proc/cpuinfo``; none without such a file."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    named = [line.partition(":")[2] for line in lines if line.startswith(("flags", "Features"))]
    return set(named[0].split()) if named else set()


def int8_instructions() -> str | None:
    """Return the CPU's instruction sets that int8 uses, in one text."""
    flags = cpu_flags()
    return " ".join(name for name in OF_INT8 if name in flags) or None


def computes_in_bf16() -> bool:
    """Tell whether the CPU is known to compute in bf16."""
    return bool(cpu_flags() & OF_BF16)


def emulates_bf16() -> bool:
    """Tell whether the CPU is known to have no instructions for bf16, which is then many times slower."""
    flags = cpu_flags()
    return bool(flags) and not flags & OF_BF16
