"""Colours that people with any colour vision can tell apart, and text that stands out from what is behind it."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from edge.look import INK, ORANGE, SKY, SOFT, TONES, TRACK, WHITE, Color, accent, hexadecimal, urgent
from keypoints.types import FloatArray

#: How much red, green and blue, linear, remain: Machado, Oliveira and Fernandes, "A Physiologically-based Model for
#: Simulation of Color Vision Deficiency" (2009), severity 1.0.
VISIONS = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
}  # fmt: skip


def linear(color: Color, vision: str) -> FloatArray:
    """Linear red, green and blue (3,), 0-1, as they are seen. The curve is sRGB's (IEC 61966-2-1)."""
    share = np.array(color[::-1]) / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.clip(np.asarray(VISIONS[vision]) @ light, 0, 1), np.float32)


def contrast(one: Color, other: Color, vision: str) -> float:
    """WCAG 2.2's contrast ratio, 1-21."""
    low, high = sorted(float(linear(color, vision) @ (0.2126, 0.7152, 0.0722)) for color in (one, other))
    return (high + 0.05) / (low + 0.05)


def difference(one: Color, other: Color, vision: str) -> float:
    """CIE 1976 distance; 2.3 is just noticed."""
    lights = np.stack([linear(one, vision), linear(other, vision)])
    shares = np.where(lights <= 0.0031308, 12.92 * lights, 1.055 * lights ** (1 / 2.4) - 0.055).astype(np.float32)
    lab = cv2.cvtColor(shares[None], cv2.COLOR_RGB2Lab)[0]
    return float(np.linalg.norm(lab[0] - lab[1]))


@pytest.mark.parametrize("vision", VISIONS)
def test_words_stand_out_from_their_ground(vision: str) -> None:
    pairs = [*TONES.values(), (INK, WHITE), (INK, SOFT)]
    assert min(contrast(ground, ink, vision) for ground, ink in pairs) >= 4.5, "WCAG's level AA for text"
    assert min(contrast(TRACK, accent(tone), vision) for tone in TONES if not urgent(tone)) >= 3, "for a bar"


@pytest.mark.parametrize("vision", VISIONS)
def test_what_means_different_things_looks_different(vision: str) -> None:
    for kind in (True, False):
        tones = [accent(tone) for tone in TONES if urgent(tone) is kind]
        assert min(difference(*pair, vision) for pair in itertools.combinations(tones, 2)) >= 20
    assert difference(ORANGE, SKY, vision) >= 50, "the left and the right side of the body"


@pytest.mark.parametrize(("color", "text"), [((0, 0, 255), "#ff0000"), ((140, 200, 40), "#28c88c")])
def test_a_colour_is_written_as_pages_and_terminals_do(color: Color, text: str) -> None:
    assert hexadecimal(color) == text
