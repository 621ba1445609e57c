"""Brushes: text in the font inside OpenCV 5, and tags, each rendered once, and bars. All anti-aliased."""

from __future__ import annotations

import mmap
from functools import cache, lru_cache
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.look import WHITE, Color

Image = NDArray[np.uint8]
Point = tuple[int, int]

#: Height of a capital or digit of the font as a share of its size.
CAP: Final = 0.75

REGULAR, MEDIUM, BOLD = 400, 500, 700

#: A sprite of so many bytes is large.
_LARGE: Final = 2**16

_paper = np.empty(0, np.uint8)


@cache
def _font() -> cv2.FontFace:
    """Rubik, a variable font (SIL Open Font License) that OpenCV carries."""
    return cv2.FontFace("sans")


def _plain(text: str) -> str:
    """The font's zero has a slash, which from afar makes an eight of it; its capital O does not."""
    return text.replace("0", "O")


@lru_cache(maxsize=256)
def _box(text: str, size: int, weight: int) -> tuple[int, int, int, int]:
    """What the ink lies in: left and top, px from the baseline's left end, width and height."""
    left, top, width, height = cv2.getTextSize((0, 0), _plain(text), (0, 0), _font(), size, weight)
    return left, top, width, height


def text_width(text: str, size: float, weight: int = MEDIUM) -> int:
    """Width in px of `text` at `size` px."""
    return _box(text, round(size), weight)[2]


class Sprite(NamedTuple):
    """Something that was rendered.

    cover: how much of each pixel it covers, 0-255 in three channels. ink: it in its colours on black. corner: its left
    top, px from where it is put, which for a text is the left end of its baseline. advance: from where a text begins
    to where the next one does, px.
    """

    cover: Image
    ink: Image
    corner: Point
    advance: int = 0


def paste(canvas: Image, sprite: Sprite, at: Point) -> None:
    """Put a sprite on a canvas, as much of it as lies there."""
    cover, ink, (x, y), _ = sprite
    x, y = x + at[0], y + at[1]
    left, top = max(0, -x), max(0, -y)
    region = canvas[y + top : max(0, y + ink.shape[0]), x + left : max(0, x + ink.shape[1])]
    height, width = region.shape[:2]
    if (height, width) != ink.shape[:2]:  # it reaches beyond an edge
        part = slice(top, top + height), slice(left, left + width)
        cover, ink = cover[part], ink[part]
    if height and width:
        # Saturating subtraction and addition are ten times faster than a weighted sum, and differ at edges alone.
        cv2.subtract(region, cover, region)
        cv2.add(region, ink, region)


def write(
    text: str, size: float, color: Color, weight: int = MEDIUM, fit: int | None = None, least: float = 6
) -> Sprite:
    """`text` at `size` px; `fit` is a width in px to shrink into, but never below size `least`."""
    if fit is not None:
        size *= min(1.0, fit / max(1, text_width(text, size, weight)))
    return _written(text, round(max(least, size)), color, weight)


def draw_text(
    canvas: Image, text: str, at: Point, size: float, color: Color, weight: int = MEDIUM, fit: int | None = None
) -> int:
    """`write` with the baseline's left end `at`. Returns the right end."""
    sprite = write(text, size, color, weight, fit)
    paste(canvas, sprite, at)
    return at[0] + sprite.advance


def _sheet(height: int, width: int) -> Image:
    """Black paper (height, width) to write on, the same each time, so one thread writes at a time: what is short-lived
    between sprites, which stay, would leave holes in the memory."""
    global _paper
    if _paper.size < height * width:
        _paper = np.empty(height * width, np.uint8)
    sheet = _paper[: height * width].reshape(height, width)
    sheet[:] = 0
    return sheet


def _room(height: int, width: int) -> Image:
    """Memory for a sprite. Large ones change with every rep, and none fits into the hole that another leaves: they get
    pages of their own, which go with them."""
    size = 3 * height * width
    memory = np.frombuffer(mmap.mmap(-1, size), np.uint8) if size >= _LARGE else np.empty(size, np.uint8)
    return memory.reshape(height, width, 3)


# Two more than a picture has: others would only keep what was counted and what the clock has said.
@lru_cache(maxsize=12)
def _written(text: str, size: int, color: Color, weight: int) -> Sprite:
    """Rendering takes 40 us for a word and half a millisecond for a large digit, and both change rarely."""
    left, top, width, height = _box(text, size, weight)
    sheet = _sheet(height, width)
    end, _ = cv2.putText(sheet, _plain(text), (-left, -top), WHITE, _font(), size, weight)
    x, y, width, height = cv2.boundingRect(sheet) if sheet.size else (0, 0, 0, 0)
    cover = _room(height, width)
    if cover.size:  # a space covers nothing
        cv2.cvtColor(sheet[y : y + height, x : x + width], cv2.COLOR_GRAY2BGR, cover)
    return Sprite(cover, _inked(cover, color), (left + x, top + y), int(end[0]) + left)


def _inked(cover: Image, color: Color) -> Image:
    """What covers so much, in a colour on black."""
    if color == WHITE or not cover.size:
        return cover
    ink = _room(*cover.shape[:2])
    cv2.multiply(cover, (*color, 0), ink, 1 / 255)
    return ink


@lru_cache(maxsize=16)
def tag(first: str, second: str, size: float, color: Color, other: Color, ground: Color) -> Sprite:
    """Two words on a dark ground with round ends; it goes where its right end is, at the height of their baseline."""
    thick, length = round(1.5 * size), text_width(first + "  ", size) + text_width(second, size, BOLD)
    margin = thick // 2 + 2  # for the ends
    cover = np.zeros((2 * margin + 1, length + 2 * margin + 1, 3), np.uint8)
    cv2.line(cover, (margin, margin), (margin + length, margin), WHITE, thick, cv2.LINE_AA)
    ink, baseline = _inked(cover, ground), margin + round(size * CAP / 2)
    end = draw_text(ink, first + "  ", (margin, baseline), size, color)
    draw_text(ink, second, (end, baseline), size, other, BOLD)
    return Sprite(cover, ink, (-(thick // 2) - length - margin, -baseline))


def draw_bar(canvas: Image, at: Point, size: Point, share: float, color: Color, track: Color) -> None:
    """A bar with round ends, filled to `share` from the left. at: its left top corner. size: width and height, px."""
    (x, y), (width, height) = at, size
    radius = height // 2
    left, right, middle = x + radius, x + width - radius, y + radius
    cv2.line(canvas, (left, middle), (right, middle), track, height, cv2.LINE_AA)
    end = left + round((right - left) * min(1.0, max(0.0, share)))
    cv2.line(canvas, (left, middle), (end, middle), color, height, cv2.LINE_AA)
