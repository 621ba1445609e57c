"""Is the machine quiet, and how many of its cores may be used: what decides whether a figure means something."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2

from edge.machine import ROOT
from keypoints.session import usable_cores

#: From here on a figure is doubtful: what others use, in cores; the share of time that the host kept for others; and
#: the load (processes that want a core) before anything began.
BUSY_CORES, BUSY_STEAL, BUSY_LOAD = 0.1, 0.02, 0.7


@dataclass(frozen=True, slots=True)
class Busy:
    """Over a span: cores that other processes used, and the share of time that the host gave to other guests."""

    others_cores: float
    steal: float

    def warning(self) -> str | None:
        """One line when that was too much."""
        reasons = [f"other programs used {self.others_cores:.1f} cores"] * (self.others_cores > BUSY_CORES)
        reasons += [f"the host took {self.steal:.0%} of the time"] * (self.steal > BUSY_STEAL)
        return f"the machine was busy meanwhile: {' and '.join(reasons)}" if reasons else None


class Watch:
    """Looks at the whole machine's processor time from now on. This process's own does not count."""

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root
        self._began, self._began_s, self._own_s = _processor_s(root), time.perf_counter(), time.process_time()

    def busy(self) -> Busy | None:
        """What happened beside this process until now; None where /proc does not tell."""
        now, seconds = _processor_s(self._root), time.perf_counter() - self._began_s
        if self._began is None or now is None or seconds <= 0:
            return None
        used, stolen = (after - before for after, before in zip(now, self._began, strict=True))
        others = used - (time.process_time() - self._own_s)
        cores = os.cpu_count() or 1
        return Busy(max(0.0, others / seconds), min(1.0, stolen / (seconds * cores)))


def load_warning(root: Path = ROOT) -> str | None:
    """One line when the machine had work before anything began; None when it was idle, or does not tell."""
    load = load_average(root)
    if load is None or load < BUSY_LOAD:
        return None
    return f"the machine is busy: its load was {load:.1f} before this began; close what else runs, and measure again"


def load_average(root: Path = ROOT) -> float | None:
    """Processes that wanted a core, over the last minute; None where /proc does not tell."""
    try:
        return float((root / "proc/loadavg").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return None


@contextmanager
def confined(cores: int) -> Iterator[int]:
    """Keep this process to so many cores, 0 for all; gives their number. What it opens meanwhile stays there.

    The last ones are taken: the first serves interrupts on most machines. Where a process can't be confined (not on
    Linux), the threads of models and OpenCV are still so many.
    """
    usable = usable_cores()
    if not 0 < cores < usable:
        yield usable
        return
    threads = cv2.getNumThreads()
    before = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else None
    cv2.setNumThreads(cores)
    if before is not None:
        os.sched_setaffinity(0, sorted(before)[-cores:])
    try:
        yield cores
    finally:
        if before is not None:
            os.sched_setaffinity(0, before)
        cv2.setNumThreads(threads)


def _processor_s(root: Path) -> tuple[float, float] | None:
    """(used by anybody, stolen) of all cores since the start, s (proc(5), /proc/stat); None where it does not tell."""
    try:
        line = (root / "proc/stat").read_text(encoding="ascii").partition("\n")[0]
        user, nice, system, _idle, _wait, hard, soft, steal = (int(text) for text in line.split()[1:9])
    except (OSError, ValueError):
        return None
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + hard + soft) / tick, steal / tick
