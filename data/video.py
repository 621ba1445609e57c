"""Writing video files: H.264 through PyAV where it is installed, else MPEG-4 through OpenCV."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from keypoints.errors import InputError

log = logging.getLogger(__name__)


def write_video(
    path: Path, frames: Iterable[NDArray[np.uint8]], fps: float, size: tuple[int, int], crf: int = 26
) -> str:
    """Write BGR frames (H, W, 3) of `size` (width, height) to an .mp4; returns the codec's name.

    crf: x264's quality, lower is better and larger. Raises InputError when the file can't be written.
    """
    try:
        import av
    except ImportError:
        log.info("PyAV is not installed: %s becomes MPEG-4, larger than H.264", path)
        return _with_opencv(path, frames, fps, size)
    try:
        with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
            stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            stream.options = {"crf": str(crf), "preset": "slow"}
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "bgr24")))
            container.mux(stream.encode())
    except OSError as error:
        raise InputError(f"can't be written: {error}", file=path) from None
    return "h264"


def _with_opencv(path: Path, frames: Iterable[NDArray[np.uint8]], fps: float, size: tuple[int, int]) -> str:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
    if not writer.isOpened():
        raise InputError("can't be written", file=path, hint="does the folder exist, and is it yours?")
    try:
        for frame in frames:
            writer.write(frame)
    finally:
        writer.release()
    return "mpeg4"
