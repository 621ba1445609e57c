"""`--save`: the drawn pictures as a video file with the time of the source."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.report import check_writable
from keypoints.errors import InputError
from keypoints.video import FALLBACK_FPS, plausible_fps, quiet

#: Writing ends while this much of the disk is free, so that the file can still be completed: FFmpeg does not
#: tell OpenCV of a full disk.
RESERVE_BYTES: Final = 32 * 2**20
_CHECK_EVERY: Final = 50


class VideoSaver:
    """Writes pictures to an MP4 at a constant rate. A context manager.

    A picture is repeated or left out where the source is slower or faster than the rate, so that the video's time
    is the source's. trouble: why nothing more is written, in one line, or None.
    """

    def __init__(self, path: Path, fps: float | None) -> None:
        """Raises InputError when `path` is no .mp4 or can't be written. fps: of the source, if known."""
        check_save_path(path)
        quiet()
        self.path = path
        self.trouble: str | None = None
        self._fps = plausible_fps(fps) if fps else FALLBACK_FPS
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, picture: NDArray[np.uint8], time_s: float) -> None:
        """The picture of this moment, uint8 (H, W, 3) BGR; the first one decides the size."""
        if self.trouble is not None:
            return
        if self._writer is None:
            self._size = (picture.shape[1], picture.shape[0])
            self._writer = cv2.VideoWriter(
                str(self.path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), self._fps, self._size
            )
            if not self._writer.isOpened():
                self._fail("the video can't be written")
                return
        if picture.shape[1::-1] != self._size:
            picture = np.asarray(cv2.resize(picture, self._size), dtype=np.uint8)
        while self._written <= time_s * self._fps + 0.5:
            if self._written % _CHECK_EVERY == 0 and shutil.disk_usage(self.path.parent).free < RESERVE_BYTES:
                self._fail("the disk is full: the video ends here")
                return
            self._writer.write(picture)
            self._written += 1

    def close(self) -> None:
        """Complete the file."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None

    def _fail(self, what: str) -> None:
        self.close()
        self.trouble = f"{self.path}: {what}; counting goes on"


def check_save_path(path: Path) -> None:
    """Raise InputError when no video can be written to `path`."""
    if path.suffix.lower() != ".mp4":
        raise InputError("another kind of video", file=path, field="--save", expected=".mp4",
                         found=path.suffix or "no suffix")  # fmt: skip
    check_writable(path, "--save")
