"""Brushes: text in the font inside OpenCV 5, large digits that are rendered once, bars. All anti-aliased."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.look import Color

Image = NDArray[np.uint8]
Point = tuple[int, int]

#: Height of a capital or digit of the font as a share of its size.
CAP: Final = 0.75

REGULAR, MEDIUM, BOLD = 400, 500, 700


@cache
def _font() -> cv2.FontFace:
    """Rubik, a variable font (SIL Open Font License) that OpenCV carries."""
    return cv2.FontFace("sans")


def _plain(text: str) -> str:
    """The font's zero has a slash, which from afar makes an eight of it; its capital O does not."""
    return text.replace("0", "O")


@lru_cache(maxsize=256)
def text_width(text: str, size: float, weight: int = MEDIUM) -> int:
    """Width in px of `text` at `size` px."""
    return int(cv2.getTextSize((0, 0), _plain(text), (0, 0), _font(), round(size), weight)[2])


def draw_text(
    canvas: Image, text: str, at: Point, size: float, color: Color, weight: int = MEDIUM, fit: int | None = None
) -> int:
    """Write `text` with its baseline's left end `at`; `fit` is a width in px to shrink into. Returns the right end."""
    if fit is not None:
        size *= min(1.0, fit / max(1, text_width(text, size, weight)))
    end, _ = cv2.putText(canvas, _plain(text), at, color, _font(), max(6, round(size)), weight)
    return int(end[0])


def draw_number(canvas: Image, text: str, at: Point, size: float, color: Color, fit: int, least: float) -> None:
    """Write large digits with their baseline's left end `at`, shrunk into `fit` px, but never below size `least`.

    A digit of this size takes half a millisecond to render and changes rarely, so it is kept as a sprite.
    """
    size = max(least, size * min(1.0, fit / max(1, text_width(text, size, BOLD))))
    cover, ink = _sprite(text, round(size), color)
    x, y = at[0], at[1] - round(size * CAP * 1.08)
    height = min(ink.shape[0], canvas.shape[0] - y)
    width = min(ink.shape[1], canvas.shape[1] - x)
    region = canvas[y : y + height, x : x + width]
    # Saturating subtraction and addition are ten times faster than a weighted sum, and differ at edges alone.
    cv2.subtract(region, cover[:height, :width], region)
    cv2.add(region, ink[:height, :width], region)


@lru_cache(maxsize=8)
def _sprite(text: str, size: int, color: Color) -> tuple[Image, Image]:
    """How much each pixel is covered, 0-255 in three channels, and the text in its colour on black."""
    shape = (round(size * CAP * 1.2), text_width(text, size, BOLD) + size // 16, 3)
    cover = np.zeros(shape, np.uint8)
    draw_text(cover, text, (0, round(size * CAP * 1.08)), size, (255, 255, 255), BOLD)
    full = np.empty(shape, np.uint8)
    full[:] = color
    return cover, np.asarray(cv2.multiply(cover, full, scale=1 / 255), dtype=np.uint8)


def draw_tag(
    canvas: Image, first: str, second: str, at: Point, size: float, color: Color, other: Color, ground: Color
) -> None:
    """Two words on a dark tag with round ends; `at` is the tag's right end, at the height of their baseline."""
    thick = round(1.5 * size)
    right, middle = at[0] - thick // 2, at[1] - round(size * CAP / 2)
    left = right - text_width(first + "  ", size) - text_width(second, size, BOLD)
    cv2.line(canvas, (left, middle), (right, middle), ground, thick, cv2.LINE_AA)
    end = draw_text(canvas, first + "  ", (left, at[1]), size, color)
    draw_text(canvas, second, (end, at[1]), size, other, BOLD)


def draw_bar(canvas: Image, at: Point, size: Point, share: float, color: Color, track: Color) -> None:
    """A bar with round ends, filled to `share` from the left. at: its left top corner. size: width and height, px."""
    (x, y), (width, height) = at, size
    radius = height // 2
    left, right, middle = x + radius, x + width - radius, y + radius
    cv2.line(canvas, (left, middle), (right, middle), track, height, cv2.LINE_AA)
    end = left + round((right - left) * min(1.0, max(0.0, share)))
    cv2.line(canvas, (left, middle), (end, middle), color, height, cv2.LINE_AA)
