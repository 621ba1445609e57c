"""Pieces of the demo clip as files: a video that browsers play, one that they don't, and a film for a fake camera."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edge.paint import Image

DEMO = Path(__file__).parents[3] / "edge/demo.mp4"

#: A person stands, and does two squats.
TWO_SQUATS = (2.9, 7.9)

#: Frames a second that Chromium takes a file of JPEGs to have.
CAMERA_FPS = 30


def frames(start_s: float, end_s: float, size: tuple[int, int] = (640, 360)) -> Iterator[tuple[float, Image]]:
    """The frames of the demo between these times, at times that begin with 0."""
    video = cv2.VideoCapture(str(DEMO))
    fps, index = video.get(cv2.CAP_PROP_FPS), 0
    while index / fps < end_s and video.grab():
        if index / fps >= start_s:
            yield index / fps - start_s, np.asarray(cv2.resize(video.retrieve()[1], size), dtype=np.uint8)
        index += 1
    video.release()


def write_video(path: Path, start_s: float, end_s: float, codec: str = "VP80") -> Path:
    """A video of them at 25 frames a second. VP80 in .webm plays in browsers, mp4v in .mp4 does not."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), 25.0, (640, 360))
    assert writer.isOpened()
    for _, image in frames(start_s, end_s):
        writer.write(image)
    writer.release()
    return path


def write_camera(path: Path, start_s: float, end_s: float) -> Path:
    """JPEGs one after the other, which a fake camera shows at their own speed, again and again."""
    with path.open("wb") as file:
        shown = 0
        for time_s, image in frames(start_s, end_s):
            jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
            while shown / CAMERA_FPS <= time_s:
                file.write(jpeg)
                shown += 1
    return path
