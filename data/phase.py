"""Phase labels for recordings that come without."""

from __future__ import annotations

import numpy as np

from configs.schema import Action
from keypoints.cycles import averaged, dominant_motion, share_of_range
from keypoints.geometry import LEAST_ANGLE_DEG, LEAST_RANGE, angles_deg
from keypoints.types import FloatArray

#: Least correlation of the dominant motion with the joint angle of the action's full rep.
_LEAST_CORRELATION = 0.7


def phase_of_recording(keypoints: FloatArray, action: Action) -> FloatArray:
    """Phase labels, float32 (N, 2), for a recording of one action that has none; (0, 0) where they can't be told.

    keypoints: float32 (N, 17, 3) of the whole recording, looked at as a whole: its dominant motion between the
    extremes that it reaches is taken for full repetitions. An action without reps is at phase 0 throughout.
    """
    if action.full is None:
        return np.tile(np.array([1, 0], np.float32), (len(keypoints), 1))
    unknown = np.zeros((len(keypoints), 2), np.float32)
    position = dominant_motion(keypoints)
    angle = angles_deg(keypoints, action.full.angle)
    known = np.isfinite(angle)
    if position is None or known.mean() < 0.5 or np.ptp(angle[known]) < LEAST_ANGLE_DEG:
        return unknown
    if np.ptp(position[known]) < LEAST_RANGE:
        return unknown
    opening = np.corrcoef(position[known], angle[known])[0, 1]
    if abs(opening) < _LEAST_CORRELATION:
        return unknown
    if (opening > 0) != (action.full.turn_deg > action.full.start_deg):
        position = -position
    cosine = 1 - 2 * share_of_range(position)
    rising = np.gradient(averaged(position, 5)) >= 0
    sine = np.sqrt(1 - cosine**2) * np.where(rising, 1, -1)
    labels: FloatArray = np.stack([cosine, sine], -1).astype(np.float32)
    return labels
