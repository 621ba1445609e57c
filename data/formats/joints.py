"""Joints of other skeletons as COCO's 17, told apart by how many they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from keypoints import skeleton
from keypoints.blazepose import COCO_FROM_BLAZEPOSE
from keypoints.errors import InputError

Array = NDArray[Any]
Size = tuple[int, int]

#: OpenPose's joint for each COCO keypoint (its 18-joint model; 1 is the neck, which COCO has not).
COCO_FROM_OPENPOSE: Final = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)

#: Kinect's joint for each COCO keypoint from the shoulders down, the same in both versions (JointType of the Kinect SDK
#: 2.0 and 1.8). Its head stands for the nose; eyes and ears it has not.
_BODY_FROM_KINECT: Final = (4, 8, 5, 9, 6, 10, 12, 16, 13, 17, 14, 18)
_KINECT_HEAD: Final = 3

#: Coordinates up to this are shares of a picture: a landmark may lie outside of it by its own width.
_SHARES_UP_TO = 3.0

#: A square stands for a picture whose size nobody gave.
UNKNOWN_SIZE: Final = (1000, 1000)

#: Nobody stands so far from a Kinect: what is larger is not in metres.
_FARTHEST_M = 20.0


@dataclass(frozen=True, slots=True)
class Camera:
    """A depth camera: size (width, height) px, focal length px."""

    size: Size
    focal_px: float


#: The depth cameras: of version 2 by Lachat et al., "Assessment and calibration of a RGB-D camera (Kinect v2)" (2015);
#: of version 1 by the SDK's nominal focal length, 285.63 px at 320 x 240.
KINECT_V2, KINECT_V1 = Camera((512, 424), 366.0), Camera((640, 480), 571.26)


@dataclass(frozen=True, slots=True)
class Layout:
    """How many joints a skeleton has, and how its array (N, joints, C) becomes (N, 17, 3) and a picture's size.

    `to_coco` is given the size that the user or the set names, or None, and returns None for one that is not known.
    """

    name: str
    joints: int
    to_coco: Callable[[Array, Size | None], tuple[Array, Size | None]]


def _coco(array: Array, size: Size | None) -> tuple[Array, Size | None]:
    return _scaled(_with_confidence(array), size)


def _openpose(array: Array, size: Size | None) -> tuple[Array, Size | None]:
    return _scaled(_with_confidence(array)[:, list(COCO_FROM_OPENPOSE)], size)


def _blazepose(array: Array, size: Size | None) -> tuple[Array, Size | None]:
    """x, y and visibility; with four or five numbers a joint the third is its depth, which is left out."""
    if array.shape[2] >= 4:
        array = array[..., [0, 1, 3]]
    elif array.shape[2] == 3 and (np.nanmin(array[..., 2], initial=0) < 0 or np.nanmax(array[..., 2], initial=0) > 1):
        array = array[..., :2]  # a depth; no visibility was kept
    return _scaled(_with_confidence(array)[:, list(COCO_FROM_BLAZEPOSE)], size)


def _kinect(array: Array, camera: Camera) -> tuple[Array, Size | None]:
    """Metres in the sensor's space (x to the sensor's left, y up, z ahead) as seen by its depth camera, not mirrored.

    A fourth number is the tracking state: 0 not tracked, 1 inferred, 2 tracked.
    """
    if array.shape[2] not in (3, 4):
        raise InputError("wrong shape", expected="(frames, joints, 3): x, y, z in metres", found=array.shape)
    array = array.astype(np.float64)
    largest = float(np.nanmax(np.abs(array[..., :3]), initial=0))
    if largest > _FARTHEST_M:
        raise InputError("not Kinect joints", expected="metres", found=f"values up to {largest:.0f}")
    joints = np.zeros((len(array), skeleton.COUNT, 4))
    picked = [_KINECT_HEAD, *_BODY_FROM_KINECT]
    joints[:, [skeleton.NOSE, *range(skeleton.L_SHOULDER, skeleton.COUNT)], : array.shape[2]] = array[:, picked]
    x, y, z, state = np.moveaxis(joints, -1, 0)
    seen = np.isfinite(x + y + z) & (z > 0.1)
    confidence = np.where(seen, state / 2 if array.shape[2] == 4 else 1.0, 0.0)
    depth = np.where(seen, z, 1.0)
    width, height = camera.size
    made = np.stack([width / 2 - camera.focal_px * x / depth, height / 2 - camera.focal_px * y / depth, confidence], -1)
    return np.where(confidence[..., None] > 0, made, 0.0), camera.size


LAYOUTS: Final = (
    Layout("coco17", 17, _coco),
    Layout("openpose", 18, _openpose),
    Layout("blazepose", 33, _blazepose),
    Layout("kinect", 25, lambda array, size: _kinect(array, KINECT_V2)),
    Layout("kinect", 20, lambda array, size: _kinect(array, KINECT_V1)),
)


def to_coco(array: Array, size: Size | None = None) -> tuple[Array, Size | None]:
    """(N, joints, C) of any known skeleton as (N, 17, 3), x px, y px, confidence, and the picture's size, px.

    size: as far as it is known; without it, shares of a picture are spread over a square. Raises InputError for another
    number of joints, with the ones that are known.
    """
    layout = next((one for one in LAYOUTS if array.ndim == 3 and one.joints == array.shape[1]), None)
    if layout is None or array.shape[2] < 2:
        known = ", ".join(f"{one.joints} ({one.name})" for one in LAYOUTS)
        raise InputError("joints of no known skeleton", expected=f"(frames, joints, 2 or more) with joints {known}",
                         found=array.shape)  # fmt: skip
    return layout.to_coco(array, size)


def _with_confidence(array: Array) -> Array:
    """Joints without a confidence are all sure, but for those at exactly (0, 0)."""
    if array.shape[2] > 2:
        return array[..., :3].astype(np.float64)
    seen = (array != 0).any(-1, keepdims=True)
    return np.concatenate([array, seen], -1).astype(np.float64)


def _scaled(array: Array, size: Size | None) -> tuple[Array, Size | None]:
    """Shares of a picture in pixels; pixels stay as they are."""
    points = array[..., :2]
    if not np.isfinite(points).any() or np.nanmax(np.abs(points)) > _SHARES_UP_TO:
        return array, size
    size = size or UNKNOWN_SIZE
    return array * np.array([*size, 1.0]), size
