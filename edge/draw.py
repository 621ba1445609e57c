"""The one look of RepSight on a picture: skeleton, large count, phase bar and state, for the window and for --save.

The font is the variable one inside OpenCV 5 (Rubik).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from edge.layout import STRIP, Layout
from edge.look import INK, ORANGE, SKY, SOFT, TONES, TRACK, WHITE, Color, accent, urgent
from edge.paint import BOLD, CAP, MEDIUM, REGULAR, Image, Point, Sprite, draw_bar, paste, tag, text_width, write
from edge.scoreboard import Board, Pair
from keypoints import skeleton as sk
from keypoints.types import Pose

#: A joint below this confidence is not drawn.
SEEN: Final = 0.3

#: Height of a digit as a share of the board's height, and the least for long numbers: three metres away it reads
#: like a clock on a wall.
DIGIT_SHARE, LEAST_DIGIT_SHARE = 0.31, 0.26
#: What is left of the light under the count: two bits less of it, which numpy shifts at the speed of memory.
_DARK_BITS = 2
_DARK = 0.5**_DARK_BITS
#: Share of the panel that is as dark as that; from there on it becomes lighter.
_SOLID: Final = 0.6
#: The smallest text, px: on the smallest screens it is larger than its share.
LEAST_TEXT = 11
#: From one tag to the next, in sizes of their text.
_TAG: Final = 1.76

_LEFT = frozenset({sk.L_SHOULDER, sk.L_ELBOW, sk.L_WRIST, sk.L_HIP, sk.L_KNEE, sk.L_ANKLE})
#: The pairs of joints that are drawn.
BODY = tuple(limb for limb in sk.LIMBS if not set(limb) & set(sk.FACE))


def draw(
    image: Image | None,
    pose: Pose | None,
    board: Board,
    size: tuple[int, int],
    screen: tuple[int, int] | None = None,
    keys: Sequence[Pair] = (),
) -> Image:
    """A new picture with everything on it.

    image: uint8 (H, W, 3) BGR, or None for a keypoint sequence, which has none; it is not changed.
    size: (width, height) px of the frame that `pose` belongs to. screen: (width, height) px of where it is shown; its
    shape is that of the result. keys: (key, what it does) of the screen's own, shown with the board's.
    """
    layout = Layout.of(size, screen)
    canvas = _canvas(image, layout)
    if pose is not None:
        draw_pose(canvas, pose, layout, size)
    if not layout.portrait and layout.video[0] < layout.panel:
        _darken_panel(canvas, layout)
    _sheet(layout, replace(board, progress=None), tuple(keys)).draw(canvas, board.progress)
    return canvas


def dimmed(image: Image) -> Image:
    """The picture as the background of a message: dark and grey."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.cvtColor(cv2.convertScaleAbs(grey, alpha=0.4), cv2.COLOR_GRAY2BGR), dtype=np.uint8)


def _canvas(image: Image | None, layout: Layout) -> Image:
    """A picture of the caller's own that the board can be drawn on."""
    x, y, w, h = layout.video
    covered = (w, h) == (layout.width, layout.height)
    if image is not None and image.shape[:2] != (h, w):
        smaller = w < image.shape[1]
        image = np.asarray(
            cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR), dtype=np.uint8
        )
    elif image is not None and covered:
        image = image.copy()
    if image is not None and covered:
        return image
    canvas = _background(layout.height, layout.width).copy()
    if image is not None:
        canvas[y : y + h, x : x + w] = image
    return canvas


@lru_cache(maxsize=2)
def _background(height: int, width: int) -> Image:
    return np.full((height, width, 3), INK, np.uint8)


def _darken_panel(canvas: Image, layout: Layout) -> None:
    """Dark enough for white digits on a white wall, and clear at the panel's right end."""
    edge = round(_SOLID * layout.panel)
    dark, fading = canvas[:, :edge], canvas[:, edge : layout.panel]
    np.right_shift(dark, _DARK_BITS, out=dark)
    cv2.multiply(fading, _fade(layout.height, layout.panel - edge), fading, 1 / 255)


@lru_cache(maxsize=4)
def _fade(height: int, width: int) -> Image:
    """What a picture is multiplied with to become lighter from left to right."""
    x = np.linspace(0, 1, width)
    keep = _DARK + (1 - _DARK) * x * x * (3 - 2 * x)
    return np.broadcast_to((keep * 255).astype(np.uint8)[None, :, None], (height, width, 3)).copy()


def draw_pose(canvas: Image, pose: Pose, layout: Layout, size: tuple[int, int]) -> None:
    """Draw the skeleton. size: (width, height) px of the frame that `pose` belongs to."""
    x, y, w, h = layout.video
    points = (pose.keypoints[:, :2] * (w / size[0]) + (x, y)).round().astype(int).tolist()
    seen = (pose.keypoints[:, 2] >= SEEN).tolist()
    unit = max(2, round(min(layout.height, 1.5 * h) / 140))
    edge = 1 if unit < 4 else 2
    lines = [(points[a], points[b], limb_color(a, b)) for a, b in BODY if seen[a] and seen[b]]
    for a, b, _color in lines:
        cv2.line(canvas, a, b, INK, unit + 2 * edge, cv2.LINE_AA)
    for a, b, color in lines:
        cv2.line(canvas, a, b, color, unit, cv2.LINE_AA)
    for joint in range(len(sk.FACE), sk.COUNT):
        if seen[joint]:
            cv2.circle(canvas, points[joint], unit + edge, INK, -1, cv2.LINE_AA)
            cv2.circle(canvas, points[joint], unit, WHITE, -1, cv2.LINE_AA)


def limb_color(a: int, b: int) -> Color:
    """The left side of the body orange, the right one blue, what joins them white."""
    left = (a in _LEFT) + (b in _LEFT)
    return (SKY, WHITE, ORANGE)[left]


@lru_cache(maxsize=2)
def _sheet(layout: Layout, board: Board, keys: tuple[Pair, ...]) -> _Sheet:
    """The last one, which mostly serves again: another is for a film that is saved meanwhile."""
    return _Sheet(layout, board, keys)


class _Sheet:
    """What a board shows, made once for all the pictures in which it is the same: sprites, and where they go.

    Its measures are hundredths of the board's height.
    """

    def __init__(self, layout: Layout, board: Board, keys: Sequence[Pair]) -> None:
        x, self._top, width, height = layout.board
        self._unit = height / 100
        self._left = x + round(4 * self._unit)
        self._right = x + width - round(4 * self._unit)
        self._inside = layout.panel - 2 * (self._left - x)
        # Over the picture only so much of the panel is dark enough for white words on a white wall.
        self._dark = self._inside if layout.portrait else round(_SOLID * layout.panel) - (self._left - x)
        self._tone = board.tone
        self._sprites: list[tuple[Sprite, Point]] = []
        self._lay_out(board, keys)

    def draw(self, canvas: Image, progress: float | None) -> None:
        """Put everything on the canvas; progress: as the board's."""
        strip = canvas[self._at(self._strip) : self._at(100)]
        if urgent(self._tone):
            cv2.rectangle(strip, (0, 0), strip.shape[1::-1], TONES[self._tone][0], -1)
        else:  # feet are often down here: let them be seen
            np.right_shift(strip, _DARK_BITS, out=strip)
        if progress is not None:
            self._phase(canvas, progress, accent(self._tone))
        for sprite, at in self._sprites:
            paste(canvas, sprite, at)

    def _phase(self, canvas: Image, progress: float, color: Color) -> None:
        """The bar through the rep; the turning point is in its middle: the way there, and the way back."""
        height, at, length = round(2.6 * self._unit), (self._left, self._at(62.5)), round(0.86 * self._inside)
        draw_bar(canvas, at, (length, height), progress, color, TRACK)
        middle = at[0] + length // 2
        cv2.line(canvas, (middle, at[1]), (middle, at[1] + height), WHITE, max(2, round(self._unit / 3)))

    def _lay_out(self, board: Board, keys: Sequence[Pair]) -> None:
        """Everything, from top to bottom."""
        left, inside = self._left, self._inside
        color = accent(board.tone) if board.flash and not urgent(board.tone) else WHITE
        self._text(board.title, left, 12.5, 9.5, WHITE, BOLD, min(round(1.35 * self._dark), self._right - left))
        digit, least = (self._px(share * 100 / CAP) for share in (DIGIT_SHARE, LEAST_DIGIT_SHARE))
        self._put(write(board.number, digit, color, BOLD, fit=inside, least=least), (left, self._at(49.5)))
        self._text(board.unit, left, 58, 6.5, SOFT, MEDIUM, inside)
        self._strip = self._state(board)
        self._details(board.details, self._strip)
        # Both over the picture: what can be pressed at its bottom, the other exercises above.
        below = self._top or self._at(self._strip)
        if board.keys is not None:
            below = self._keys([*keys, *board.keys], below)
        self._totals(board.totals, below)

    def _at(self, units: float) -> int:
        return self._top + round(units * self._unit)

    def _px(self, units: float) -> float:
        return max(LEAST_TEXT, units * self._unit)

    def _put(self, sprite: Sprite, at: Point) -> int:
        self._sprites.append((sprite, at))
        return at[0] + sprite.advance

    def _text(
        self, text: str, x: int, baseline: float, size: float, color: Color, weight: int, fit: int | None = None
    ) -> int:
        return self._put(write(text, self._px(size), color, weight, fit), (x, self._at(baseline)))

    def _details(self, details: Sequence[Pair], strip: float) -> None:
        """Side by side where they fit; else one below the other, as far as the state leaves room."""
        size, gap = self._px(4.8), round(4 * self._unit)
        widths = [text_width(f"{name}  ", size, REGULAR) + text_width(value, size) for name, value in details]
        beside = sum(widths) + gap * (len(widths) - 1) <= self._dark
        x, baseline = self._left, 72.0
        for (name, value), width in zip(details, widths, strict=True):
            if baseline + 1.5 < strip:
                end = self._text(f"{name}  ", x, baseline, 4.8, SOFT, REGULAR, self._inside)
                self._text(value, end, baseline, 4.8, WHITE, MEDIUM, self._left + self._inside - end)
            x, baseline = (x + width + gap, baseline) if beside else (x, baseline + 6.5)

    def _totals(self, totals: Sequence[Pair], below: int) -> None:
        """The other exercises, one dark tag each, down the right side, as many as fit above `below`."""
        size, first = self._px(4.2), 4 * self._unit
        for row, (name, count) in enumerate(totals[: int((below - first) / (_TAG * size))]):
            baseline = round(first + size * (row * _TAG + 1))
            self._put(tag(name, count, size, SOFT, WHITE, INK), (self._right, baseline))

    def _keys(self, keys: Sequence[Pair], below: int) -> int:
        """What can be pressed, one tag each, up the right side from `below`. Returns where they begin."""
        size = self._px(3.4)
        for row, (key, what) in enumerate(reversed(keys)):
            baseline = round(below - 1.5 * self._unit - size * (row * _TAG + 0.4))
            self._put(tag(key, what, size, WHITE, SOFT, INK), (self._right, baseline))
        return round(below - 1.5 * self._unit - size * len(keys) * _TAG)

    def _state(self, board: Board) -> float:
        """The bar at the bottom: the state, what to do about it, and the time. Returns where it begins."""
        ink = TONES[board.tone][1]
        soft, plain = (ink, ink) if urgent(board.tone) else (SOFT, WHITE)
        large, small, gap = self._px(7.4), self._px(5), round(2.5 * self._unit)
        until = self._right - text_width(board.elapsed, small) - gap
        after = self._left + text_width(board.headline, large, BOLD) + gap
        one_line = after + text_width(board.advice, small, REGULAR) <= until
        rows = (95.8, 95.8) if one_line else (88.2, 96.4)
        strip = 100 * (1 - STRIP) if one_line else 80.0
        self._text(board.elapsed, until + gap, rows[0], 5, soft, MEDIUM)
        self._text(board.headline, self._left, rows[0], 7.4, ink, BOLD, until - self._left)
        x = after if one_line else self._left
        self._text(board.advice, x, rows[1], 5, plain, REGULAR, (until if one_line else self._right) - x)
        return strip
