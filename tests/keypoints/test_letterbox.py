"""Any picture fits a model's input, and points find their way back."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from keypoints.errors import InputError
from keypoints.letterbox import BORDER, Letterbox, to_bgr

SIZES = [(1, 1), (1, 500), (720, 1280), (480, 270), (4320, 7680), (64, 64), (3, 2)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("target", [(64, 64), (96, 160)])
def test_points_come_back_to_where_they_were(size: tuple[int, int], target: tuple[int, int]) -> None:
    height, width = size
    boxed = Letterbox(*target)(np.zeros((height, width, 3), np.uint8))
    assert boxed.tensor.shape == (1, 3, *target)
    assert boxed.size == (width, height)
    corners = np.array([[0, 0], [width, height], [width / 3, height / 2]], np.float32)
    there = corners * boxed.scale + boxed.offset
    assert (there >= 0).all() and (there <= target[::-1]).all()
    np.testing.assert_allclose(boxed.to_picture(there.astype(np.float32)), corners, rtol=1e-4, atol=1e-2)


def test_the_aspect_ratio_is_kept_and_the_rest_is_grey() -> None:
    tensor = Letterbox(64, 64)(np.full((32, 64, 3), 255, np.uint8)).tensor[0]
    assert (tensor[:, 16:48] == 1).all()
    np.testing.assert_allclose(tensor[:, :16], BORDER / 255, rtol=1e-6)
    np.testing.assert_allclose(tensor[:, 48:], BORDER / 255, rtol=1e-6)


def test_blue_green_red_becomes_planes_of_red_green_blue() -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    image[:] = (255, 102, 51)
    planes = Letterbox(8, 8)(image).tensor[0, :, 0, 0]
    np.testing.assert_allclose(planes, [0.2, 0.4, 1.0], rtol=1e-6)


def test_a_picture_of_another_shape_leaves_nothing_of_the_one_before() -> None:
    letterbox = Letterbox(64, 64)
    letterbox(np.full((64, 64, 3), 255, np.uint8))
    wide = letterbox(np.zeros((16, 64, 3), np.uint8)).tensor.copy()
    np.testing.assert_array_equal(wide, Letterbox(64, 64)(np.zeros((16, 64, 3), np.uint8)).tensor)


def test_a_narrow_picture_gets_a_narrow_input_and_points_come_back() -> None:
    letterbox = Letterbox(64, 64, (32,))
    wide = letterbox(np.zeros((64, 40, 3), np.uint8)).tensor.shape
    boxed = letterbox(np.full((128, 60, 3), 255, np.uint8))
    assert (wide, boxed.tensor.shape) == ((1, 3, 64, 64), (1, 3, 64, 32))
    assert boxed.tensor.flags.c_contiguous
    assert (boxed.tensor[0, :, :, 1:31] == 1).all()
    np.testing.assert_allclose(boxed.tensor[0, :, :, [0, 31]], BORDER / 255, rtol=1e-6)
    np.testing.assert_allclose(boxed.to_picture(np.array([[1, 0], [31, 64]], np.float32)), [[0, 0], [60, 128]])


def test_the_buffer_is_used_again() -> None:
    letterbox = Letterbox(32, 32)
    image = np.zeros((32, 32, 3), np.uint8)
    assert letterbox(image).tensor is letterbox(image).tensor


def test_a_picture_of_another_shape_takes_no_memory_of_its_own() -> None:
    letterbox = Letterbox(256, 256, (128, 192))
    pictures = [np.zeros((height, width, 3), np.uint8) for height, width in ((300, 300), (300, 160), (120, 300))]
    letterbox(pictures[0])
    tracemalloc.start()
    try:
        for picture in pictures:
            letterbox(picture)
        assert tracemalloc.get_traced_memory()[1] < 100_000, "no more than numpy works with"
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4)])
def test_grey_and_transparent_pictures_become_bgr(shape: tuple[int, ...]) -> None:
    converted = to_bgr(np.full(shape, 9, np.uint8))
    assert converted.shape == (5, 7, 3)
    assert (converted == 9).all()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((5, 7, 2), np.uint8),
        np.zeros((5, 7, 3), np.float32),
        np.zeros(5, np.uint8),
        np.zeros((0, 7, 3), np.uint8),
        np.zeros((2, 5, 7, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(image: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"image: not a picture \(expected uint8 \(H, W, 3\), found"):
        to_bgr(image)
