"""Ways out and back in a signal that is 0 at rest: each completed one may be a rep."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Excursion:
    """A way out and back: when it began, turned and ended, and its extremes as shares of the range of motion."""

    start_s: float
    turned_s: float
    end_s: float
    base: float
    peak: float


class ExcursionDetector:
    """Finds completed excursions in a signal that is 0 at rest and 1 at the far end of a full rep."""

    def __init__(self, counted: float, way_back: float, turned_back: float, highest_base: float) -> None:
        """counted: least height of an excursion. way_back: share of the height that completes it; turned_back: share
        that completes it when the next one is under way.
        highest_base: a start posture reads at most this, so that a first cycle that began before the camera
        did is measured from a plausible base."""
        self._counted, self._way_back, self._turned_back = counted, way_back, turned_back
        self._highest_base = highest_base
        self.reset()

    def reset(self) -> None:
        """Forget the excursion in progress; the next one may be in mid-course."""
        self._base = self._highest_base
        self._peak, self._peak_s = 0.0, 0.0
        self._trough, self._trough_s = math.inf, 0.0  # the lowest since the peak
        self._start_s: float | None = None
        self._last_low_s: float | None = None

    @property
    def in_progress_since(self) -> float | None:
        """When the excursion in progress began, or None at rest."""
        return self._start_s

    def update(self, time_s: float, value: float) -> Excursion | None:
        """The excursion that this sample completes, if one."""
        if self._last_low_s is None:
            self._last_low_s = time_s
        if self._start_s is None:
            self._base = min(self._base, value)
            if value <= self._base + self._counted / 3:
                self._last_low_s = time_s
            if value - self._base < self._counted:
                return None
            self._start_s, self._peak, self._peak_s, self._trough = self._last_low_s, value, time_s, math.inf
        if value >= self._peak:
            self._peak, self._peak_s, self._trough = value, time_s, math.inf
        elif value < self._trough:
            self._trough, self._trough_s = value, time_s
        if value - self._trough >= self._counted:
            # It turned round before it was back, and the next one is under way: from there the person starts now.
            turned = Excursion(self._start_s, self._peak_s, self._trough_s, self._base, self._peak)
            enough = self._peak - self._trough >= self._turned_back * (self._peak - self._base)
            self._base, self._start_s = self._trough, self._trough_s
            self._peak, self._peak_s, self._trough = value, time_s, math.inf
            return turned if enough else None
        if value > self._peak - self._way_back * (self._peak - self._base):
            return None
        done = Excursion(self._start_s, self._peak_s, time_s, self._base, self._peak)
        self._start_s, self._last_low_s = None, time_s
        self._base = min(value, self._highest_base)
        return done
