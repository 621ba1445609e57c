"""What running a model takes: memory, processor time, energy; measured in a process of its own."""

from __future__ import annotations

import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

#: Counters of the processor packages' energy, µJ (Linux powercap, Intel and AMD; often for root alone).
_COUNTERS = Path("/sys/class/powercap")

#: Where no counter can be read: what one busy core is taken to draw, W. A Raspberry Pi 5 draws some 7 W with four busy
#: cores and 3 W at rest (Raspberry Pi's own figures), a core of a desktop or server processor 3 to 10 W.
ASSUMED_W = 5.0


@dataclass(frozen=True, slots=True)
class Use:
    """peak_mb: the most memory that the process held, with Python and the runtime, MB. cpu_ms: processor time a frame.
    energy_mj: a frame, mJ; measured: by the processor's counters, else processor time at ASSUMED_W."""

    peak_mb: float
    cpu_ms: float
    energy_mj: float
    measured: bool

    def as_metrics(self) -> dict[str, Any]:
        """For a record."""
        source = "measured" if self.measured else f"estimate: processor time at {ASSUMED_W:g} W a core"
        return {"peak_mb": round(self.peak_mb, 1), "cpu_ms": round(self.cpu_ms, 2),
                "energy_mj": round(self.energy_mj, 2), "energy": source}  # fmt: skip


def use_of(model: Path, size: tuple[int, int] | None, frames: int = 50) -> Use:
    """What running a model file for so many frames takes, on one thread."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_use, model, size, frames).result()


def _use(model: Path, size: tuple[int, int] | None, frames: int) -> Use:
    from compression.runners import open_runner

    runner = open_runner(model, 1)
    picture = np.random.default_rng(0).random((1, 3, *(runner.size or size or (320, 320))), np.float32)
    for _ in range(3):
        runner.run(picture)
    joules, cpu_s = _joules(), time.process_time()
    for _ in range(frames):
        runner.run(picture)
    spent_s, after = time.process_time() - cpu_s, _joules()
    used = after - joules if joules is not None and after is not None else None
    measured = used is not None and used > 0  # a counter that ran over, or stands still, tells nothing
    energy = used if used is not None and measured else spent_s * ASSUMED_W
    return Use(_peak_mb(), 1000 * spent_s / frames, 1000 * energy / frames, measured)


def _peak_mb() -> float:
    """The most memory that this process held, MB. On Linux getrusage counts what the parent held before the start."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _joules() -> float | None:
    """What all processor packages have used so far, J; None where it can't be read."""
    try:
        counters = [path / "energy_uj" for path in sorted(_COUNTERS.glob("*-rapl:[0-9]"))]
        return sum(int(path.read_text()) for path in counters) / 1e6 if counters else None
    except (OSError, ValueError):
        return None
