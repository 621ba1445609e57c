"""Where things are on a screen of any size: the picture, and beside or below it the board."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

#: Without a screen the canvas has about the picture's size: small ones are enlarged for crisp text, large ones made
#: smaller, portrait ones get room for the board beside them. A screen's canvas has its shape, and no more pixels than
#: the picture gives reason for: a window enlarges it at no cost.
MIN_HEIGHT, MAX_HEIGHT, MIN_ASPECT, MAX_ASPECT = 480, 1080, 4 / 3, 2.4

#: Share of a portrait canvas that the board takes at most; it is square otherwise.
_BOARD_SHARE = 0.62
#: Share of the board's height that the state takes, on one line.
STRIP = 0.135


@dataclass(frozen=True, slots=True)
class Layout:
    """All in px of the canvas. video and board: x, y, width, height. panel: width of the board's part for the count."""

    width: int
    height: int
    video: tuple[int, int, int, int]
    board: tuple[int, int, int, int]
    panel: int

    @property
    def portrait(self) -> bool:
        """The board is below the picture, and not over it."""
        return self.board[1] > 0

    @classmethod
    @lru_cache(maxsize=8)
    def of(cls, size: tuple[int, int], screen: tuple[int, int] | None = None) -> Layout:
        """The layout for pictures of a size, on a screen of another if there is one; both (width, height) px."""
        width, height = _for_picture(*size) if screen is None else _for_screen(screen, size)
        aspect = size[0] / size[1]
        if width >= height:
            panel = round(min(0.48 * width, 0.8 * height))
            w, h = _fitted(aspect, width, height)
            free = width - w
            x = free if free < panel else (free + panel) // 2
            y = max(0, (height - h - round(STRIP * height)) // 2)  # what is free is for the state, below
            return cls(width, height, (x, y, w, h), (0, 0, width, height), panel)
        rows = min(width, round(_BOARD_SHARE * height))
        top = height - rows
        w, h = _fitted(aspect, width, top)
        return cls(width, height, ((width - w) // 2, (top - h) // 2, w, h), (0, top, width, rows), width)


def _for_picture(width: int, height: int) -> tuple[int, int]:
    rows = int(np.clip(height, MIN_HEIGHT, MAX_HEIGHT))
    columns = round(rows * float(np.clip(width / height, MIN_ASPECT, MAX_ASPECT)))
    return columns + columns % 2, rows + rows % 2  # video codecs want even sides


def _for_screen(screen: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    share = min(1.0, float(np.clip(min(size), MIN_HEIGHT, MAX_HEIGHT)) / min(screen))
    return max(2, round(screen[0] * share)), max(2, round(screen[1] * share))


def _fitted(aspect: float, width: int, height: int) -> tuple[int, int]:
    """The largest picture of an aspect in a box."""
    return max(1, min(width, round(height * aspect))), max(1, min(height, round(width / aspect)))
