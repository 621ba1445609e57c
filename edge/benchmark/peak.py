"""The physical limit beside the figure: how fast this machine multiplies at best, and how near the pose model gets."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from edge.benchmark.onnx_file import one_node
from keypoints.graph_cost import multiply_accumulates
from keypoints.session import open_session
from keypoints.yolo import YoloPose

#: Sides of the square matrices. Small ones stay in the caches, large ones keep the multipliers busy: one of them wins.
SIZES = (256, 512, 1024)


@dataclass(frozen=True, slots=True)
class Limit:
    """How near the pose model gets to what the machine can do, with its whole input: in the chain it may be narrower.
    macs: by precision. peak_gmacs: billions of multiply-accumulates a second, the best by precision. limit_ms: the
    model's work at that rate. share: limit_ms over the median of what it takes; threads: of both."""

    macs: dict[str, int]
    peak_gmacs: dict[str, float]
    limit_ms: float
    share: float
    threads: int


def limit_of(model: Path, peaks: Mapping[str, float], threads: int, seconds: float = 0.5) -> Limit:
    """The limit of an ONNX pose model of RepSight, run for so long. Raises ModelError when it can't be read."""
    macs = multiply_accumulates(model)
    limit_ms = sum(count / peaks[precision] / 1e6 for precision, count in macs.items())
    share = limit_ms / _pose_ms(model, threads, seconds)
    return Limit(macs, {name: round(peaks[name], 1) for name in peaks}, limit_ms, share, threads)


def _pose_ms(model: Path, threads: int, seconds: float) -> float:
    """What the pose stage takes of a picture that fills the input: the median of the runs."""
    estimator = YoloPose(model, threads=threads)
    noise = np.random.default_rng(0).integers(0, 256, (*estimator.input_size, 3), np.uint8)
    prepared = estimator.prepare(noise)
    taken: list[float] = []
    until_s = time.perf_counter() + seconds
    while len(taken) < 5 or time.perf_counter() < until_s:
        began_s = time.perf_counter()
        estimator.infer(prepared)
        taken.append(1000 * (time.perf_counter() - began_s))
    estimator.close()
    return median(taken)


def measured_peaks(
    threads: int = 1, seconds: float = 0.3, tell: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, float]:
    """Billions of multiply-accumulates a second of ONNX Runtime's matrix products, by precision: the best of every
    size and kind, and of the runs of each that fit into `seconds`."""
    best = {"fp32": 0.0, "int8": 0.0}
    kinds = [(precision, build, size) for precision, build in _KINDS for size in SIZES]
    with tempfile.TemporaryDirectory() as folder:
        for number, (precision, build, size) in enumerate(kinds):
            path = Path(folder) / f"{number}.onnx"
            content, left = build(size)
            path.write_bytes(content)
            best[precision] = max(best[precision], size**3 / _fastest_s(path, left, threads, seconds) / 1e9)
            tell(number + 1, len(kinds))
    return best


def _fastest_s(path: Path, left: Any, threads: int, seconds: float) -> float:
    session = open_session(path, threads)
    fastest, until_s = float("inf"), time.perf_counter() + seconds
    for number in range(1000):
        began_s = time.perf_counter()
        session.run(None, {"left": left})
        now_s = time.perf_counter()
        fastest = min(fastest, now_s - began_s)
        if number >= 2 and now_s > until_s:
            break
    return fastest


def _float(size: int) -> tuple[bytes, Any]:
    right = _random(size).astype(np.float32)
    return (
        one_node("MatMul", ("left", "float32", (size, size)), {"right": right}, ("left", "right"),
                 ("product", "float32", (size, size))),
        _random(size).astype(np.float32),
    )  # fmt: skip


def _integer(size: int) -> tuple[bytes, Any]:
    """uint8 by int8, as activations and weights are on a processor; sums in int32."""
    return (
        one_node("MatMulInteger", ("left", "uint8", (size, size)), {"right": _random(size)}, ("left", "right"),
                 ("product", "int32", (size, size))),
        _random(size).view(np.uint8),
    )  # fmt: skip


def _rescaled(size: int) -> tuple[bytes, Any]:
    """The same, with the sums brought back to uint8: what a quantized layer does."""
    constants = {
        "scale": np.array(0.02, np.float32), "left_zero": np.array(128, np.uint8), "right": _random(size),
        "right_zero": np.array(0, np.int8),
    }  # fmt: skip
    order = ("left", "scale", "left_zero", "right", "scale", "right_zero", "scale", "left_zero")
    shape = (size, size)
    content = one_node("QLinearMatMul", ("left", "uint8", shape), constants, order, ("product", "uint8", shape))
    return content, _random(size).view(np.uint8)


def _random(size: int) -> Any:
    return np.random.default_rng(size).integers(-127, 128, (size, size), np.int8)


_KINDS: tuple[tuple[str, Callable[[int], tuple[bytes, Any]]], ...] = (
    ("fp32", _float), ("int8", _integer), ("int8", _rescaled),
)  # fmt: skip
