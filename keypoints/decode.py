"""Turn the output of a YOLO pose model into boxes, scores and keypoints: both layouts, and the NMS of one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keypoints import skeleton

FloatArray = NDArray[np.float32]

#: One row of layout `yolo`: cx cy w h, score, 17 x (x, y, confidence).
YOLO_CHANNELS = 4 + 1 + skeleton.COUNT * 3
#: One row of layout `yolo-nms-free`: x1 y1 x2 y2, score, class, 17 x (x, y, confidence).
NMS_FREE_CHANNELS = YOLO_CHANNELS + 1


class Detections(NamedTuple):
    """boxes float32 (N, 4) x1 y1 x2 y2, scores float32 (N,) falling, keypoints float32 (N, 17, 3); input pixels."""

    boxes: FloatArray
    scores: FloatArray
    keypoints: FloatArray


def decode_yolo(output: FloatArray, threshold: float, iou: float, limit: int = 300) -> Detections:
    """Decode layout `yolo`, (1, 56, N): candidates above `threshold`, then NMS at `iou`, `limit` people at most."""
    scores = output[0, 4]
    rows = output[0][:, scores > threshold].T
    half = rows[:, 2:4] / 2
    boxes = np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)
    kept = nms(boxes, rows[:, 4], iou, limit)
    return Detections(boxes[kept], rows[kept, 4], rows[kept, 5:].reshape(-1, skeleton.COUNT, 3))


def decode_nms_free(output: FloatArray, threshold: float, iou: float = 1.0, limit: int = 300) -> Detections:
    """Decode layout `yolo-nms-free`, (1, M, 57): rows above `threshold`, best first. `iou` has no use here."""
    rows = output[0][output[0, :, 4] > threshold]
    rows = rows[np.argsort(-rows[:, 4], kind="stable")][:limit]
    return Detections(rows[:, :4], rows[:, 4], rows[:, 6:].reshape(-1, skeleton.COUNT, 3))


def nms(boxes: FloatArray, scores: FloatArray, iou: float, limit: int = 300) -> NDArray[np.intp]:
    """Greedy non-maximum suppression: the indices that stay, best score first.

    A box goes when its intersection over union with a better one is above `iou`.
    """
    order = (-scores).argsort(kind="stable")
    area = _areas(boxes[:, 2:] - boxes[:, :2])
    kept: list[np.intp] = []
    while len(order) and len(kept) < limit:
        best, order = order[0], order[1:]
        kept.append(best)
        order = order[overlap(boxes[best], boxes[order], area[best], area[order]) <= iou]
    return np.array(kept, dtype=np.intp)


def overlap(box: FloatArray, boxes: FloatArray, area: np.float32, areas: FloatArray) -> FloatArray:
    """Intersection over union of one box (4,) with many (N, 4); 0 where both are empty."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    intersection = _areas(high - low)
    union = area + areas - intersection
    shared: FloatArray = intersection / np.maximum(union, np.float32(1e-9))
    return shared


def _areas(extent: FloatArray) -> FloatArray:
    """Of boxes with these widths and heights (N, 2); 0 where one of them is negative."""
    extent = np.maximum(extent, np.float32(0))
    areas: FloatArray = extent[:, 0] * extent[:, 1]
    return areas
