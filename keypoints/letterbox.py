"""Fit any picture into a model's input: aspect kept, grey borders, RGB planes 0-1; and map points back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from keypoints.errors import InputError
from keypoints.region import Region, fitting

#: The border's grey, that of YOLO's training (Ultralytics, `LetterBox`).
BORDER = 114


@dataclass(frozen=True, slots=True)
class Letterboxed:
    """A picture, or a region of one, that is ready for a model, and the way back.

    tensor: float32 (1, 3, h, w), RGB, 0-1; it belongs to its `Letterbox` and is valid until the next one.
    scale: (x, y), input pixels for one picture pixel. offset: (x, y) of the region in the input, px.
    size: (width, height) of the region, px. origin: (x, y) of the region in the picture, px.
    """

    tensor: NDArray[np.float32]
    scale: tuple[float, float]
    offset: tuple[int, int]
    size: tuple[int, int]
    origin: tuple[int, int] = (0, 0)

    def to_picture(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map x, y (..., 2) from input pixels to picture pixels."""
        offset, scale = np.array(self.offset, np.float32), np.array(self.scale, np.float32)
        return np.asarray((points - offset) / scale + np.array(self.origin, np.float32), np.float32)


class Letterbox:
    """Letterboxes pictures for one input size, in buffers that it keeps."""

    def __init__(self, height: int, width: int, widths: Sequence[int] = ()) -> None:
        """widths: others that the input may have as well; a picture gets the one that fits it."""
        self.height, self.width, self._widths = height, width, widths
        self._floats = np.empty(3 * height * width, np.float32)
        self._bytes = np.empty((2, 3 * height * width), np.uint8)
        self._place: tuple[int, int, int, int] | None = None

    def __call__(self, image: NDArray[np.uint8], region: Region | None = None) -> Letterboxed:
        """Letterbox a BGR, grey or RGBA picture of any size, or a region of it, of which nothing is copied before.

        Raises InputError when it is no picture.
        """
        origin = (0, 0)
        if region is not None and image.ndim in (2, 3):
            origin = (region.left, region.top)
            image = image[region.top : region.bottom, region.left : region.right]
        image = to_bgr(image)
        height, width = image.shape[:2]
        inner = fitting((width, height), (self.height, self.width), self._widths)
        ratio = min(self.height / height, self.width / width)
        new_width, new_height = max(1, round(width * ratio)), max(1, round(height * ratio))
        left, top = (inner[1] - new_width) // 2, (inner[0] - new_height) // 2
        place = (left, top, new_width, new_height)
        if place != self._place:  # the borders stay as they are while the pictures keep their shape
            self._tensor = self._floats[: 3 * inner[0] * inner[1]].reshape(1, 3, *inner)
            self._tensor.fill(BORDER / 255)
            small, planes = self._bytes[:, : 3 * new_height * new_width]
            self._small = small.reshape(new_height, new_width, 3)
            self._planes = planes.reshape(3, new_height, new_width)
            self._place = place
        cv2.resize(image, (new_width, new_height), dst=self._small, interpolation=cv2.INTER_LINEAR)
        window = self._tensor[0, :, top : top + new_height, left : left + new_width]
        # To planes, and to RGB, as bytes: a product that also gathers every third byte takes twice as long as both. And
        # to floats first: a product that also converts takes a quarter longer.
        cv2.split(self._small, list(self._planes[::-1]))
        np.copyto(window, self._planes)
        np.multiply(window, np.float32(1 / 255), out=window)
        return Letterboxed(self._tensor, (new_width / width, new_height / height), (left, top), (width, height), origin)


def to_bgr(image: NDArray[Any]) -> NDArray[np.uint8]:
    """A uint8 picture (H, W), (H, W, 1), (H, W, 3) BGR or (H, W, 4) BGRA as BGR (H, W, 3).

    Raises InputError when the shape or the dtype is another, or the picture is empty.
    """
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.size == 0 or channels not in (1, 3, 4):
        raise InputError("not a picture", field="image", expected="uint8 (H, W, 3)",
                         found=f"{image.dtype} {image.shape}")  # fmt: skip
    if channels == 3:
        return image
    code = cv2.COLOR_BGRA2BGR if channels == 4 else cv2.COLOR_GRAY2BGR
    converted: NDArray[np.uint8] = cv2.cvtColor(image, code)
    return converted
