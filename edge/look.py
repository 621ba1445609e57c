"""The colours of every screen: a palette that people with any colour vision can tell apart; words say the same.

After Okabe and Ito, "Color Universal Design" (2008); green and vermillion are brighter, for they stand beside black.
"""

from __future__ import annotations

from typing import Final

from edge.words import Tone

Color = tuple[int, int, int]  # BGR

WHITE: Final[Color] = (255, 255, 255)
SOFT: Final[Color] = (205, 205, 205)
INK: Final[Color] = (24, 20, 18)
TRACK: Final[Color] = (88, 80, 76)
ORANGE: Final[Color] = (0, 159, 230)
SKY: Final[Color] = (233, 180, 86)
GREEN: Final[Color] = (140, 200, 40)
YELLOW: Final[Color] = (66, 228, 240)
VERMILLION: Final[Color] = (40, 110, 235)

#: Ground of the state, and colour of the words on it: what the user must act upon fills a bar.
TONES: Final[dict[Tone, tuple[Color, Color]]] = {
    "good": (INK, GREEN),
    "hold": (INK, ORANGE),
    "calm": (INK, SKY),
    "warn": (YELLOW, INK),
    "alarm": (VERMILLION, INK),
}


def urgent(tone: Tone) -> bool:
    """Whether the user must act upon it."""
    return TONES[tone][0] != INK


def accent(tone: Tone) -> Color:
    """The one colour of a tone."""
    return TONES[tone][0] if urgent(tone) else TONES[tone][1]


def hexadecimal(color: Color) -> str:
    """`#28c88c`, as terminals and web pages write it."""
    blue, green, red = color
    return f"#{red:02x}{green:02x}{blue:02x}"
