"""Object keypoint similarity: how near two sets of keypoints are, in the measure of COCO."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

#: How far human annotators disagree on each joint, as a share of the person's size; OKS takes twice that
#: (COCO keypoint evaluation, https://cocodataset.org/#keypoints-eval).
SIGMAS: Final = np.array(
    [.026, .025, .025, .035, .035, .079, .079, .072, .072, .062, .062, .107, .107, .087, .087, .089, .089]
)  # fmt: skip
#: What a squared distance is divided by, times the area, in the exponent.
SPREAD: Final = -2 * (2 * SIGMAS) ** 2


def oks(found: NDArray[Any], true: NDArray[Any], area: float) -> float:
    """OKS of keypoints `found` (17, 2+) with `true` (17, 3), over the joints with confidence above 0 in `true`.

    area: of the person, px². 1 is the same place, 0 far away or no joint to compare.
    """
    seen = true[:, 2] > 0
    count = np.count_nonzero(seen)
    if not count:
        return 0.0
    apart = found[:, :2] - true[:, :2]
    squared = apart * apart
    near = np.exp((squared[:, 0] + squared[:, 1]) / (max(area, 1e-9) * SPREAD))
    return float(near @ seen) / count


def oks_each(found: NDArray[Any], true: NDArray[Any], areas: NDArray[Any]) -> NDArray[np.float64]:
    """`oks` of everybody with everybody: found (Q, 17, 2+), true (P, 17, 3) and areas (P,) or (P, Q) give (P, Q)."""
    seen = true[:, None, :, 2] > 0
    apart = found[None, :, :, :2] - true[:, None, :, :2]
    squared = apart * apart
    extent = np.maximum(areas, 1e-9).reshape(len(true), -1, 1)
    near = np.exp((squared[..., 0] + squared[..., 1]) / (extent * SPREAD)) * seen
    similarity: NDArray[np.float64] = near.sum(-1) / np.maximum(seen.sum(-1), 1)
    return similarity
