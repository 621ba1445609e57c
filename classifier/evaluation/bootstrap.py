"""How sure a figure is: bootstrap intervals over groups of sequences that depend on each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: The interval holds this share of the draws (percentile bootstrap, Efron and Tibshirani 1993, chapter 13).
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its interval. low and high are None when there is only one group to draw from."""

    value: float
    low: float | None = None
    high: float | None = None


class Draws:
    """The same draws for every figure of a set: whole groups (subjects or sources), with replacement."""

    def __init__(self, groups: Sequence[str], draws: int, seed: int) -> None:
        """groups: of each sequence, in their order. draws: how many times the set is drawn anew."""
        self._names, self._group = np.unique(np.asarray(groups, np.str_), return_inverse=True)
        count = len(self._names)
        rng = np.random.default_rng(seed)
        # How often each group is in each draw, (draws, groups).
        self._times = rng.multinomial(count, np.full(count, 1 / max(count, 1)), draws) if count else np.zeros((0, 0))

    def ratio(self, above: NDArray[np.float64], below: NDArray[np.float64]) -> Estimate | None:
        """sum(above) / sum(below) with its interval; both (N,), one number a sequence. None when below is 0."""
        if below.sum() <= 0:
            return None
        value = float(above.sum() / below.sum())
        there = np.bincount(self._group, below, len(self._names)) > 0
        if there.sum() < 2:
            return Estimate(value)
        top = self._times @ np.bincount(self._group, above, len(self._names))
        bottom = self._times @ np.bincount(self._group, below, len(self._names))
        drawn = top[bottom > 0] / bottom[bottom > 0]
        low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        return Estimate(value, float(low), float(high))
