"""Videos are read frame by frame with nothing skipped, and a bad file gives one clear line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from keypoints.errors import SourceError
from keypoints.video import FALLBACK_FPS, Video, plausible_fps


def write(path: Path, frames: int = 40, size: tuple[int, int] = (64, 48), fps: float = 25, codec: str = "mp4v") -> Path:
    """A real video; frame i is grey of brightness 6 i."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), fps, size)
    assert writer.isOpened()
    for i in range(frames):
        writer.write(np.full((size[1], size[0], 3), 6 * i, np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "mp4v"), ("a.avi", "MJPG"), ("a.webm", "VP80"), ("a.mkv", "mp4v"), ("a.mov", "png ")]
)
def test_every_frame_comes_once_and_in_order(tmp_path: Path, name: str, codec: str) -> None:
    with Video(write(tmp_path / name, codec=codec)) as video:
        frames = list(video)
        assert video.size == (64, 48)
        assert video.notice is None
    assert [frame.index for frame in frames] == list(range(40))
    brightness = [float(frame.image.mean()) for frame in frames]
    np.testing.assert_allclose(brightness, 6 * np.arange(40), atol=5)
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(40) / 25, atol=2e-3)


def test_frames_are_bgr_and_the_consumer_s_own(tmp_path: Path) -> None:
    frames = list(Video(write(tmp_path / "a.mp4", frames=3)))
    assert all(f.image.shape == (48, 64, 3) and f.image.dtype == np.uint8 for f in frames)
    frames[0].image[:] = 255
    assert frames[1].image.mean() < 50


@pytest.mark.parametrize("fps", [10, 15, 29.97, 60])
def test_times_follow_the_frame_rate(tmp_path: Path, fps: float) -> None:
    times = [f.time_s for f in Video(write(tmp_path / "a.mp4", frames=20, fps=fps))]
    np.testing.assert_allclose(times, np.arange(20) / fps, atol=2e-3)


class Scripted:
    """A capture whose container gives the times that it is told to."""

    def __init__(self, positions_ms: list[float], fps: float = 10.0, count: float = -1) -> None:
        self.positions_ms, self.fps, self.count = positions_ms, fps, count
        self.at = -1

    def isOpened(self) -> bool:  # noqa: N802, OpenCV's name
        return True

    def read(self) -> tuple[bool, Any]:
        self.at += 1
        return self.at < len(self.positions_ms), np.zeros((4, 4, 3), np.uint8)

    def get(self, what: int) -> float:
        values = {cv2.CAP_PROP_FPS: self.fps, cv2.CAP_PROP_FRAME_COUNT: self.count}
        return values.get(what, self.positions_ms[min(self.at, len(self.positions_ms) - 1)])

    def release(self) -> None: ...


@pytest.mark.parametrize(
    ("given_ms", "expected_s"),
    [
        ([0, 0, 0, 0], [0, 0.1, 0.2, 0.3]),
        ([0, 40, 40, 200], [0, 0.04, 0.14, 0.2]),
        ([0, 100, 50, 300], [0, 0.1, 0.2, 0.3]),
        ([float("nan"), 100, float("nan"), 300], [0, 0.1, 0.2, 0.3]),
        ([-80, -40, 0, 40], [0, 0.1, 0.2, 0.3]),
        ([0, 33, 500, 533], [0, 0.033, 0.5, 0.533]),
    ],
)
def test_times_that_do_not_increase_are_repaired(given_ms: list[float], expected_s: list[float]) -> None:
    times = [f.time_s for f in Video("scripted", Scripted(given_ms))]  # type: ignore[arg-type]
    np.testing.assert_allclose(times, expected_s)
    assert (np.diff(times) > 0).all()


@pytest.mark.parametrize(
    ("fps", "expected"), [(25, 25), (0, FALLBACK_FPS), (-1, FALLBACK_FPS), (90000, FALLBACK_FPS), (float("nan"), 25)]
)
def test_an_impossible_frame_rate_is_replaced(fps: float, expected: float) -> None:
    assert plausible_fps(fps) == expected


@pytest.mark.parametrize(("name", "codec", "kept"), [("a.avi", "MJPG", 0.5), ("a.webm", "VP80", 0.6)])
def test_a_truncated_video_gives_what_it_has_and_then_says_so(
    tmp_path: Path, name: str, codec: str, kept: float
) -> None:
    path = write(tmp_path / name, size=(320, 240), codec=codec)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    video = Video(path)
    frames = list(video)
    assert 5 < len(frames) < 38
    assert video.notice is not None
    assert f"{len(frames)} of 40 frames" in video.notice
    assert "\n" not in video.notice


@pytest.mark.parametrize(
    ("frames", "promised", "said"), [(40, 40, False), (39, 40, False), (38, 40, False), (30, 40, True), (3, 4, False)]
)
def test_a_frame_or_two_short_is_no_damage(frames: int, promised: int, said: bool) -> None:
    video = Video("scripted", Scripted([100.0 * i for i in range(frames)], count=promised))  # type: ignore[arg-type]
    list(video)
    assert (video.notice is not None) is said


def text(path: Path) -> None:
    path.write_text("this is no video\n" * 50)


def cut(path: Path) -> None:
    content = write(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.mkdir(), "folder"),
        (text, "not a video"),
        (cut, "cut off"),
    ],
    ids=["missing", "empty", "folder", "text", "cut off before its index"],
)
def test_a_file_that_is_no_video_gives_one_clear_line(
    tmp_path: Path, make: Callable[[Path], object], says: str
) -> None:
    path = tmp_path / "bad.mp4"
    make(path)
    with pytest.raises(SourceError, match=says) as caught:
        Video(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_opencv_and_ffmpeg_keep_silent_about_a_bad_file(tmp_path: Path) -> None:
    cut(tmp_path / "bad.mp4")
    program = "import sys\nfrom keypoints.video import Video\ntry: Video(sys.argv[1])\nexcept Exception: pass\n"
    # A fresh process: FFmpeg takes its log level once, when it is first used.
    command = [sys.executable, "-c", program, str(tmp_path / "bad.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("size", [(1, 1), (7680, 4320)], ids=["1x1", "8K"])
def test_the_smallest_and_the_largest_pictures_are_read(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.full((size[1], size[0], 3), 77, np.uint8))
    (frame,) = Video(path)
    assert frame.image.shape == (size[1], size[0], 3)
    assert frame.image[0, 0].tolist() == [77, 77, 77]


def test_a_closed_video_gives_no_more_frames(tmp_path: Path) -> None:
    video = Video(write(tmp_path / "a.mp4"))
    frames = iter(video)
    next(frames)
    video.close()
    assert list(frames) == []
