"""Contenders side by side: a frame of each in turn, so that what else the machine does slows all of them alike."""

from __future__ import annotations

import gc
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.schema import Run
from edge.benchmark.chain import Amount, Endless, Tell, quantiles
from edge.benchmark.contenders import Contender
from edge.benchmark.watch import Busy, Watch
from edge.sources import Lost
from keypoints.errors import SourceError
from keypoints.types import Frame

FloatArray = NDArray[np.float64]

#: Of the bootstrap: resamples, frames that stay together (neighbours suffer from the same disturbance), share inside.
DRAWS, BLOCK, INSIDE = 1000, 16, 0.95

#: Frames that do not count, at the most: a slow contender would take long over as many as the chain alone gets.
WARM_UP = 16


@dataclass(frozen=True, slots=True)
class Side:
    """One contender's time, ms a frame. stages: quantiles and mean. ratio: how many times as long as the first takes,
    the median over frames; low and high: its 95 % bootstrap interval."""

    name: str
    what: str
    frames: int
    stages: dict[str, dict[str, float]]
    ratio: float
    low: float
    high: float


def side_by_side(
    contenders: Sequence[Contender], settings: Run, amount: Amount, tell: Tell = lambda done, total: None
) -> tuple[list[Side], Busy | None]:
    """Time contenders on the frames of the source, and how busy the machine was meanwhile. The first is what the others
    are compared with. Raises SourceError when the source gives no pictures, or ends."""
    rows: list[list[dict[str, float]]] = [[] for _ in contenders]
    with Endless(settings.source, settings) as source:
        gc.disable()  # a collection falls on one and not on the others
        try:
            number, began_s, watch = -min(amount.warm_up, WARM_UP), time.perf_counter(), Watch()
            for item in source:
                if isinstance(item, Lost):
                    continue
                if not isinstance(item, Frame):
                    raise SourceError("has no pictures, so models can't be compared on it", file=source.name)
                if number == 0:
                    began_s, watch = time.perf_counter(), Watch()
                turn = number % len(contenders)
                for i in (*range(turn, len(contenders)), *range(turn)):  # nobody always comes after the same one
                    taken = contenders[i].run(item)
                    if number >= 0:
                        rows[i].append(dict(taken))
                number += 1
                if number % 16 == 0:
                    gc.collect()
                    tell(min(max(number, 0), amount.frames), amount.frames)
                if number >= amount.frames and time.perf_counter() - began_s >= amount.seconds:
                    break
            busy = watch.busy()
            tell(amount.frames, amount.frames)
        finally:
            gc.enable()
    chains = [np.array([row["chain"] for row in each]) for each in rows]
    return [
        Side(one.name, one.what, len(each), _stages(each), *ratio(chain, chains[0]))
        for one, each, chain in zip(contenders, rows, chains, strict=True)
    ], busy


def ratio(times: FloatArray, reference: FloatArray, seed: int = 0) -> tuple[float, float, float]:
    """The median of `times` over `reference`, frame by frame, and its bootstrap interval (low, high); blocks of
    neighbouring frames are drawn together (Künsch 1989)."""
    ratios = times / reference
    block = max(1, min(BLOCK, len(ratios) // 8))  # of few frames, few stay together
    starts = np.random.default_rng(seed).integers(0, len(ratios) - block + 1, (DRAWS, -(-len(ratios) // block)))
    drawn = ratios[(starts[..., None] + np.arange(block)).reshape(DRAWS, -1)[:, : len(ratios)]]
    low, high = np.quantile(np.median(drawn, axis=1), ((1 - INSIDE) / 2, (1 + INSIDE) / 2))
    return float(np.median(ratios)), float(low), float(high)


def _stages(rows: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    names = dict.fromkeys(stage for row in rows for stage in row)
    return {stage: quantiles(array("d", [r[stage] for r in rows if stage in r]), len(rows)) for stage in names}
