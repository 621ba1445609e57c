"""What running a model takes: memory, processor time, energy; measured in a process of its own."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from keypoints.resources import ASSUMED_W, energy_j, joules, peak_mb


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
    before, cpu_s = joules(), time.process_time()
    for _ in range(frames):
        runner.run(picture)
    spent_s = time.process_time() - cpu_s
    energy, measured = energy_j(before, joules(), spent_s)
    return Use(peak_mb(), 1000 * spent_s / frames, 1000 * energy / frames, measured)
