"""Heads and baselines on one video, in a process of their own: what each says of it, and what that takes."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from classifier.baselines.clips import Sampler, frames_of, whole_views
from classifier.baselines.run import Baseline, open_baseline
from classifier.evaluation.labels import NONE
from classifier.evaluation.play import ListeningHead
from classifier.reader import ActionReader
from configs.loader import load_actions
from configs.schema import Actions, Counting
from keypoints.errors import RepSightError
from keypoints.resources import peak_mb
from keypoints.subject import SubjectWatcher
from keypoints.types import Frame
from keypoints.yolo import SHIPPED, YoloPose

Kind = Literal["baseline", "head"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of a video of `frames` frames: an action, and how surely (0-1). answer_ms: what each answer of the
    network took, with all that is done to pictures before it; video_ms: all of it for the whole video. Decoding is in
    neither. Of one thread on the processor: what other programs take is not counted."""

    said: str
    confidence: float
    frames: int
    answer_ms: tuple[float, ...]
    video_ms: float


class Contender(Protocol):
    """What a process is asked."""

    def __call__(self, path: Path) -> Answer:
        """The answer for a video. Raises SourceError when it can't be read."""
        ...


class OfPixels:
    """A baseline: the mean over its clips."""

    def __init__(self, baseline: Baseline) -> None:
        self._baseline = baseline
        # A GPU's work is no time of this thread.
        self._clock = time.perf_counter if baseline.path.suffix == ".engine" else time.thread_time

    def __call__(self, path: Path) -> Answer:
        """As `Contender`."""
        card = self._baseline.card
        sampler, pictures, frames, shrinking = Sampler(card.rate_hz, card.side), [], 0, 0.0
        for frame in frames_of(path):
            frames += 1
            began = self._clock()
            pictures += sampler(frame)
            shrinking += self._clock() - began
        views = whole_views(np.stack(pictures), card.frames, card.views)
        answers, took = [], []
        for view in views:
            began = self._clock()
            answers.append(self._baseline.run(view[None])[0])
            took.append(self._clock() - began)
        mean = np.mean(answers, 0)
        # Each answer has its pictures to shrink.
        each = [1000 * (seconds + shrinking / len(pictures) * card.frames) for seconds in took]
        return Answer(card.labels[int(mean.argmax())], float(mean.max()), frames, tuple(each),
                      1000 * (shrinking + sum(took)))  # fmt: skip


class OfPoses:
    """The two stages: pose model, subject, window, head; what is said most often over the frames."""

    def __init__(self, head: ListeningHead, actions: Actions, counting: Counting) -> None:
        self._head, self._actions, self._counting = head, actions, counting
        self._estimator = YoloPose(SHIPPED, threads=1)
        self._clock = time.thread_time

    def __call__(self, path: Path) -> Answer:
        """As `Contender`; NONE where nobody is found."""
        watcher, reader = SubjectWatcher(self._estimator), ActionReader(self._head, self._actions, self._counting)
        names = [action.name for action in self._head.card.actions]
        said: Counter[str] = Counter()
        newest: str | None = None
        took: list[float] = []
        for frame in frames_of(path):
            began = self._clock()
            self._see(frame, watcher, reader)
            took.append(1000 * (self._clock() - began))
            answer = self._head.take()
            if answer is not None:
                newest = names[int(answer.probabilities.argmax())]
            if newest is not None:
                said[newest] += 1
        if not said:
            return Answer(NONE, 0.0, len(took), tuple(took), sum(took))
        name, count = said.most_common(1)[0]
        return Answer(name, count / said.total(), len(took), tuple(took), sum(took))

    @staticmethod
    def _see(frame: Frame, watcher: SubjectWatcher, reader: ActionReader) -> None:
        pose = watcher.see(frame).pose
        reader.update(frame.time_s, None if pose is None else pose.keypoints)


def opened(kind: Kind, path: Path, counting: Counting) -> Contender:
    """A contender of one thread. Raises ModelError for a file that is none of its kind."""
    if kind == "baseline":
        return OfPixels(open_baseline(path))
    return OfPoses(ListeningHead(path), load_actions(), counting)


_here: list[Contender] = []


def _open_here(kind: Kind, path: Path, counting: Counting) -> None:
    _here.append(opened(kind, path, counting))


def _answer_here(path: Path) -> Answer:
    return _here[0](path)


class Alone:
    """A contender in a fresh process, so that its memory is its own. A context manager."""

    def __init__(self, kind: Kind, path: Path, counting: Counting) -> None:
        self._path = path
        self._pool = ProcessPoolExecutor(1, get_context("spawn"), _open_here, (kind, path, counting))

    def __enter__(self) -> Alone:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def __call__(self, path: Path) -> Answer:
        """As `Contender`. Raises RepSightError when the process has ended, as for want of memory."""
        try:
            return self._pool.submit(_answer_here, path).result()
        except BrokenProcessPool:
            raise RepSightError(f"{self._path}: its process ended in the middle of {path.name}") from None

    def peak_mb(self) -> float:
        """The most memory that it has held."""
        return self._pool.submit(peak_mb).result()
