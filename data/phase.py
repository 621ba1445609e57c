"""Phase labels for recordings that come without."""

from __future__ import annotations

import numpy as np

from configs.schema import Action
from keypoints.geometry import LEAST_ANGLE_DEG, LEAST_RANGE, angles_deg, paths_about_centre
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
    paths = paths_about_centre(keypoints)
    angle = angles_deg(keypoints, action.full.angle)
    known = np.isfinite(angle)
    if paths is None or known.mean() < 0.5 or np.ptp(angle[known]) < LEAST_ANGLE_DEG:
        return unknown
    centred = paths - paths.mean(0)
    position = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    if np.ptp(position[known]) < LEAST_RANGE:
        return unknown
    opening = np.corrcoef(position[known], angle[known])[0, 1]
    if abs(opening) < _LEAST_CORRELATION:
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
