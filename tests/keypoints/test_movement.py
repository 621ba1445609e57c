"""What moves by itself in pictures of one camera."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from keypoints.movement import Movement

Picture = NDArray[np.uint8]

#: Length of the smallest who are looked for, in pictures of 720 lines.
LEAST = 90


def scene(*people: tuple[int, int], shift: int = 0, grey: bool = False) -> Picture:
    """A room with a pattern, moved by `shift` px as by its camera, and people of 30 x 90 px with these middles."""
    pattern = (np.add.outer(np.arange(720) // 40, (np.arange(1280) + shift) // 40) % 2 * 120).astype(np.uint8)
    picture = pattern if grey else np.repeat(pattern[..., None], 3, axis=2)
    for x, y in people:
        picture[y - 45 : y + 45, x - 15 : x + 15] = 230
    return picture


def answer(before: Picture, after: Picture, seconds: float = 0.1) -> tuple[int, int] | None:
    movement = Movement()
    assert movement.where(before, 0, LEAST) is None, "one picture tells of no movement"
    return movement.where(after, seconds, LEAST)


@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize(("x", "y"), [(640, 360), (30, 60), (1240, 660)])
def test_who_moves_is_found_wherever_they_are(x: int, y: int, grey: bool) -> None:
    found = answer(scene((x, y), grey=grey), scene((x + 8, y), grey=grey))
    assert found is not None
    assert abs(found[0] - x) < 45 and abs(found[1] - y) < 45


def test_what_stands_still_does_not_move() -> None:
    assert answer(scene((300, 300)), scene((300, 300))) is None


def test_a_camera_that_moves_tells_nothing() -> None:
    assert answer(scene((300, 300)), scene((308, 300), shift=20)) is None


def test_noise_is_no_movement() -> None:
    draws = np.random.default_rng(1)
    noise = draws.normal(0, 3, (2, 720, 1280, 3))
    first, second = (np.clip(scene((300, 300)) + part, 0, 255).astype(np.uint8) for part in noise)
    assert answer(first, second) is None


def test_of_many_far_apart_none_moves_alone_but_one_beside_something_small_does() -> None:
    before, after = (scene(*((x + shift, 300) for x in (200, 600, 1000))) for shift in (0, 10))
    assert answer(before, after) is None
    leaf = scene((200, 300))
    leaf[600:620, 1000:1020] = 255
    found = answer(scene((200, 300)), np.where(leaf == 255, leaf, scene((210, 300))))
    assert found is not None and abs(found[0] - 200) < 45


def test_too_soon_is_no_answer_and_what_was_before_still_counts() -> None:
    movement = Movement()
    movement.where(scene((300, 300)), 0, LEAST)
    assert movement.where(scene((310, 300)), 0.01, LEAST) is None
    assert movement.where(scene((310, 300)), 0.1, LEAST) is not None


def test_pictures_of_another_size_and_forgotten_ones_are_not_compared() -> None:
    movement = Movement()
    movement.where(scene((300, 300)), 0, LEAST)
    assert movement.where(scene((310, 300))[:500], 0.1, LEAST) is None
    movement.forget()
    assert movement.where(scene((320, 300))[:500], 0.2, LEAST) is None
