"""`--save` writes a video whose time is the source's."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edge.save import VideoSaver
from keypoints.errors import InputError
from keypoints.video import Video


def picture(value: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    return np.full((size[1], size[0], 3), value, np.uint8)


def test_each_frame_of_a_steady_source_is_written_once(tmp_path: Path) -> None:
    with VideoSaver(tmp_path / "out.mp4", fps=20) as saver:
        for i in range(30):
            saver.add(picture(8 * i), i / 20)
    frames = list(Video(tmp_path / "out.mp4"))
    assert len(frames) == 30
    np.testing.assert_allclose([f.image.mean() for f in frames], 8 * np.arange(30), atol=6)
    assert saver.trouble is None


def test_the_time_of_an_unsteady_source_is_kept(tmp_path: Path) -> None:
    times = np.cumsum([0, 0.1, 0.5, 0.01, 0.01, 0.4, 1.0])
    with VideoSaver(tmp_path / "out.mp4", fps=None) as saver:
        for time_s in times:
            saver.add(picture(100), float(time_s))
    with Video(tmp_path / "out.mp4") as video:
        assert len(list(video)) / video.fps == pytest.approx(times[-1], abs=0.1)


def test_a_picture_of_another_size_is_fitted(tmp_path: Path) -> None:
    with VideoSaver(tmp_path / "out.mp4", fps=25) as saver:
        saver.add(picture(10), 0.0)
        saver.add(picture(200, (128, 96)), 0.04)
    assert [f.image.shape for f in Video(tmp_path / "out.mp4")] == [(48, 64, 3)] * 2


@pytest.mark.parametrize("bad", ["out.txt", "out", "missing/out.mp4"])
def test_a_place_that_takes_no_video_is_told_before_the_start(tmp_path: Path, bad: str) -> None:
    with pytest.raises(InputError, match="--save"):
        VideoSaver(tmp_path / bad, 25)


def test_a_disk_that_fills_up_ends_the_video_and_leaves_it_playable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([10**9, 10**9, 0])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=next(free)))
    with VideoSaver(tmp_path / "out.mp4", fps=25) as saver:
        for i in range(200):
            saver.add(picture(i), i / 25)
    assert saver.trouble is not None
    assert "disk is full" in saver.trouble
    assert len(list(Video(tmp_path / "out.mp4"))) == 100
