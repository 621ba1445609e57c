"""How fast models are beside each other: one thread, one process, a frame of each in turn, so that what else the
machine does slows all of them alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compression.runners import FloatArray, open_runner

#: Frames that are not counted: memory is taken, caches fill.
WARM_UP = 5


@dataclass(frozen=True, slots=True)
class Latency:
    """Of one model: milliseconds of the model alone, frame by frame in turn with the others. p50, p90: quantiles.
    ratio: the median of what the first model took in the same round over what this one took."""

    name: str
    size: tuple[int, int]
    frames: int
    p50: float
    p90: float
    ratio: float

    def as_metrics(self) -> dict[str, Any]:
        """For a record."""
        return {"ms_p50": round(self.p50, 2), "ms_p90": round(self.p90, 2), "frames": self.frames,
                "times_as_fast": round(self.ratio, 2)}  # fmt: skip

    def __str__(self) -> str:
        height, width = self.size
        return (f"{self.name}: {width}x{height}, {self.p50:.2f} ms p50, {self.p90:.2f} ms p90, "
                f"{self.ratio:.2f} times as fast as the first")  # fmt: skip


def latencies(
    models: Sequence[tuple[Path, tuple[int, int] | None]],
    frames: int = 200,
    tensors: Sequence[FloatArray] = (),
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> list[Latency]:
    """Time models in turn, `frames` rounds; the first is what the others are compared with.

    models: files, and the (height, width) px of those that take any. tensors: pictures that fit every model; noise
    without any, which costs a convolution the same.
    """
    runs = []
    for path, size in models:
        runner = open_runner(path, 1)
        shape = runner.size or size or (320, 320)
        noise: NDArray[np.float32] = np.random.default_rng(0).random((1, 3, *shape), np.float32)
        fitting = [tensor for tensor in tensors if tensor.shape[2:] == shape] or [noise]
        runs.append((path.name, shape, runner.run, fitting))
    times = np.zeros((len(runs), frames))
    gc.disable()  # a collection falls on one model and not on the others
    try:
        for number in range(-WARM_UP, frames):
            turn = number % len(runs)
            for i in (*range(turn, len(runs)), *range(turn)):  # nobody always comes after the same one, with its caches
                _, _, run, pictures = runs[i]
                picture = pictures[number % len(pictures)]
                began = time.perf_counter()
                run(picture)
                if number >= 0:
                    times[i, number] = 1000 * (time.perf_counter() - began)
            tell(max(number + 1, 0), frames)
    finally:
        gc.enable()
    return [
        Latency(name, shape, frames, float(np.quantile(times[i], 0.5)), float(np.quantile(times[i], 0.9)),
                float(np.median(times[0] / times[i])))
        for i, (name, shape, _, _) in enumerate(runs)
    ]  # fmt: skip
