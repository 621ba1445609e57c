"""Parts of a picture that a pose model looks at: around somebody, or tiles that cover the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Region(NamedTuple):
    """A rectangle of whole pixels; `right` and `bottom` lie just outside of it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) px."""
        return self.right - self.left, self.bottom - self.top

    def cuts(self, box: NDArray[Any], gap: float, size: tuple[int, int]) -> bool:
        """Whether a box (4,) comes nearer than `gap` px to an edge of the region that is no edge of the picture.

        size: (width, height) of the picture, px.
        """
        inner = (self.left > 0, self.top > 0, self.right < size[0], self.bottom < size[1])
        room = (box[0] - self.left, box[1] - self.top, self.right - box[2], self.bottom - box[3])
        return any(within and left < gap for within, left in zip(inner, room, strict=True))


def whole(size: tuple[int, int]) -> Region:
    """All of a picture of (width, height) px."""
    return Region(0, 0, *size)


def scale(region: Region, input_size: tuple[int, int]) -> float:
    """Input pixels for one pixel of the region, when it is letterboxed to an input of (height, width) px."""
    width, height = region.size
    return min(input_size[1] / width, input_size[0] / height)


def fitting(size: tuple[float, float], input_size: tuple[int, int], widths: Sequence[int] = ()) -> tuple[int, int]:
    """The input, (height, width) px, for a region of (width, height) px: no wider than shows it as large as it can be.

    input_size: (height, width) of the model's input. widths: others that it may have as well, narrower ones.
    """
    needed = round(size[0] * min(input_size[1] / size[0], input_size[0] / size[1]))
    return input_size[0], min((width for width in widths if width >= needed), default=input_size[1])


def around(
    box: NDArray[Any], margin: float, size: tuple[int, int], input_size: tuple[int, int], widths: Sequence[int] = ()
) -> Region:
    """The smallest region with a box (4,) and `margin` px about it, in the input's aspect as far as the picture goes.

    size: (width, height) of the picture, px. input_size, widths: as in `fitting`.
    """
    edges = np.array(size, np.float64)
    low = np.clip(np.asarray(box[:2], np.float64) - margin, 0, edges - 1)
    high = np.clip(np.asarray(box[2:], np.float64) + margin, low + 1, edges)
    needed = np.ceil(high - low)
    shape = np.array(fitting((needed[0], needed[1]), input_size, widths)[::-1])
    side = (needed / shape).argmax()
    # No pixel more than the input has room for: with one it would not be the input that fits.
    extent = np.minimum(np.maximum(needed, needed[side] * shape // shape[side]), edges)
    corner = np.clip(np.round((low + high - extent) / 2), 0, edges - extent)
    return Region(*(int(value) for value in (*corner, *(corner + extent))))


def tiles(size: tuple[int, int], side: tuple[int, int], overlap: float) -> tuple[Region, ...]:
    """Regions of `side` (width, height) px that cover a picture, the nearest to its middle first.

    Whatever is at most `overlap` px wide and high lies whole in one of them.
    """
    starts = []
    for length, extent in zip(size, side, strict=True):
        extent = min(extent, length)
        count = math.ceil((length - extent) / max(extent - overlap, 1)) + 1
        starts.append([round(float(start)) for start in np.linspace(0, length - extent, count)])
    width, height = min(side[0], size[0]), min(side[1], size[1])
    found = [Region(x, y, x + width, y + height) for x, y in product(*starts)]
    return tuple(sorted(found, key=lambda region: _from_middle(region, size)))


def _from_middle(region: Region, size: tuple[int, int]) -> float:
    return math.hypot(region.left + region.right - size[0], region.top + region.bottom - size[1])
