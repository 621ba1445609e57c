"""Videos and pictures as a baseline sees them: small square pictures at its own rate, cut into clips."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from keypoints.errors import InputError, SourceError
from keypoints.labels import LEFT_OUT, LabelledFile
from keypoints.letterbox import to_bgr
from keypoints.types import Frame
from keypoints.video import SUFFIXES, Video

Pictures = NDArray[np.uint8]

Say = Callable[[str], None]
Progress = Callable[[int, int], None]

#: Pictures that are kept for training are so much larger than the network's, so that a crop of them is sharp.
ROOM = 1.15


def frames_of(path: Path) -> Iterator[Frame]:
    """The frames of a video, one after the other, or the one of a picture. Raises SourceError when it is neither."""
    if path.suffix.lower() in SUFFIXES:
        with closing(Video(path)) as video:
            yield from video
        return
    try:
        content = np.fromfile(path, np.uint8)  # not cv2.imread: it takes no name that the locale can't write
    except OSError as error:
        raise SourceError(f"can't be read: {error.strerror}", file=path) from None
    image = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    if image is None:
        raise SourceError("not a picture that can be read", file=path)
    yield Frame(to_bgr(np.asarray(image, np.uint8)), 0.0, 0)


class Sampler:
    """Frames as they come, to small square pictures: the first at or after each of the moments 0, 1 / rate_hz, ...

    The whole frame is shown, stretched to a square: nobody who works out at its border is cut off.
    """

    def __init__(self, rate_hz: float, side: int) -> None:
        self._rate_hz, self._side = rate_hz, side
        self._first_s: float | None = None
        self._taken = 0

    def __call__(self, frame: Frame) -> list[Pictures]:
        """The pictures uint8 (side, side, 3), RGB, that a frame completes: none, one, or copies after a gap."""
        if self._first_s is None:
            self._first_s = frame.time_s
        due = int((frame.time_s - self._first_s) * self._rate_hz + 1e-6) + 1
        count, self._taken = due - self._taken, due
        if count <= 0:
            return []
        small = cv2.resize(frame.image, (self._side, self._side), interpolation=cv2.INTER_AREA)
        return [np.ascontiguousarray(small[..., ::-1])] * count


def pictures_of(path: Path, rate_hz: float, side: int) -> Pictures:
    """All pictures of a video, uint8 (N, side, side, 3), RGB. Raises SourceError when it can't be read."""
    sampler = Sampler(rate_hz, side)
    return np.stack([picture for frame in frames_of(path) for picture in sampler(frame)])


def read(
    files: Sequence[LabelledFile], rate_hz: float, side: int, *, problem: Say, progress: Progress
) -> list[tuple[LabelledFile, Pictures]]:
    """The pictures of every file that can be read; the others are told to `problem`, a line each.

    Raises InputError when of a label nothing can be read.
    """
    found: list[tuple[LabelledFile, Pictures]] = []
    why: dict[str, str] = {}
    for done, file in enumerate(files, start=1):
        try:
            found.append((file, pictures_of(file.path, rate_hz, side)))
        except SourceError as error:
            problem(f"{LEFT_OUT}{error}")
            why.setdefault(file.label, str(error))
        progress(done, len(files))
    left = {file.label for file, _ in found}
    for label, reason in why.items():
        if label not in left:
            raise InputError("a class of which nothing can be read", field=f"class {label}", hint=reason)
    return found


def starts(count: int, frames: int, views: int) -> list[int]:
    """Where clips of `frames` pictures begin that are spread evenly over `count` of them; `views` at most."""
    last = max(0, count - frames)
    return sorted({round(place) for place in np.linspace(0, last, min(views, last + 1))}) if views > 1 else [last // 2]


def clip(pictures: Pictures, start: int, frames: int) -> Pictures:
    """(frames, side, side, 3) from picture `start`; a video that is too short ends in copies of its last picture."""
    return pictures[np.minimum(np.arange(start, start + frames), len(pictures) - 1)]


def whole_views(pictures: Pictures, frames: int, views: int) -> Pictures:
    """The clips uint8 (V, frames, side, side, 3) by which a whole video is judged."""
    return np.stack([clip(pictures, start, frames) for start in starts(len(pictures), frames, views)])


def resized(pictures: Iterable[Pictures], side: int) -> Pictures:
    """Pictures of any size as (N, side, side, 3)."""
    return np.stack([cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA) for picture in pictures])
