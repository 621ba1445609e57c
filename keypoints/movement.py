"""Where something moves while all else stands still: somebody who is too small to be found in the whole picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

#: Pictures this far apart are compared: in less, whoever is far has hardly moved, and in more has to wait to be found.
APART_S = 0.06

#: What changes by more than this, of 255, moved: noise and compression change less.
CHANGED = 12

#: Something moves by itself when this many samples of it changed, and this share of all that did lie in one window, as
#: wide and high as twice the length of the smallest that is looked for: a camera that moves changes them everywhere.
LEAST, TOGETHER = 3, 0.5

#: Samples for the length of somebody of the least size that is looked for.
SAMPLES = 11


class Movement:
    """Compares pictures of one camera or file, some of their pixels alone: it takes a hundredth of a look."""

    def __init__(self) -> None:
        self._then: NDArray[np.uint8] | None = None
        self._then_s = 0.0

    def forget(self) -> None:
        """The next picture is compared with none."""
        self._then = None

    def where(self, image: NDArray[np.uint8], time_s: float, least_px: float) -> tuple[int, int] | None:
        """The middle (x, y) px of what moves, None if nothing or much does, or it is too early to tell.

        image: uint8 (H, W) or (H, W, C). least_px: the length of the smallest that is looked for.
        """
        if self._then is not None and time_s - self._then_s < APART_S:
            return None
        step = max(1, round(least_px / SAMPLES))
        plane = image if image.ndim == 2 else image[:, :, min(1, image.shape[2] - 1)]
        now = np.ascontiguousarray(plane[::step, ::step])
        then, self._then, self._then_s = self._then, now, time_s
        if then is None or then.shape != now.shape:
            return None
        changed = (cv2.absdiff(now, then) > CHANGED).astype(np.float32)
        side = 2 * SAMPLES
        sums = cv2.boxFilter(changed, -1, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)
        _, most, _, (x, y) = cv2.minMaxLoc(sums)
        if most < max(LEAST, TOGETHER * float(changed.sum())):
            return None
        left, top = max(0, x - side // 2), max(0, y - side // 2)
        rows, columns = np.nonzero(changed[top : top + side, left : left + side])
        return round((left + columns.mean()) * step), round((top + rows.mean()) * step)
