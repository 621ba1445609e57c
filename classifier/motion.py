"""A phase for heads that give none: how far the body is along the dominant motion of the window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from configs.schema import Action
from keypoints import skeleton
from keypoints.types import FloatArray

#: A joint seen in fewer samples of the window takes no part in the dominant motion.
_SEEN_SHARE = 0.8
#: Below this range, in torsos and over all joints together, the body is at rest.
_LEAST_RANGE = 0.6
#: A joint angle that moves less says nothing about the direction of the motion.
_LEAST_ANGLE_DEG = 10.0
#: How fast the remembered range shrinks to what the window shows, a second.
_FORGET = 0.05


class DominantMotion:
    """Derives a phase from the first principal component of the joints' paths about the body's centre.

    The component is a line in the space of postures. Its two ends are the extremes that the person has lately
    reached; which end is the start posture is told by the joint angle of the action's full rep.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the person."""
        self._axis: NDArray[np.float32] | None = None
        self._range: tuple[float, float] | None = None
        self._share = 0.0

    def phase(self, window: FloatArray, rate_hz: float, action: Action) -> FloatArray:
        """window: float32 (T, 17, 3). Returns float32 (2,), cos and sin of the phase at the newest sample."""
        still = np.array([1.0, 0.0], np.float32)
        if action.full is None:
            return still
        paths = _paths(window)
        if paths is None:
            return still
        mean = paths.mean(0)
        _, spread, axes = np.linalg.svd(paths - mean, full_matrices=False)
        position = (paths - mean) @ axes[0]
        if np.ptp(position) < _LEAST_RANGE or spread[0] == 0:
            return still
        axis = axes[0] * self._direction(position, window, action, axes[0])
        position = paths @ axis
        low, high = float(position.min()), float(position.max())
        same = self._axis is not None and self._range is not None and float(axis @ self._axis) > 0.8
        if same and self._range is not None:
            # A window shorter than a rep shows a part of its range only.
            forget = _FORGET / rate_hz
            low = min(low, self._range[0] + forget * (low - self._range[0]))
            high = max(high, self._range[1] + forget * (high - self._range[1]))
        self._axis, self._range = axis, (low, high)
        share = float(np.clip((position[-1] - low) / (high - low), 0, 1))
        rising = share >= self._share
        self._share = share
        cosine = 1 - 2 * share
        sine = float(np.sqrt(max(0.0, 1 - cosine**2)))
        return np.array([cosine, sine if rising else -sine], np.float32)

    def _direction(
        self, position: NDArray[np.float32], window: FloatArray, action: Action, axis: NDArray[np.float32]
    ) -> int:
        """+1 when the axis points from the start posture to the turning point, -1 when back."""
        assert action.full is not None
        angle = _angle(window, action.full.angle)
        known = np.isfinite(angle)
        if known.sum() >= len(position) / 2 and np.ptp(angle[known]) > _LEAST_ANGLE_DEG:
            opening = np.corrcoef(position[known], angle[known])[0, 1]
            if abs(opening) > 0.5:
                return 1 if (opening > 0) == (action.full.turn_deg > action.full.start_deg) else -1
        if self._axis is not None and self._axis.shape == axis.shape:
            return 1 if float(axis @ self._axis) >= 0 else -1
        # Nothing to tell by: a motion begins at the start posture.
        return 1 if position[0] <= position.mean() else -1


def _paths(window: FloatArray) -> NDArray[np.float32] | None:
    """Joints about their centre in torsos, float32 (T, 34), joints that are hardly seen at 0; None without joints.

    The torso is the diagonal of the joints' box over the window divided by 3.
    """
    seen = window[:, :, 2] > 0
    steady = seen.mean(0) >= _SEEN_SHARE
    if steady.sum() < 4:
        return None
    points = window[:, :, :2].copy()
    times = np.arange(len(window))
    for joint in np.flatnonzero(steady):
        known = np.flatnonzero(seen[:, joint])
        for axis in range(2):
            points[:, joint, axis] = np.interp(times, known, points[known, joint, axis])
    body = points[:, steady]
    size = float(np.linalg.norm(np.ptp(body.reshape(-1, 2), axis=0))) / 3
    centred = np.zeros_like(points)
    centred[:, steady] = (body - body.mean(1, keepdims=True)) / max(size, 1e-6)
    return centred.reshape(len(window), -1)


def _angle(window: FloatArray, name: str) -> NDArray[np.float64]:
    """The joint angle in degrees (T,), the mean of the sides that are seen; NaN where none is."""
    sides = []
    for side in ("left", "right"):
        end, vertex, other = skeleton.ANGLES[f"{side}_{name}"]
        one, two = (window[:, j, :2] - window[:, vertex, :2] for j in (end, other))
        cosine = (one * two).sum(1) / (np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1) + 1e-6)
        known = (window[:, [end, vertex, other], 2] > 0).all(1)
        sides.append(np.where(known, np.degrees(np.arccos(np.clip(cosine, -1, 1))), np.nan))
    both = np.array(sides)
    count = np.isfinite(both).sum(0)
    total = np.nansum(both, axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def phase_of_recording(keypoints: FloatArray, action: Action) -> FloatArray:
    """Phase labels, float32 (N, 2), for a recording of one action that has none; (0, 0) where they can't be told.

    keypoints: float32 (N, 17, 3) of the whole recording, looked at as a whole: its dominant motion between the
    extremes that it reaches is taken for full repetitions. An action without reps is at phase 0 throughout.
    """
    if action.full is None:
        return np.tile(np.array([1, 0], np.float32), (len(keypoints), 1))
    unknown = np.zeros((len(keypoints), 2), np.float32)
    paths = _paths(keypoints)
    angle = _angle(keypoints, action.full.angle)
    known = np.isfinite(angle)
    if paths is None or known.mean() < 0.5 or np.ptp(angle[known]) < _LEAST_ANGLE_DEG:
        return unknown
    centred = paths - paths.mean(0)
    position = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    if np.ptp(position[known]) < _LEAST_RANGE:
        return unknown
    opening = np.corrcoef(position[known], angle[known])[0, 1]
    if abs(opening) < 0.7:
        return unknown
    if (opening > 0) != (action.full.turn_deg > action.full.start_deg):
        position = -position
    low, high = np.percentile(position, [3, 97])
    share = np.clip((position - low) / (high - low), 0, 1)
    cosine = 1 - 2 * share
    rising = np.gradient(np.convolve(np.pad(position, 2, "edge"), np.ones(5) / 5, "valid")) >= 0
    sine = np.sqrt(1 - cosine**2) * np.where(rising, 1, -1)
    labels: FloatArray = np.stack([cosine, sine], -1).astype(np.float32)
    return labels
