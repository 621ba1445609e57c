"""Stage 1 over a video file: the keypoint sequence that the edge runner would see, kept so that it is made once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from configs.schema import Follow
from keypoints import skeleton
from keypoints.errors import RepSightError, SourceError
from keypoints.estimator import PoseEstimator
from keypoints.files import sha256
from keypoints.subject import SubjectWatcher
from keypoints.types import FloatArray, Frame, KeypointSequence
from keypoints.video import Video

#: Part of a kept sequence's name. To be raised when estimator, following, tracker or smoother give other keypoints by
#: the same model file, so that nothing old is taken for theirs.
VERSION = 3

Say = Callable[[str], None]


def _silent(said: str) -> None: ...


def subject_of(frames: Iterable[Frame], estimator: PoseEstimator, follow: Follow | None = None) -> KeypointSequence:
    """The subject's keypoints in every frame: stage 1 as at run time; `follow` as in `SubjectWatcher`.

    A frame without the subject is all zeros. Raises SourceError when there is no frame.
    """
    watcher = SubjectWatcher(estimator, follow)
    times: list[float] = []
    keypoints: list[FloatArray] = []
    size = (0, 0)
    for frame in frames:
        size = size if times else (frame.image.shape[1], frame.image.shape[0])
        pose = watcher.see(frame).pose
        times.append(frame.time_s)
        keypoints.append(np.zeros((skeleton.COUNT, 3), np.float32) if pose is None else pose.keypoints)
    if not times:
        raise SourceError("has no frames")
    return KeypointSequence(np.stack(keypoints), np.array(times), size)


def extract(
    video: str | Path,
    estimator: PoseEstimator,
    cache: Path | None = None,
    problem: Say = _silent,
    follow: Follow | None = None,
    on_frame: Callable[[Frame], None] | None = None,
) -> KeypointSequence:
    """The subject's keypoints in a video file, its name as `source`.

    cache: a folder where the sequence is kept, by what is in the video and in the model file; one that is kept
    there already is read instead. problem: told, in one line, when a damaged video ends early.
    follow: as in `SubjectWatcher`. on_frame: called before each look at a frame; what it raises ends the extraction.
    Raises SourceError when the file is no video.
    """
    video = Path(video)
    kept = None if cache is None else _kept(video, estimator, cache, follow or Follow())
    if kept is not None and kept.exists():
        try:
            return replace(KeypointSequence.load(kept), source=video.name)
        except RepSightError:  # written by half; it is made anew
            kept.unlink()
    with Video(video) as frames:
        watched = frames if on_frame is None else _watched(frames, on_frame)
        sequence = replace(subject_of(watched, estimator, follow), source=video.name)
        notice = frames.notice
    if notice is not None:
        problem(notice)
    elif kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        sequence.save(kept)
    return sequence


def extract_all(
    videos: Iterable[str | Path], estimator: PoseEstimator, cache: Path | None = None, problem: Say = _silent
) -> Iterator[tuple[Path, KeypointSequence]]:
    """Each video that can be read, with its keypoints; the others are told to `problem`, one line each."""
    for video in map(Path, videos):
        try:
            sequence = extract(video, estimator, cache, problem)
        except SourceError as error:
            problem(str(error))
        else:
            yield video, sequence


def default_cache() -> Path:
    """Where sequences are kept when the user names no folder: the user's cache, which may be emptied any time."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "repsight" / "keypoints"


def _watched(frames: Iterable[Frame], on_frame: Callable[[Frame], None]) -> Iterator[Frame]:
    for frame in frames:
        on_frame(frame)
        yield frame


def recipe(estimator: PoseEstimator, follow: Follow) -> str:
    """All that the keypoints of a video depend on, but for the video: equal texts give equal keypoints."""
    return f"{VERSION} {estimator.name} {digest(estimator.path)} {follow!r}"


def _kept(video: Path, estimator: PoseEstimator, cache: Path, follow: Follow) -> Path:
    """The name of a kept sequence: the same video under another name or folder has the same."""
    whole = f"{recipe(estimator, follow)} {digest(video)}"
    return cache / f"{hashlib.sha256(whole.encode()).hexdigest()[:32]}.npz"


def digest(path: Path) -> str:
    """The SHA-256 of a file that the user named. Raises SourceError when it can't be read."""
    try:
        return sha256(path)
    except FileNotFoundError:
        raise SourceError("no such file", file=path) from None
    except OSError as error:
        raise SourceError(f"can't be read: {error.strerror}", file=path) from None
