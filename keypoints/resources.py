"""What a process takes from its machine: memory and energy."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path

#: Counters of the processor packages' energy, µJ (Linux powercap, Intel and AMD; often for root alone).
COUNTERS = Path("/sys/class/powercap")

#: Where no counter can be read: what one busy core is taken to draw, W. A Raspberry Pi 5 draws some 7 W with four busy
#: cores and 3 W at rest (Raspberry Pi's own figures), a core of a desktop or server processor 3 to 10 W.
ASSUMED_W = 5.0


def peak_mb() -> float:
    """The most memory that this process held, MB. On Linux getrusage counts what the parent held before the start."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    except (OSError, StopIteration):
        import resource  # not on Windows

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / 2**20 if sys.platform == "darwin" else most / 1024


def resident_bytes(pid: int | None) -> int | None:
    """What a process holds now; None where nobody tells, as of one that has ended (proc(5), /proc/PID/statm)."""
    if pid is None:
        return None
    try:
        return int(_statm(pid).read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGESIZE")
    except (OSError, IndexError):
        return None


@lru_cache(maxsize=64)
def _statm(pid: int) -> Path:
    """Kept: the parts of each new path go through Python's table of interned strings, which grows by that."""
    return Path(f"/proc/{pid}/statm")


def joules() -> float | None:
    """What all processor packages have used so far, J; None where it can't be read."""
    try:
        counters = [path / "energy_uj" for path in sorted(COUNTERS.glob("*-rapl:[0-9]"))]
        return sum(int(path.read_text()) for path in counters) / 1e6 if counters else None
    except (OSError, ValueError):
        return None


def energy_j(before: float | None, after: float | None, cpu_s: float) -> tuple[float, bool]:
    """(J, whether it was measured) of a span between two readings of `joules` that took `cpu_s` of processor time.

    Without counters, and where they ran over or stand still, it is that time at ASSUMED_W.
    """
    used = after - before if before is not None and after is not None else 0.0
    return (used, True) if used > 0 else (cpu_s * ASSUMED_W, False)
