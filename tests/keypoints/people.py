"""People for the tests: a standing body of 17 joints, put anywhere at any size."""

from __future__ import annotations

import numpy as np

from keypoints.types import FloatArray, Pose

#: x and y of a standing body in a box of width 0.4 and height 1, COCO order.
STANDING = np.array(
    [
        (0.20, 0.06), (0.22, 0.04), (0.18, 0.04), (0.24, 0.06), (0.16, 0.06),
        (0.30, 0.20), (0.10, 0.20), (0.36, 0.34), (0.04, 0.34), (0.38, 0.48), (0.02, 0.48),
        (0.26, 0.52), (0.14, 0.52), (0.26, 0.74), (0.14, 0.74), (0.26, 0.96), (0.14, 0.96),
    ],
    np.float32,
)  # fmt: skip


def person(x: float, y: float, height: float, score: float = 0.9, confidence: float = 0.9) -> Pose:
    """Somebody who stands with the middle of the box at x, y px."""
    corner = np.array([x - 0.2 * height, y - 0.5 * height], np.float32)
    points: FloatArray = np.concatenate(
        [STANDING * np.float32(height) + corner, np.full((17, 1), confidence, np.float32)], axis=1
    ).astype(np.float32)
    box = np.concatenate([corner, corner + np.array([0.4 * height, height], np.float32)])
    return Pose(points, box.astype(np.float32), score)
