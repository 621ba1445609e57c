"""Measures of a body in motion: paths of its joints, and their angles."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from keypoints import skeleton
from keypoints.types import FloatArray

#: Below this range, in torsos and over all joints together, a body is at rest.
LEAST_RANGE: Final = 0.6
#: A joint angle that moves less says nothing about the direction of a motion.
LEAST_ANGLE_DEG: Final = 10.0
#: A joint seen in fewer of the frames has no path.
_SEEN_SHARE: Final = 0.8


def paths_about_centre(keypoints: FloatArray) -> NDArray[np.float32] | None:
    """Joints about their centre in torsos, float32 (T, 34), joints that are hardly seen at 0; None without joints.

    The torso is the diagonal of the joints' box over all frames divided by 3.
    """
    seen = keypoints[:, :, 2] > 0
    steady = seen.mean(0) >= _SEEN_SHARE
    if steady.sum() < 4:
        return None
    points = keypoints[:, :, :2].copy()
    times = np.arange(len(keypoints))
    for joint in np.flatnonzero(steady):
        known = np.flatnonzero(seen[:, joint])
        for axis in range(2):
            points[:, joint, axis] = np.interp(times, known, points[known, joint, axis])
    body = points[:, steady]
    size = float(np.linalg.norm(np.ptp(body.reshape(-1, 2), axis=0))) / 3
    centred = np.zeros_like(points)
    centred[:, steady] = (body - body.mean(1, keepdims=True)) / max(size, 1e-6)
    return centred.reshape(len(keypoints), -1)


def angles_deg(keypoints: FloatArray, name: str) -> NDArray[np.float64]:
    """The joint angle in degrees (T,), the mean of the sides that are seen; NaN where none is."""
    sides = []
    for side in ("left", "right"):
        end, vertex, other = skeleton.ANGLES[f"{side}_{name}"]
        one, two = (keypoints[:, j, :2] - keypoints[:, vertex, :2] for j in (end, other))
        cosine = (one * two).sum(1) / (np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1) + 1e-6)
        known = (keypoints[:, [end, vertex, other], 2] > 0).all(1)
        sides.append(np.where(known, np.degrees(np.arccos(np.clip(cosine, -1, 1))), np.nan))
    both = np.array(sides)
    count = np.isfinite(both).sum(0)
    total = np.nansum(both, axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def mirrored(keypoints: NDArray[Any], width: int) -> NDArray[Any]:
    """Keypoints (N, 17, 3) of the mirrored picture, `width` px wide; missing joints stay (0, 0, 0)."""
    out = keypoints[:, list(skeleton.MIRROR)].copy()
    out[..., 0] = np.where(out[..., 2] > 0, width - 1 - out[..., 0], 0.0)
    return out
