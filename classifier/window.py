"""The head's view of the past: keypoints resampled by timestamp to a fixed rate, ending at the newest frame."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from keypoints import skeleton
from keypoints.types import FloatArray

#: Gaps of a joint up to this long are interpolated; in longer ones it is missing. From the head contract.
MAX_GAP_S = 0.25


def resample(
    time_s: NDArray[np.float64], keypoints: FloatArray, end_s: NDArray[np.float64], length: int, rate_hz: float
) -> FloatArray:
    """Windows of `length` samples at `rate_hz`, each ending at one of `end_s`.

    time_s: (N,) increasing. keypoints: (N, 17, 3); confidence 0 marks a missing joint. end_s: (B,), each at or
    after time_s[0]; no window looks at frames after its end. Returns float32 (B, length, 17, 3).

    A joint between two sightings at most MAX_GAP_S apart is interpolated linearly, else it is (0, 0, 0). Before
    the first frame the first pose is repeated.
    """
    frames = np.arange(len(time_s))
    seen = keypoints[:, :, 2] > 0
    # The newest sighting of each joint at or before each frame, and the oldest at or after it.
    before = np.maximum.accumulate(np.where(seen, frames[:, None], -1), axis=0)
    after = np.minimum.accumulate(np.where(seen, frames[:, None], len(frames))[::-1], axis=0)[::-1]

    grid = end_s[:, None] + np.arange(1 - length, 1) / rate_hz
    grid = np.maximum(grid, time_s[0])
    last = np.searchsorted(time_s, end_s + 1e-9, side="right") - 1  # the newest frame that a window may see
    left = np.clip(np.searchsorted(time_s, grid + 1e-9, side="right") - 1, 0, last[:, None])
    right = np.where(time_s[left] >= grid - 1e-9, left, np.minimum(left + 1, last[:, None]))

    older, newer = before[left], after[right]
    newer_known = newer <= last[:, None, None]
    found = (older >= 0) & newer_known
    older, newer = np.where(found, older, 0), np.where(found, newer, 0)
    start, stop = time_s[older], time_s[newer]
    found &= stop - start <= MAX_GAP_S + 1e-9
    span = np.where(stop > start, stop - start, 1.0)
    weight = (np.clip((grid[..., None] - start) / span, 0.0, 1.0) * found)[..., None].astype(np.float32)
    joints = np.arange(skeleton.COUNT)
    window = keypoints[older, joints] * (1 - weight) + keypoints[newer, joints] * weight
    return np.where(found[..., None], window, np.float32(0))


class Window:
    """Keeps the last frames of one person and gives the head's window of them."""

    def __init__(self, length: int, rate_hz: float) -> None:
        """length: samples a window. rate_hz: samples a second."""
        self.length, self.rate_hz = length, rate_hz
        self._span_s = (length - 1) / rate_hz + MAX_GAP_S
        self._frames: deque[tuple[float, FloatArray]] = deque()

    def push(self, time_s: float, keypoints: FloatArray) -> None:
        """Add the newest frame, float32 (17, 3); a time that stands still or goes back starts anew."""
        if self._frames and time_s <= self._frames[-1][0]:
            self.clear()
        self._frames.append((time_s, keypoints))
        # One frame older than the window stays, to interpolate from.
        while len(self._frames) > 2 and self._frames[1][0] < time_s - self._span_s:
            self._frames.popleft()

    def clear(self) -> None:
        """Forget everything: another person, or another beginning."""
        self._frames.clear()

    def sample(self) -> FloatArray:
        """The window that ends at the newest frame, float32 (length, 17, 3)."""
        times = np.array([time_s for time_s, _ in self._frames])
        stacked = np.stack([keypoints for _, keypoints in self._frames])
        window: FloatArray = resample(times, stacked, times[-1:], self.length, self.rate_hz)[0]
        return window
