"""Video files, frame by frame with nothing skipped."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from keypoints.errors import SourceError
from keypoints.letterbox import to_bgr
from keypoints.types import Frame

Image = NDArray[np.uint8]

#: What a file in a folder is taken for a video by.
SUFFIXES = (".avi", ".mp4", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")

#: Frames a second where a container does not say, or says what no camera does.
FALLBACK_FPS = 25.0
_PLAUSIBLE_FPS = (0.5, 480.0)


@cache
def quiet() -> None:
    """Keep OpenCV's and FFmpeg's own messages off stderr: what the user needs to know is said by our errors.

    Must run before FFmpeg is first used; OPENCV_LOG_LEVEL and OPENCV_FFMPEG_LOGLEVEL of the user win.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def plausible_fps(fps: float) -> float:
    """`fps` if a camera could have it, else FALLBACK_FPS."""
    low, high = _PLAUSIBLE_FPS
    return fps if math.isfinite(fps) and low <= fps <= high else FALLBACK_FPS


class Video:
    """The frames of a video file, or of a finite video behind a URL. A context manager and an iterator.

    name: of the file. size: (width, height) px. fps: by the container, repaired. frame_count: by the container,
    None when it does not say. notice: after the last frame, what was wrong with the file, in one line, or None.
    decode_ms: what the newest frame took to read and decode.
    """

    live = False

    def __init__(self, path: str | Path, capture: cv2.VideoCapture | None = None) -> None:
        """Open `path` and decode its first frame; `capture` is one that is already open.

        Raises SourceError when there is no such file, it is empty, or no frame of it can be read.
        """
        quiet()
        self.name = str(path)
        self.notice: str | None = None
        if capture is None:
            _check_file(Path(path))
            capture = cv2.VideoCapture(self.name, cv2.CAP_FFMPEG)
        self._capture = capture
        self._next = self._grab() if capture.isOpened() else None
        if self._next is None:
            capture.release()
            raise _unreadable(Path(path))
        height, width = self._next.shape[:2]
        self.size = (width, height)
        self.fps = plausible_fps(capture.get(cv2.CAP_PROP_FPS))
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.frame_count = int(count) if 0 < count < 2**40 else None
        self._position_ms = capture.get(cv2.CAP_PROP_POS_MSEC)
        self._index = 0
        self._time_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file. Iteration ends."""
        self._next = None
        self._capture.release()

    def __iter__(self) -> Iterator[Frame]:
        while self._next is not None:
            self._time_s = self._clock()
            frame = Frame(self._next, self._time_s, self._index)
            self._index += 1
            # Nothing is decoded ahead: the next frame is read when it is asked for, so its time can be measured.
            self._next = None
            yield frame
            self._next = self._grab()
            self._position_ms = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        self.notice = self.notice or self._ended_early()

    def _grab(self) -> Image | None:
        start = time.perf_counter()
        ok, image = self._capture.read()
        self.decode_ms = (time.perf_counter() - start) * 1000
        return to_bgr(image) if ok else None

    def _clock(self) -> float:
        """Seconds of the current frame: the container's, or one frame after the last where that does not increase."""
        time_s = self._position_ms / 1000
        if self._index == 0:
            return time_s if math.isfinite(time_s) and time_s > 0 else 0.0
        return time_s if math.isfinite(time_s) and time_s > self._time_s else self._time_s + 1 / self.fps

    def _ended_early(self) -> str | None:
        """One line when the container promised clearly more than it gave.

        Both the number of frames and the time must fall short: a container without an index estimates the
        number, and a sound track may outlast the picture a little.
        """
        if self.frame_count is None:
            return None
        promised_s, had_s = self.frame_count / self.fps, self._time_s + 1 / self.fps
        missing = self.frame_count - self._index
        if missing <= max(2, 0.02 * self.frame_count) or had_s >= 0.98 * promised_s:
            return None
        return (
            f"{self.name}: the video ends early or is damaged: {self._index} of {self.frame_count} frames "
            f"({had_s:.1f} of {promised_s:.1f} s) could be read"
        )


def _check_file(path: Path) -> None:
    """Raise a clear line for what can be told without decoding."""
    if path.is_dir():
        raise SourceError("is a folder", file=path, expected="a video file")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError:
        raise SourceError("no such file", file=path) from None
    except OSError as error:
        raise SourceError(f"can't be read: {error.strerror}", file=path) from None
    if empty:
        raise SourceError("the file is empty", file=path, expected="a video")


def _unreadable(path: Path) -> SourceError:
    """Why a file has no frame: cut off before its index (MP4), or not a video at all."""
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError:
        start = b""
    if start[4:8] == b"ftyp":
        hint = "the recording seems to be cut off before its end: it has no complete index"
        return SourceError("no frame can be read", file=path, hint=hint)
    return SourceError("not a video that can be read", file=path, expected="a video file such as MP4, AVI or WebM")
