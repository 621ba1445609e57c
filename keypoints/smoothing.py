"""Steady keypoints: a One-Euro filter in units of the person's size, and confidence gating with hysteresis.

One-Euro filter: Casiez, Roussel, Vogel, "1 € Filter" (CHI 2012): a low-pass whose cut-off rises with speed, so
that a joint at rest does not tremble and a moving one does not lag.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from keypoints import skeleton
from keypoints.oks import SPREAD, oks
from keypoints.types import FloatArray, Pose

#: Cut-off of a joint at rest (Hz), what a speed of one body size a second adds to it (Hz), and the cut-off of the
#: speed itself (Hz). Measured on YOLO11n-pose keypoints of 36 clips at 25 fps, against no smoothing: 0.29 of the
#: jitter (second difference) of people who stand, sit or plank, for a delay of 17 ms on moving joints, 28 ms in
#: nine of ten. More smoothing costs more than a frame (0.7, 2: 0.16 and 55 ms), less leaves more (1.5, 7: 0.39
#: and 13 ms).
MIN_CUTOFF_HZ, BETA, SPEED_CUTOFF_HZ = 0.7, 7.0, 2.0

#: A joint appears above ON and goes below OFF, so that it does not flicker at one threshold.
ON, OFF = 0.3, 0.15

#: A joint that went is held where it was for this long, its confidence falling to zero: a blink is no gap.
HOLD_S = 0.25

#: After this long without the person, or below this keypoint similarity of two frames, the filter starts anew.
GAP_S, JUMP_OKS = 0.5, 0.02

#: Of a joint: squared distance, in the person's areas, below which it alone makes the mean over all 17 exceed JUMP_OKS.
_NEAR = (SPREAD * np.log(JUMP_OKS * skeleton.COUNT)).tolist()

_POINTS = skeleton.COUNT + 2


class PoseSmoother:
    """Smooths the poses of one person, frame by frame; looks at the past alone."""

    def __init__(
        self,
        min_cutoff_hz: float = MIN_CUTOFF_HZ,
        beta: float = BETA,
        speed_cutoff_hz: float = SPEED_CUTOFF_HZ,
    ) -> None:
        self.min_cutoff_hz, self.beta, self.speed_cutoff_hz = min_cutoff_hz, beta, speed_cutoff_hz
        self.reset()

    def reset(self) -> None:
        """Forget the past: another person comes."""
        self._last: Pose | None = None
        self._time_s = -np.inf
        # The 17 joints and the box's two corners, filtered alike.
        self._raw = np.zeros((_POINTS, 2), np.float32)
        self._smooth = np.zeros((_POINTS, 2), np.float32)
        self._speed = np.zeros((_POINTS, 2), np.float32)
        self._known = np.zeros(_POINTS, bool)
        self._on = np.zeros(_POINTS, bool)
        self._seen_s = np.zeros(_POINTS)
        self._confidence = np.zeros(_POINTS, np.float32)

    def update(self, pose: Pose | None, time_s: float) -> Pose | None:
        """The smoothed pose of this frame; None without a pose.

        A joint that is not sure enough is (0, 0, 0). time_s: never falling; frames may be any time apart.
        """
        if pose is None:
            return None
        if self._last is not None and (time_s - self._time_s > GAP_S or _jumped(self._last, pose)):
            self.reset()
        self._last, self._time_s = pose, time_s
        points = np.ones((_POINTS, 3), np.float32)
        points[: skeleton.COUNT], points[skeleton.COUNT :, :2] = pose.keypoints, pose.box.reshape(2, 2)
        confidence = points[:, 2]
        self._on = confidence >= np.where(self._on, OFF, ON)
        self._filter(points[:, :2], time_s, max(_side(pose), 1.0))
        np.copyto(self._confidence, confidence, where=self._on)
        unseen_s = time_s - self._seen_s
        self._known &= unseen_s < HOLD_S
        shown = np.empty((_POINTS, 3), np.float32)
        shown[:, :2], shown[:, 2] = self._smooth, self._confidence * (1 - unseen_s / HOLD_S)
        box = shown[skeleton.COUNT :, :2].reshape(4)
        return Pose(shown[: skeleton.COUNT] * self._known[: skeleton.COUNT, None], box, pose.score)

    def _filter(self, measured: FloatArray, time_s: float, size: float) -> None:
        """One step of the One-Euro filter for the points that are seen; the others stay where they are."""
        new, going_on = self._on & ~self._known, (self._on & self._known)[:, None]
        if new.any():
            self._raw[new] = self._smooth[new] = measured[new]
            self._speed[new] = 0
        gap_s = time_s - self._seen_s
        speed = (measured - self._raw) / np.maximum(gap_s, 1e-6)[:, None]
        speed = self._speed + _share(self.speed_cutoff_hz, gap_s) * (speed - self._speed)
        np.copyto(self._speed, speed, where=going_on, casting="same_kind")
        squared = self._speed * self._speed
        sizes_per_s = np.sqrt(squared[:, 0] + squared[:, 1]) / size
        cutoff_hz = self.min_cutoff_hz + self.beta * sizes_per_s
        smooth = self._smooth + _share(cutoff_hz, gap_s) * (measured - self._smooth)
        np.copyto(self._smooth, smooth, where=going_on, casting="same_kind")
        np.copyto(self._raw, measured, where=going_on)
        np.copyto(self._seen_s, time_s, where=self._on)
        self._known |= self._on


def _share(cutoff_hz: float | NDArray[np.float64], gap_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share (N, 1) of the way that a low-pass goes towards its input in `gap_s`.

    The exact step of the continuous filter, where the paper has its first-order approximation 1 / (1 + tau / dt):
    so the same motion is smoothed alike at 10 and at 60 frames a second.
    """
    share: NDArray[np.float64] = -np.expm1(-2 * np.pi * cutoff_hz * gap_s)
    return share[:, None]


def _jumped(before: Pose, now: Pose) -> bool:
    """Whether a pose is somewhere else altogether, as no body gets in a frame."""
    left, top, right, bottom = before.box.tolist()
    area = (right - left) * (bottom - top)
    joints = zip(before.keypoints.tolist(), now.keypoints.tolist(), _NEAR, strict=True)
    for (x, y, sure), (new_x, new_y, new_sure), near in joints:  # mostly the first one tells
        if sure > 0 and new_sure > 0 and (new_x - x) ** 2 + (new_y - y) ** 2 < near * area:
            return False
    shared = before.keypoints.copy()
    np.minimum(shared[:, 2], now.keypoints[:, 2], out=shared[:, 2])
    return oks(now.keypoints, shared, area) < JUMP_OKS and bool(shared[:, 2].any())


def _side(pose: Pose) -> float:
    """The longer side of the box, px: the person's size, whether they stand or lie."""
    left, top, right, bottom = pose.box.tolist()
    return float(max(right - left, bottom - top))
