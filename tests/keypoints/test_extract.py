"""Stage 1 over a file gives what the edge runner sees, is kept, and is made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from classifier.head import SHIPPED as SHIPPED_HEAD
from classifier.head import OnnxHead
from classifier.reader import ActionReader
from edge.pipeline import Pipeline
from keypoints.errors import SourceError
from keypoints.estimator import PoseEstimator, create
from keypoints.extract import extract, extract_all, subject_of
from keypoints.video import Video
from keypoints.yolo import SHIPPED

DEMO = Path(__file__).parents[2] / "edge" / "demo.mp4"
FRAMES = 6


@pytest.fixture(scope="module")
def estimator() -> Iterator[PoseEstimator]:
    opened = create(SHIPPED, threads=1)
    yield opened
    opened.close()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """The first frames of the demo clip, and an empty room after them."""
    path = tmp_path / "clip.avi"
    with Video(DEMO) as demo:
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 10, demo.size)
        for _, frame in zip(range(FRAMES), demo, strict=False):
            writer.write(frame.image)
        for _ in range(3):
            writer.write(np.zeros_like(frame.image))
    writer.release()
    return path


def test_the_keypoints_are_those_that_the_edge_runner_sees(video: Path, estimator: PoseEstimator) -> None:
    made = extract(video, estimator)
    pipeline = Pipeline(estimator, ActionReader(OnnxHead(SHIPPED_HEAD)))
    with Video(video) as frames:
        readings = [pipeline.read(frame) for frame in frames]
    assert [reading.time_s for reading in readings] == made.time_s.tolist()
    for keypoints, reading in zip(made.keypoints, readings, strict=True):
        assert np.array_equal(keypoints, reading.pose.keypoints if reading.pose else np.zeros((17, 3)))
    assert made.keypoints[:FRAMES].any((1, 2)).all()
    assert not made.keypoints[FRAMES:].any(), "a frame with nobody is all zeros"
    assert made.source == "clip.avi"


def test_what_was_extracted_is_kept_by_content_and_not_made_again(
    video: Path, estimator: PoseEstimator, tmp_path: Path
) -> None:
    made = extract(video, estimator, tmp_path / "kept")
    (kept,) = (tmp_path / "kept").iterdir()
    with np.load(kept) as content:
        fields = dict(content)
    fields["keypoints"][0, 0] = [1, 2, 0.5]  # to tell the kept one from one made anew
    np.savez(kept, **fields)
    moved = video.rename(tmp_path / "moved.avi")
    again = extract(moved, estimator, tmp_path / "kept")
    assert again.keypoints[0, 0].tolist() == [1, 2, 0.5] and again.source == "moved.avi"
    kept.write_bytes(kept.read_bytes()[:100])
    assert np.array_equal(extract(moved, estimator, tmp_path / "kept").keypoints, made.keypoints)
    moved.write_bytes(moved.read_bytes() + b"\0")
    extract(moved, estimator, tmp_path / "kept")
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_a_video_that_can_not_be_read_stops_no_other(video: Path, estimator: PoseEstimator, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    told: list[str] = []
    cache = tmp_path / "kept"
    found = list(extract_all([tmp_path / "text.mp4", video, tmp_path / "gone.mp4"], estimator, cache, told.append))
    assert [path for path, _ in found] == [video]
    assert [line.split(": ", 1)[1].split(" (")[0] for line in told] == ["not a video that can be read", "no such file"]


def test_no_frames_are_an_error(estimator: PoseEstimator) -> None:
    with pytest.raises(SourceError, match="no frames"):
        subject_of([], estimator)
