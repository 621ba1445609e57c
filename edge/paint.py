"""Brushes: text in the font inside OpenCV 5, each rendered once, and bars. All anti-aliased."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.look import Color

Image = NDArray[np.uint8]
Point = tuple[int, int]

#: Height of a capital or digit of the font as a share of its size.
CAP: Final = 0.75

REGULAR, MEDIUM, BOLD = 400, 500, 700

_paper = np.empty(0, np.uint8)


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
    sprite = _sprite(text, max(6, round(size)), color, weight)
    x, y = at[0] + sprite.corner[0], at[1] + sprite.corner[1]
    left, top = max(0, -x), max(0, -y)
    region = canvas[y + top : max(0, y + sprite.ink.shape[0]), x + left : max(0, x + sprite.ink.shape[1])]
    height, width = region.shape[:2]
    if height and width:
        part = slice(top, top + height), slice(left, left + width)
        # Saturating subtraction and addition are ten times faster than a weighted sum, and differ at edges alone.
        cv2.subtract(region, sprite.cover[part], region)
        cv2.add(region, sprite.ink[part], region)
    return at[0] + sprite.advance


def draw_number(canvas: Image, text: str, at: Point, size: float, color: Color, fit: int, least: float) -> None:
    """Write large digits with their baseline's left end `at`, shrunk into `fit` px, but never below size `least`."""
    size = max(least, size * min(1.0, fit / max(1, text_width(text, size, BOLD))))
    draw_text(canvas, text, at, size, color, BOLD)


class _Sprite(NamedTuple):
    """A text that was rendered.

    cover: how much of each pixel it covers, 0-255 in three channels. ink: the text in its colour on black. corner: its
    left top, px from the baseline's left end. advance: from where the text begins to where the next one does, px.
    """

    cover: Image
    ink: Image
    corner: Point
    advance: int


def _sheet(height: int, width: int) -> Image:
    """Black paper to write on, the same each time, so one thread writes at a time: what is large and short-lived
    between sprites, which stay, would leave holes in the memory."""
    global _paper
    if _paper.size < 3 * height * width:
        _paper = np.empty(3 * height * width, np.uint8)
    sheet = _paper[: 3 * height * width].reshape(height, width, 3)
    sheet[:] = 0
    return sheet


# A few more than a picture has: others would only keep what the clock has said.
@lru_cache(maxsize=16)
def _sprite(text: str, size: int, color: Color, weight: int) -> _Sprite:
    """Rendering takes 40 us for a word and half a millisecond for a large digit, and both change rarely."""
    sheet = _sheet(2 * size, text_width(text, size, weight) + 2 * size)
    at = size // 2, round(1.4 * size)
    end, _ = cv2.putText(sheet, _plain(text), at, (255, 255, 255), _font(), size, weight)
    x, y, width, height = cv2.boundingRect(cv2.extractChannel(sheet, 0))
    cover = sheet[y : y + height, x : x + width].copy()
    ink = cv2.multiply(cover, (*color, 0), scale=1 / 255) if cover.size else cover  # a space covers nothing
    return _Sprite(cover, ink, (x - at[0], y - at[1]), int(end[0]) - at[0])


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
