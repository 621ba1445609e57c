"""Parts of a picture that a pose model looks at: around somebody, or tiles that cover the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: x1 y1 x2 y2 px.
Box = Sequence[float] | NDArray[Any]


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

    def cuts(self, box: Box, gap: float, size: tuple[int, int]) -> bool:
        """Whether a box (4,) comes nearer than `gap` px to an edge of the region that is no edge of the picture.

        size: (width, height) of the picture, px.
        """
        left, top, right, bottom = box
        return bool(
            (self.left > 0 and left - self.left < gap)
            or (self.top > 0 and top - self.top < gap)
            or (self.right < size[0] and self.right - right < gap)
            or (self.bottom < size[1] and self.bottom - bottom < gap)
        )


def whole(size: tuple[int, int]) -> Region:
    """All of a picture of (width, height) px."""
    return Region(0, 0, *size)


def scale(region: Region, input_size: tuple[int, int]) -> float:
    """Input pixels for one pixel of the region, when it is letterboxed to an input of (height, width) px."""
    width, height = region.size
    return min(input_size[1] / width, input_size[0] / height)


def longer_side(box: Box) -> float:
    """The longer side of a box (4,), px: a person's size, whether they stand or lie."""
    left, top, right, bottom = (float(value) for value in box)
    return float(np.float32(max(right - left, bottom - top)))  # in the precision of boxes


def fitting(size: tuple[float, float], input_size: tuple[int, int], widths: Sequence[int] = ()) -> tuple[int, int]:
    """The input, (height, width) px, for a region of (width, height) px: no wider than shows it as large as it can be.

    input_size: (height, width) of the model's input. widths: others that it may have as well, narrower ones.
    """
    needed = round(size[0] * min(input_size[1] / size[0], input_size[0] / size[1]))
    return input_size[0], min((width for width in widths if width >= needed), default=input_size[1])


def around(
    box: Box, margin: float, size: tuple[int, int], input_size: tuple[int, int], widths: Sequence[int] = ()
) -> Region:
    """The smallest region with a box (4,) and `margin` px about it, in the input's aspect as far as the picture goes.

    size: (width, height) of the picture, px. input_size, widths: as in `fitting`.
    """
    # Plain numbers: arrays of two would take ten times as long, in every picture.
    left, top, right, bottom = (float(value) for value in box)
    width, height = size
    left, right = _within(left - margin, right + margin, width)
    top, bottom = _within(top - margin, bottom + margin, height)
    wide, high = math.ceil(right - left), math.ceil(bottom - top)
    rows, columns = fitting((wide, high), input_size, widths)
    # No pixel more than the input has room for: with one it would not be the input that fits.
    if wide * rows >= high * columns:
        high = max(high, wide * rows // columns)
    else:
        wide = max(wide, high * columns // rows)
    begin_x, end_x = _about(left, right, wide, width)
    begin_y, end_y = _about(top, bottom, high, height)
    return Region(begin_x, begin_y, end_x, end_y)


def _within(low: float, high: float, length: int) -> tuple[float, float]:
    """As much of a span as lies in a picture's side of `length` px; at least a pixel."""
    low = min(max(low, 0.0), length - 1.0)
    return low, min(max(high, low + 1.0), float(length))


def _about(low: float, high: float, extent: int, length: int) -> tuple[int, int]:
    """A span of `extent` whole px about the middle of another, moved into a side of `length` px and cut to it."""
    extent = min(extent, length)
    begin = min(max(round((low + high - extent) / 2), 0), length - extent)
    return begin, begin + extent


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
