"""The one look of RepSight on a picture: skeleton, large count, phase bar and state, for the window and for --save.

Colours are of Okabe and Ito's palette (2008), which people with any colour vision can tell apart; words say the
same. The font is the variable one inside OpenCV 5 (Rubik).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from edge.paint import BOLD, CAP, MEDIUM, REGULAR, Color, Image, draw_bar, draw_number, draw_text, text_width
from edge.scoreboard import Board
from edge.words import Tone
from keypoints import skeleton as sk
from keypoints.types import Pose

WHITE: Final[Color] = (255, 255, 255)
SOFT: Final[Color] = (205, 205, 205)
INK: Final[Color] = (24, 20, 18)
TRACK: Final[Color] = (88, 80, 76)
ORANGE: Final[Color] = (0, 159, 230)
SKY: Final[Color] = (233, 180, 86)
GREEN: Final[Color] = (140, 200, 40)  # their bluish green, brighter: it stands on black here
YELLOW: Final[Color] = (66, 228, 240)
VERMILLION: Final[Color] = (40, 110, 235)

#: Colour of the state bar and of the words on it.
TONES: Final[dict[Tone, tuple[Color, Color]]] = {
    "good": (INK, GREEN),
    "hold": (INK, ORANGE),
    "calm": (INK, SKY),
    "warn": (YELLOW, INK),
    "alarm": (VERMILLION, WHITE),
}

#: A joint below this confidence is not drawn.
SEEN = 0.3

#: Sizes of the canvas: small pictures are enlarged for crisp text, large ones made smaller, portrait ones get a panel.
MIN_HEIGHT, MAX_HEIGHT, MIN_ASPECT, MAX_ASPECT = 480, 1080, 4 / 3, 2.4

#: Height of a digit as a share of the picture's height, and the least for long numbers: three metres away it reads
#: like a clock on a wall.
DIGIT_SHARE, LEAST_DIGIT_SHARE = 0.31, 0.26
#: What is left of the light under the count.
_DARK = 0.2

_LEFT = frozenset({sk.L_SHOULDER, sk.L_ELBOW, sk.L_WRIST, sk.L_HIP, sk.L_KNEE, sk.L_ANKLE})
#: The pairs of joints that are drawn.
BODY = tuple(limb for limb in sk.LIMBS if not set(limb) & set(sk.FACE))


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are on the canvas, px. video: x, y, width, height. panel: width of the dark left part."""

    width: int
    height: int
    video: tuple[int, int, int, int]
    panel: int

    @classmethod
    def of(cls, width: int, height: int) -> Layout:
        """The layout for pictures of this size."""
        canvas_height = int(np.clip(height, MIN_HEIGHT, MAX_HEIGHT))
        canvas_width = round(canvas_height * float(np.clip(width / height, MIN_ASPECT, MAX_ASPECT)))
        canvas_width += canvas_width % 2  # video codecs want even sides
        canvas_height += canvas_height % 2
        scale = min(canvas_width / width, canvas_height / height)
        w, h = max(1, round(width * scale)), max(1, round(height * scale))
        panel, free = round(min(0.48 * canvas_width, 0.8 * canvas_height)), canvas_width - w
        x = free if free < panel else (free + panel) // 2
        return cls(canvas_width, canvas_height, (x, (canvas_height - h) // 2, w, h), panel)


def draw(image: Image | None, pose: Pose | None, board: Board, size: tuple[int, int]) -> Image:
    """A new picture with everything on it.

    image: uint8 (H, W, 3) BGR, or None for a keypoint sequence, which has none; it is not changed.
    size: (width, height) px of the frame that `pose` belongs to.
    """
    layout = Layout.of(*size)
    canvas = _canvas(image, layout)
    if pose is not None:
        draw_pose(canvas, pose, layout, size)
    _darken_panel(canvas, layout)
    _draw_board(canvas, board, layout)
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
        image = np.asarray(cv2.resize(image, (w, h), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
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
    edge = round(0.6 * layout.panel)
    dark, fading = canvas[:, :edge], canvas[:, edge : layout.panel]
    cv2.convertScaleAbs(dark, dark, _DARK)
    cv2.multiply(fading, _fade(layout.height, layout.panel - edge), fading, 1 / 255)


@lru_cache(maxsize=4)
def _fade(height: int, width: int) -> Image:
    """What a picture is multiplied with to become lighter from left to right."""
    x = np.linspace(0, 1, width)
    keep = _DARK + (1 - _DARK) * x * x * (3 - 2 * x)
    return np.broadcast_to((keep * 255).astype(np.uint8)[None, :, None], (height, width, 3)).copy()


def draw_pose(canvas: Image, pose: Pose, layout: Layout, size: tuple[int, int]) -> None:
    """Draw the skeleton. size: (width, height) px of the frame that `pose` belongs to."""
    x, y, w, _ = layout.video
    points = (pose.keypoints[:, :2] * (w / size[0]) + (x, y)).round().astype(int).tolist()
    seen = (pose.keypoints[:, 2] >= SEEN).tolist()
    unit = max(2, round(layout.height / 140))
    lines = [(points[a], points[b], limb_color(a, b)) for a, b in BODY if seen[a] and seen[b]]
    for a, b, _color in lines:
        cv2.line(canvas, a, b, INK, unit + 4, cv2.LINE_AA)
    for a, b, color in lines:
        cv2.line(canvas, a, b, color, unit, cv2.LINE_AA)
    for joint in range(len(sk.FACE), sk.COUNT):
        if seen[joint]:
            cv2.circle(canvas, points[joint], unit + 2, INK, -1, cv2.LINE_AA)
            cv2.circle(canvas, points[joint], unit, WHITE, -1, cv2.LINE_AA)


def limb_color(a: int, b: int) -> Color:
    """The left side of the body orange, the right one blue, what joins them white."""
    left = (a in _LEFT) + (b in _LEFT)
    return (SKY, WHITE, ORANGE)[left]


def _draw_board(canvas: Image, board: Board, layout: Layout) -> None:
    unit = layout.height / 100
    margin = round(4 * unit)
    inside = layout.panel - 2 * margin
    size = DIGIT_SHARE / CAP * layout.height
    color = TONES[board.tone][1] if board.flash and board.tone in ("good", "hold") else WHITE
    draw_text(canvas, board.title, (margin, round(13.5 * unit)), 9.5 * unit, WHITE, BOLD, fit=inside + margin)
    least = LEAST_DIGIT_SHARE / CAP * layout.height
    draw_number(canvas, board.number, (margin, round(57 * unit)), size, color, fit=inside, least=least)
    draw_text(canvas, board.unit, (margin, round(66 * unit)), 6.5 * unit, SOFT, MEDIUM, fit=inside)
    if board.progress is not None:
        height, at, length = round(2.6 * unit), (margin, round(72 * unit)), round(0.86 * inside)
        draw_bar(canvas, at, (length, height), board.progress, TONES[board.tone][1], TRACK)
        # The turning point is in the middle: the first half is the way there, the second the way back.
        middle = at[0] + length // 2
        cv2.line(canvas, (middle, at[1]), (middle, at[1] + height), WHITE, max(2, round(unit / 3)))
    _draw_totals(canvas, board, layout, unit, margin)
    _draw_state(canvas, board, layout, unit, margin)


def _draw_totals(canvas: Image, board: Board, layout: Layout, unit: float, margin: int) -> None:
    """The other exercises, one dark tag each, down the right side."""
    size, y = 4.2 * unit, 4 * unit
    for name, count in board.totals[:6]:
        width = text_width(name + "  ", size) + text_width(count, size, BOLD)
        x = layout.width - margin - width
        middle = round(y + 3 * unit)
        cv2.line(canvas, (x, middle), (layout.width - margin, middle), INK, round(6 * unit), cv2.LINE_AA)
        baseline = round(y + 3 * unit + size * CAP / 2)
        end = draw_text(canvas, name + "  ", (x, baseline), size, SOFT)
        draw_text(canvas, count, (end, baseline), size, WHITE, BOLD)
        y += 7.4 * unit


def _draw_state(canvas: Image, board: Board, layout: Layout, unit: float, margin: int) -> None:
    """The bar at the bottom: the state, what to do about it, and the time."""
    ground, ink = TONES[board.tone]
    urgent = board.tone in ("warn", "alarm")
    strip = canvas[round(86.5 * unit) :]
    if urgent:
        cv2.rectangle(strip, (0, 0), strip.shape[1::-1], ground, -1)
    else:  # feet are often down here: let them be seen
        cv2.convertScaleAbs(strip, strip, 0.3)
    baseline = round(95.8 * unit)
    right = layout.width - margin - text_width(board.elapsed, 5 * unit)
    draw_text(canvas, board.elapsed, (right, baseline), 5 * unit, ink if urgent else SOFT)
    end = draw_text(canvas, board.headline, (margin, baseline), 7.4 * unit, ink, BOLD, fit=(right - margin) // 2)
    end += round(2.5 * unit)
    draw_text(canvas, board.advice, (end, baseline), 5 * unit, ink if urgent else WHITE, REGULAR,
              fit=right - end - margin)  # fmt: skip
