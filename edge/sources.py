"""Where frames come from: cameras, streams, files, folders, keypoint sequences and the demo, all with one face."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Protocol, Self

import cv2
import numpy as np

from configs.schema import Run
from keypoints.errors import SourceError
from keypoints.types import Frame, KeypointSequence, Pose
from keypoints.video import Video, quiet

KINDS = "camera, its number or device, picamera, a video file, an http or rtsp URL, a folder of images, an .npz or demo"
IMAGES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment of a keypoint sequence: a pose (None where every joint is missing) and size (width, height) px."""

    pose: Pose | None
    time_s: float
    index: int
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Lost:
    """A live source gives nothing at the moment; comes a few times a second until it does again."""

    time_s: float


Item = Frame | Sample | Lost


def thinned(items: Iterable[Item], fps: Callable[[], float | None]) -> Iterator[Item]:
    """The items, at most `fps` a second: the first of each 1 / fps seconds, on a fixed grid; all of them without.

    fps: asked at each item, because it may change on the way.
    """
    newest = None
    for item in items:
        rate = fps()
        slot = None if rate is None else (rate, math.floor(item.time_s * rate + 1e-6))
        if slot is None or slot != newest:
            newest = slot
            yield item


class Source(Protocol):
    """An open source: a context manager, and an iterable of items.

    name: what the user called it. live: a camera or stream, which goes on without us; anything else skips nothing.
    size: (width, height) px of the first frame. fps: frames a second as far as known. notice: what turned out to be
    wrong with it, in one line, known at the end. decode_ms: what the newest frame took to read and decode.
    """

    @property
    def name(self) -> str: ...
    @property
    def live(self) -> bool: ...
    @property
    def size(self) -> tuple[int, int]: ...
    @property
    def fps(self) -> float | None: ...
    @property
    def notice(self) -> str | None: ...
    @property
    def decode_ms(self) -> float: ...
    def __iter__(self) -> Iterator[Item]: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


def never() -> bool:
    """For callers that can't be asked to stop."""
    return False


def _is_camera(text: str) -> bool:
    device = text.startswith("/dev/") and not text.startswith("/dev/shm/")  # there are files, in memory
    return text in ("camera", "picamera") or text.isdigit() or device


def _is_url(text: str) -> bool:
    return re.match(r"(https?|rtsps?|rtmp|udp|tcp)://", text) is not None


def may_be_live(text: str) -> bool:
    """Whether what the user named is a camera or stream; behind a URL may be a film as well."""
    return _is_camera(text) or _is_url(text)


def open_source(text: str, settings: Run | None = None, stopped: Callable[[], bool] = never) -> Source:
    """Open what the user named (see KINDS).

    stopped: asked while a camera or stream is slow to open; then KeyboardInterrupt is raised.
    Raises SourceError, one clear line, when it can't be opened.
    """
    settings = settings or Run()
    quiet()
    if text == "demo":
        return _open_demo()
    if _is_camera(text):
        from edge.live import open_camera

        return open_camera(text, settings.camera, stopped)
    if _is_url(text):
        from edge.live import open_url

        return open_url(text, settings.stream_timeout_s, stopped)
    path = Path(text)
    if path.is_dir():
        return ImageFolder(path, settings.folder_fps)
    if path.suffix.lower() == ".npz":
        return SequenceSource(path)
    if not path.exists():
        raise SourceError("no such file", file=text, expected=KINDS)
    return Video(path)


def _open_demo() -> Video:
    """The clip that comes with RepSight."""
    with ExitStack() as stack:
        path = stack.enter_context(resources.as_file(resources.files("edge") / "demo.mp4"))
        video = Video(path)
    video.name = "demo"
    return video


class _Closing:
    """The context manager's half of a source."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Iteration ends."""


class ImageFolder(_Closing):
    """The pictures of a folder in the order of their names (2 before 10), `fps` of them a second."""

    live = False

    def __init__(self, path: Path, fps: float) -> None:
        """Raises SourceError when there is no picture, or none that can be read."""
        self.name, self.fps = str(path), fps
        self.notice: str | None = None
        self.decode_ms = 0.0
        self._paths = sorted((p for p in path.iterdir() if p.suffix.lower() in IMAGES), key=_natural)
        if not self._paths:
            raise SourceError("no images in this folder", file=path, expected=", ".join(sorted(IMAGES)))
        first = next((image for p in self._paths if (image := cv2.imread(str(p), cv2.IMREAD_COLOR)) is not None), None)
        if first is None:
            raise SourceError(f"none of its {len(self._paths)} images can be read", file=path)
        self.size = (first.shape[1], first.shape[0])

    def __iter__(self) -> Iterator[Frame]:
        unreadable: list[str] = []
        index = 0
        for place, path in enumerate(self._paths):
            start = time.perf_counter()
            image = cv2.imread(str(path), cv2.IMREAD_COLOR)  # grey, 16 bit and alpha become BGR; EXIF turns it
            self.decode_ms = (time.perf_counter() - start) * 1000
            if image is None:
                unreadable.append(path.name)
                self.notice = (
                    f"{self.name}: {len(unreadable)} of {len(self._paths)} images could not be read: "
                    + ", ".join(unreadable[:3]) + (", ..." if len(unreadable) > 3 else "")
                )  # fmt: skip
                continue
            yield Frame(np.asarray(image, dtype=np.uint8), place / self.fps, index)
            index += 1


def _natural(path: Path) -> list[tuple[int, str]]:
    """A sorting key that takes digits as numbers."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.name)]


class SequenceSource(_Closing):
    """A keypoint sequence, for stage 2 alone."""

    live = False

    def __init__(self, path: Path) -> None:
        """Raises InputError when the file is missing or no keypoint sequence."""
        self.sequence = KeypointSequence.load(path)
        times = self.sequence.time_s
        self.name, self.size = str(path), self.sequence.size
        self.fps = float(1 / np.median(np.diff(times))) if len(times) > 1 else None
        self.notice: str | None = None
        self.decode_ms = 0.0

    def __iter__(self) -> Iterator[Sample]:
        return samples(self.sequence)


def samples(sequence: KeypointSequence) -> Iterator[Sample]:
    """The moments of a keypoint sequence, in their order."""
    for index, (keypoints, time_s) in enumerate(zip(sequence.keypoints, sequence.time_s, strict=True)):
        seen = keypoints[:, 2] > 0
        pose = None
        if seen.any():
            points = keypoints[seen, :2]
            box = np.concatenate([points.min(0), points.max(0)]).astype(np.float32)
            pose = Pose(keypoints, box, float(keypoints[seen, 2].mean()))
        yield Sample(pose, float(time_s), index, sequence.size)
