"""The Leeds Sports Pose set as its authors give it: images/ and joints.mat; its first thousand pictures train.

Johnson and Everingham, "Clustered Pose and Nonlinear Appearance Models for Human Pose Estimation" (BMVC 2010).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from keypoints import skeleton
from keypoints.errors import InputError

FloatArray = NDArray[np.float32]
People = tuple[FloatArray, FloatArray]

#: How many of the pictures train; the others measure.
TRAINING = 1000

#: Its joints, right ankle first, by our numbers; neck and top of the head (12, 13) are none of ours.
_JOINTS = (
    skeleton.R_ANKLE, skeleton.R_KNEE, skeleton.R_HIP, skeleton.L_HIP, skeleton.L_KNEE, skeleton.L_ANKLE,
    skeleton.R_WRIST, skeleton.R_ELBOW, skeleton.R_SHOULDER, skeleton.L_SHOULDER, skeleton.L_ELBOW, skeleton.L_WRIST,
)  # fmt: skip

#: What the box of a person is larger than that of the joints, on each side, as a share of its longer side.
_MARGIN = 0.08


def is_leeds(folder: Path) -> bool:
    """Whether a folder looks like that set."""
    return (folder / "joints.mat").is_file()


def read(folder: Path, limit: int | None = None) -> tuple[dict[str, Callable[[tuple[int, int]], People]], list[Path]]:
    """What gives each training picture's person, by the picture's name; these pictures. A joint's third number is 1
    where it is in the picture, else 0. Raises InputError for other content."""
    people, files = everybody(folder)
    files = files[:TRAINING][:limit]

    def reader(person: Callable[[tuple[int, int]], People]) -> Callable[[tuple[int, int]], People]:
        def at(size: tuple[int, int]) -> People:
            box, points = person(size)
            return box, np.minimum(points, [np.inf, np.inf, 1]).astype(np.float32)

        return at

    return {path.name: reader(person) for path, person in zip(files, people, strict=False)}, files


def everybody(folder: Path) -> tuple[list[Callable[[tuple[int, int]], People]], list[Path]]:
    """What gives each picture's person, and all pictures: those that train, then those that measure. A joint's third
    number is 2 where it is seen, 1 where it is hidden, 0 outside of the picture. Raises InputError for other content.
    """
    from scipy.io import loadmat

    file = folder / "joints.mat"
    try:
        joints = np.asarray(loadmat(file)["joints"], np.float32)
        if joints.ndim != 3 or joints.shape[:2] != (3, 14):
            raise ValueError
    except (ValueError, KeyError, TypeError, OSError, NotImplementedError):
        raise InputError("not joints of the Leeds set", file=file, field="joints", expected="(3, 14, N)") from None
    files = sorted((folder / "images").glob("*.jpg"))
    if not files or len(files) > joints.shape[2]:
        raise InputError("pictures and joints do not fit", file=folder, expected=f"{joints.shape[2]} in images/",
                         found=len(files))  # fmt: skip

    def reader(number: int) -> Callable[[tuple[int, int]], People]:
        return lambda size: _person(joints[:, :, number].T, size)

    return [reader(i) for i in range(len(files))], files


def _person(joints: FloatArray, size: tuple[int, int]) -> People:
    """One person of joints (14, 3): the box around all of them with a margin, and our joints."""
    limits = np.array(size, np.float32)
    low, high = joints[:, :2].min(0), joints[:, :2].max(0)
    margin = _MARGIN * float((high - low).max())
    box = np.concatenate([np.clip(low - margin, 0, limits), np.clip(high + margin, 0, limits)])[None]
    points = np.zeros((1, skeleton.COUNT, 3), np.float32)
    points[0, list(_JOINTS), :2] = joints[:12, :2]
    inside = ((joints[:12, :2] >= 0) & (joints[:12, :2] < limits)).all(1)
    points[0, list(_JOINTS), 2] = np.where(inside, np.where(joints[:12, 2] > 0, 1, 2), 0)
    return box.astype(np.float32), points
