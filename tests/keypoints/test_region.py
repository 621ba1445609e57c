"""Parts of a picture: where they lie, and that a pose model reads one as it reads a picture of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from configs.schema import Follow
from keypoints.estimator import Image
from keypoints.extract import subject_of
from keypoints.region import Region, around, fitting, scale, tiles
from keypoints.types import Frame
from keypoints.video import Video
from keypoints.yolo import SHIPPED, YoloPose

SIZE = (1280, 720)


@pytest.mark.parametrize("size", [(1280, 720), (270, 480), (3840, 2160), (64, 48), (1, 1)])
@pytest.mark.parametrize("input_size", [(256, 256), (192, 320)])
def test_a_region_lies_in_the_picture_and_holds_the_box(size: tuple[int, int], input_size: tuple[int, int]) -> None:
    random = np.random.default_rng(5)
    for _ in range(50):
        corners = np.sort(random.uniform(-0.2, 1.2, (2, 2)) * size, axis=0)
        box = corners.ravel().astype(np.float32)
        region = around(box, random.uniform(0, 0.3) * max(size), size, input_size)
        assert 0 <= region.left < region.right <= size[0] and 0 <= region.top < region.bottom <= size[1]
        inside = np.clip(box, 0, np.tile(size, 2))
        if (inside[2:] - inside[:2] > 1).all():
            assert region.left <= inside[0] + 1 and region.right >= inside[2] - 1
            assert region.top <= inside[1] + 1 and region.bottom >= inside[3] - 1


WIDTHS = (128, 160, 192, 224)


@pytest.mark.parametrize("size", [(1280, 720), (270, 480), (3840, 2160), (64, 48)])
def test_a_narrower_input_shows_the_same_box_as_large_and_is_filled(size: tuple[int, int]) -> None:
    random = np.random.default_rng(6)
    for _ in range(200):
        box = np.sort(random.uniform(-0.2, 1.2, (2, 2)) * size, axis=0).ravel()
        margin = random.uniform(0, 0.3) * max(size)
        square, narrow = around(box, margin, size, (256, 256)), around(box, margin, size, (256, 256), WIDTHS)
        height, width = fitting(narrow.size, (256, 256), WIDTHS)
        assert height == 256 and width in (*WIDTHS, 256)
        if width == 256:
            assert narrow.size == square.size
        enlarged = scale(narrow, (256, 256))
        assert enlarged == pytest.approx(scale(square, (256, 256)), rel=0.02, abs=0.1)
        assert round(narrow.size[0] * enlarged) <= width
        if width < 256:
            assert narrow.size[0] == size[0] or narrow.size[0] * enlarged > width - 1 - enlarged


@pytest.mark.parametrize(
    ("size", "expected"),
    [((100, 300), 128), ((150, 300), 128), ((151, 300), 160), ((280, 300), 256), ((300, 300), 256), ((300, 100), 256)],
)
def test_the_input_is_no_wider_than_it_must_be(size: tuple[int, int], expected: int) -> None:
    assert fitting(size, (256, 256), WIDTHS) == (256, expected)
    assert fitting(size, (256, 256)) == (256, 256), "without other widths there is one input"


def test_every_place_lies_whole_in_a_tile() -> None:
    found = tiles(SIZE, (360, 360), overlap=120)
    assert found[0] == (460, 180, 820, 540), "the middle first"
    for x, y in np.random.default_rng(1).uniform((0, 0), (1160, 600), (200, 2)):
        assert any(t.left <= x and t.top <= y and x + 120 <= t.right and y + 120 <= t.bottom for t in found)


@pytest.fixture(scope="module")
def model() -> Iterator[YoloPose]:
    opened = YoloPose(SHIPPED, threads=1)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def demo(root: Path) -> list[Frame]:
    with Video(root / "edge" / "demo.mp4") as video:
        return [frame for _, frame in zip(range(24), video, strict=False)]


def test_a_region_of_a_picture_is_read_as_a_picture_of_its_own(model: YoloPose, demo: list[Frame]) -> None:
    image, region = demo[0].image, Region(300, 40, 900, 700)
    there = model.estimate(image, region)
    copied = model.estimate(image[40:700, 300:900].copy())
    assert len(there) == len(copied) > 0
    for one, other in zip(there, copied, strict=True):
        seen = other.keypoints[:, 2] > 0
        np.testing.assert_allclose(one.box, other.box + [300, 40, 300, 40], atol=1e-3)
        moved = one.keypoints[seen] - other.keypoints[seen]
        np.testing.assert_allclose(moved, np.tile([300, 40, 0], (seen.sum(), 1)), atol=1e-3)
        assert not one.keypoints[~seen].any()


def test_a_person_who_fills_the_picture_gets_the_same_keypoints_to_the_bit(model: YoloPose, demo: list[Frame]) -> None:
    (found,) = model.estimate(demo[0].image)[:1]
    left, top, right, bottom = (int(v) for v in found.box + [-10, -10, 10, 10])
    near = (slice(max(top, 0), bottom), slice(max(left, 0), right))
    frames = [Frame(np.ascontiguousarray(f.image[near]), f.time_s, f.index) for f in demo[::3]]
    assert np.array_equal(
        subject_of(frames, model).keypoints, subject_of(frames, model, Follow(enabled=False)).keypoints
    )


def test_a_crop_gives_the_keypoints_of_the_whole_picture_at_the_same_resolution(
    model: YoloPose, demo: list[Frame]
) -> None:
    """The person somewhere in a larger picture: in the crop they are as large in the input as they were whole."""
    for frame in (demo[0], demo[-1]):
        picture = frame.image
        width = picture.shape[1]
        x, y = 123, 657
        far = cv2.copyMakeBorder(picture, y, width, x, width, cv2.BORDER_REPLICATE)
        alone = model.estimate(picture)[0]
        top = y - (width - picture.shape[0]) // 2  # real pixels take the place of the grey borders
        crop = model.estimate(far, Region(x, top, x + width, top + width))[0]
        torso = np.linalg.norm(alone.keypoints[[5, 6], :2].mean(0) - alone.keypoints[[11, 12], :2].mean(0))
        both = (alone.keypoints[:, 2] > 0.5) & (crop.keypoints[:, 2] > 0.5)
        apart = np.linalg.norm(crop.keypoints[both, :2] - [x, y] - alone.keypoints[both, :2], axis=1) / torso
        assert both.sum() >= 8
        assert np.median(apart) < 0.02


def test_no_full_picture_is_copied_for_a_crop(model: YoloPose, monkeypatch: pytest.MonkeyPatch) -> None:
    image, given, resize = np.zeros((720, 1280, 3), np.uint8), [], cv2.resize

    def watched(picture: Image, *arguments: Any, **options: Any) -> Image:
        given.append(picture)
        return np.asarray(resize(picture, *arguments, **options), np.uint8)

    monkeypatch.setattr(cv2, "resize", watched)
    model.prepare(image, Region(10, 20, 410, 420))
    assert np.shares_memory(given[0], image) and given[0].shape == (400, 400, 3)
