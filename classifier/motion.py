"""A phase for heads that give none: how far the body is along the dominant motion of the window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from configs.schema import Action
from keypoints.geometry import LEAST_ANGLE_DEG, LEAST_RANGE, angles_deg, paths_about_centre
from keypoints.types import FloatArray

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
        paths = paths_about_centre(window)
        if paths is None:
            return still
        mean = paths.mean(0)
        _, spread, axes = np.linalg.svd(paths - mean, full_matrices=False)
        position = (paths - mean) @ axes[0]
        if np.ptp(position) < LEAST_RANGE or spread[0] == 0:
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
        angle = angles_deg(window, action.full.angle)
        known = np.isfinite(angle)
        if known.sum() >= len(position) / 2 and np.ptp(angle[known]) > LEAST_ANGLE_DEG:
            opening = np.corrcoef(position[known], angle[known])[0, 1]
            if abs(opening) > 0.5:
                return 1 if (opening > 0) == (action.full.turn_deg > action.full.start_deg) else -1
        if self._axis is not None and self._axis.shape == axis.shape:
            return 1 if float(axis @ self._axis) >= 0 else -1
        # Nothing to tell by: a motion begins at the start posture.
        return 1 if position[0] <= position.mean() else -1
