"""The head's view of the past: keypoints by timestamp at a fixed rate, whatever the frame rate is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from keypoints import skeleton
from keypoints.types import FloatArray

#: Gaps of a joint up to this long are interpolated; in longer ones it is missing. From the head contract.
MAX_GAP_S = 0.25

_EPSILON = 1e-6

#: When a window ends, in s, and the window: float32 (T, 17, 3), newest sample last.
Tick = tuple[float, FloatArray]


def resample(
    time_s: NDArray[np.float64], keypoints: FloatArray, rate_hz: float
) -> tuple[NDArray[np.float64], FloatArray]:
    """A whole sequence at `rate_hz`, from its first frame on: what `Window` holds in the end.

    time_s: (N,) increasing. keypoints: (N, 17, 3); confidence 0 marks a missing joint. Returns times (G,) and
    float32 (G, 17, 3). A joint between two sightings at most MAX_GAP_S apart is interpolated linearly, else it is
    (0, 0, 0).
    """
    frames = np.arange(len(time_s))[:, None]
    seen = keypoints[:, :, 2] > 0
    # The newest sighting of each joint at or before each frame, and the oldest at or after it.
    before = np.maximum.accumulate(np.where(seen, frames, -1), axis=0)
    after = np.minimum.accumulate(np.where(seen, frames, len(frames))[::-1], axis=0)[::-1]

    grid = time_s[0] + np.arange(math.floor((time_s[-1] - time_s[0]) * rate_hz + _EPSILON) + 1) / rate_hz
    left = np.searchsorted(time_s, grid + _EPSILON, side="right") - 1
    right = np.where(time_s[left] >= grid - _EPSILON, left, np.minimum(left + 1, len(time_s) - 1))
    older, newer = before[left], after[right]
    found = (older >= 0) & (newer < len(time_s))
    older, newer = np.where(found, older, 0), np.where(found, newer, 0)
    start, stop = time_s[older], time_s[newer]
    found &= stop - start <= MAX_GAP_S + _EPSILON
    span = np.where(stop > start, stop - start, 1.0)
    weight = np.clip((grid[:, None] - start) / span, 0.0, 1.0)[..., None].astype(np.float32)
    joints = np.arange(skeleton.COUNT)
    samples = keypoints[older, joints] * (1 - weight) + keypoints[newer, joints] * weight
    return grid, np.where(found[..., None], samples, np.float32(0))


class Window:
    """Samples of one person at a fixed rate, as the frames come.

    The clock of the samples starts with the first frame and does not depend on the frame rate, so that a camera of
    10 frames a second and one of 60 give the same windows. A sample is known as soon as the first frame at or after
    it has come; a joint missing there is filled in afterwards if it is seen again within MAX_GAP_S.
    """

    def __init__(self, length: int, rate_hz: float) -> None:
        """length: samples a window. rate_hz: samples a second."""
        self.length, self.rate_hz = length, rate_hz
        # A slow camera passes several samples at once; each gets its window if it is younger than a gap.
        self._late = math.ceil(MAX_GAP_S * rate_hz) + 1
        self.clear()

    def clear(self) -> None:
        """Forget everything: another person, or another beginning."""
        self._samples = np.zeros((self.length + self._late, skeleton.COUNT, 3), np.float32)
        self._sighting = np.zeros((skeleton.COUNT, 3), np.float32)
        self._sighted_s = np.full(skeleton.COUNT, -np.inf)
        self._start_s: float | None = None
        self._newest = 0  # number of the newest sample
        self._time_s = -math.inf

    def push(self, time_s: float, keypoints: FloatArray) -> list[Tick]:
        """Add the newest frame, float32 (17, 3). Returns (time in s, window) for each sample that it completes,
        oldest first; window: float32 (length, 17, 3), newest sample last.

        Before the first frame its pose is repeated. A time that stands still or goes back starts anew.
        """
        if time_s <= self._time_s:
            self.clear()
        before_s, self._time_s = self._time_s, time_s
        seen = keypoints[:, 2] > 0
        if self._start_s is None:
            self._start_s = time_s
            self._samples[:] = keypoints
            added = 1
        else:
            number = math.floor((time_s - self._start_s) * self.rate_hz + _EPSILON)
            added = number - self._newest
            self._newest = number
            self._shift(min(added, len(self._samples)))
            if time_s - before_s <= MAX_GAP_S and (self._sighted_s[seen] == before_s).all():
                self._fill_newest(time_s, keypoints, seen, before_s, added)
            else:
                self._fill(time_s, keypoints, seen)
        self._sighting[seen] = keypoints[seen]
        self._sighted_s[seen] = time_s
        return [window for back in range(min(added, self._late) - 1, -1, -1) for window in self._window(back)]

    def finish(self) -> list[Tick]:
        """The recording ends: the last pose stands for the sample that was still to come, if one was."""
        if self._start_s is None or self._time_s <= self._start_s + self._newest / self.rate_hz + _EPSILON:
            return []
        last = self._sighting * (self._sighted_s == self._time_s)[:, None]
        return self.push(self._start_s + (self._newest + 1) / self.rate_hz, last)

    def _shift(self, count: int) -> None:
        if count > 0:
            self._samples[:-count] = self._samples[count:]
            self._samples[-count:] = 0

    def _fill_newest(
        self, time_s: float, keypoints: FloatArray, seen: NDArray[np.bool_], before_s: float, added: int
    ) -> None:
        """`_fill`, when every joint that is seen was seen in the frame before, `before_s`, as it mostly is: then
        only the samples since that frame lie in between."""
        assert self._start_s is not None
        for back in range(added):
            sample_s = self._start_s + (self._newest - back) / self.rate_hz
            share = np.float32((sample_s - before_s) / (time_s - before_s))
            mixed = self._sighting * (1 - share) + keypoints * share
            np.copyto(self._samples[-1 - back], mixed, where=seen[:, None])

    def _fill(self, time_s: float, keypoints: FloatArray, seen: NDArray[np.bool_]) -> None:
        """Interpolate each joint that is seen now over the samples since its last sighting."""
        assert self._start_s is not None
        latest = self._samples[-self._late :]
        grid = self._start_s + (self._newest + np.arange(1 - self._late, 1))[:, None] / self.rate_hz
        span = time_s - self._sighted_s
        close = span <= MAX_GAP_S + _EPSILON
        weight = np.where(close, (grid - self._sighted_s) / np.where(close, span, 1.0), 1.0)
        # Without a sighting near enough, a sample gets the joint only when the frame is exactly there.
        inside = np.where(close, weight > _EPSILON, grid >= time_s - _EPSILON) & seen
        share = weight[..., None].astype(np.float32)
        mixed = self._sighting * (1 - share) + keypoints * share
        np.copyto(latest, mixed, where=inside[..., None])

    def _window(self, back: int) -> list[Tick]:
        """The window that ends `back` samples before the newest, unless nobody is seen there."""
        assert self._start_s is not None
        end = len(self._samples) - back
        window = self._samples[end - self.length : end].copy()
        if not (window[-1, :, 2] > 0).any():
            return []
        return [(self._start_s + (self._newest - back) / self.rate_hz, window)]
