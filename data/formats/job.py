"""What reading a set is given: how labels fold, where bad files are told, and stage 1 for formats of pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from configs.schema import Actions
from keypoints import skeleton
from keypoints.errors import InputError
from keypoints.estimator import PoseEstimator, create
from keypoints.extract import default_cache, extract, subject_of
from keypoints.labels import LEFT_OUT, Labelled, Segment
from keypoints.told import nothing
from keypoints.types import Frame, KeypointSequence
from keypoints.video import Video
from keypoints.yolo import SHIPPED

T = TypeVar("T")

#: Segments are written with two decimals: a last frame may lie this far behind the last segment.
_ROUNDING_S = 0.02


@dataclass(frozen=True, slots=True)
class Options:
    """How a set is read; what a set says of itself wins.

    format: by name, instead of recognising it. label: for recordings that carry none. size: (width, height) px, for
    coordinates given as shares of a picture. fps: frames a second, where a set does not say. pose: pose model file for
    videos and pictures, the shipped one without it. cache: where the keypoints of videos are kept. smooth: as at run
    time, where a format has keypoints as an estimator or annotator gave them. labels_only: leave stage 1 out; a video
    or picture is then two empty frames. problem: told one line for each recording that is left out (it begins with
    LEFT_OUT), and for what is odd.
    progress: told (done, total) after each item.
    """

    format: str | None = None
    label: str | None = None
    size: tuple[int, int] | None = None
    fps: float = 30.0
    pose: Path | None = None
    smooth: bool = True
    labels_only: bool = False
    cache: Path | None = field(default_factory=default_cache)
    problem: Callable[[str], None] = nothing
    progress: Callable[[int, int], None] = nothing


def _empty(size: tuple[int, int], seconds: float) -> KeypointSequence:
    """A sequence that stands for a recording which nobody looked at."""
    return KeypointSequence(np.zeros((2, skeleton.COUNT, 3), np.float32), np.array([0.0, max(seconds, 1e-3)]), size)


class Job:
    """One reading of one set."""

    def __init__(self, actions: Actions, options: Options) -> None:
        self.actions, self.options = actions, options
        self.problem, self.progress = options.problem, options.progress

    @cached_property
    def estimator(self) -> PoseEstimator:
        """The pose model, opened when the first picture needs it, on one thread."""
        return create(self.options.pose or SHIPPED, threads=1)

    def extract(self, video: Path) -> KeypointSequence:
        """Stage 1 over a video, kept in the cache. Raises SourceError when it is no video."""
        if self.options.labels_only:
            with Video(video) as frames:
                return _empty(frames.size, (frames.frame_count or 2) / frames.fps)
        return extract(video, self.estimator, self.options.cache, self.problem)

    def pose_of(self, image: NDArray[np.uint8]) -> KeypointSequence:
        """Stage 1 over one picture, BGR uint8 (H, W, 3): one frame, of the subject."""
        if self.options.labels_only:
            return _empty((image.shape[1], image.shape[0]), 1.0)
        return subject_of([Frame(image, 0.0, 0)], self.estimator)

    def nobody(self, sequence: KeypointSequence) -> bool:
        """Whether stage 1 looked, and found nobody."""
        return not self.options.labels_only and not sequence.keypoints.any()

    def each(self, items: Sequence[T], make: Callable[[T], Labelled]) -> Iterator[Labelled]:
        """`make(item)` of every item; one that raises InputError is left out, and told; the rest go on."""
        for done, item in enumerate(items, start=1):
            try:
                made = make(item)
            except InputError as error:
                self.leave_out(str(error))
            else:
                yield made
            self.progress(done, len(items))

    def leave_out(self, why: str) -> None:
        """Tell, in one line, that a recording is not used."""
        self.problem(LEFT_OUT + why)

    def whole(self, name: str, sequence: KeypointSequence, label: str | None, mixed: bool = False) -> Labelled:
        """A recording that shows one thing throughout: `label` in the source's words, or the user's own without one."""
        label = label or self.options.label
        if label is None:
            return Labelled(name, sequence, mixed=mixed)
        times = sequence.time_s
        segment = Segment(label, float(times[0]), float(times[-1]))
        return Labelled(
            name, replace(sequence, action=self.actions.fold(label)), exercise=label, segments=(segment,),
            reps=None if sequence.reps_s is None else len(sequence.reps_s), mixed=mixed,
        )  # fmt: skip

    def frames(self, sequence: KeypointSequence, segments: Sequence[Segment]) -> tuple[str, ...]:
        """Our action of each frame, by segments in a source's words; `other` between them."""
        labels = np.full(len(sequence), "other", object)
        last_s = max((segment.end_s for segment in segments), default=0.0)
        for segment in segments:
            end_s = segment.end_s + (_ROUNDING_S if segment.end_s == last_s else 0.0)
            within = (sequence.time_s >= segment.start_s) & (sequence.time_s < end_s)
            labels[within] = self.actions.fold(segment.action)
        return tuple(str(label) for label in labels)

    def close(self) -> None:
        """Free the pose model, if it was opened."""
        if "estimator" in self.__dict__:
            self.estimator.close()
