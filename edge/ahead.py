"""Work ahead of who wants it: an iterable in a thread of its own, and looks at frames before their turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Generic, Self, TypeVar

from keypoints.clock import Stopwatch
from keypoints.estimator import PoseEstimator
from keypoints.region import Region
from keypoints.subject import look_at
from keypoints.types import Frame, Pose

T = TypeVar("T")


class _End:
    """What comes after the last item."""


_END: Final = _End()


class Ahead(Iterator[T], Generic[T]):
    """Takes items from an iterable in a thread, in their order and at most `depth` of them before they are asked for.

    An error of the iterable is raised where its item would have come. A context manager: at its end the thread
    finishes the item in hand and is gone.
    """

    def __init__(self, items: Iterable[T], depth: int, name: str) -> None:
        """depth: 1 or more. name: of the thread."""
        self._items = iter(items)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._coming: deque[Future[T | _End]] = deque(self._submit() for _ in range(depth))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    def __next__(self) -> T:
        try:
            item = self._coming.popleft().result()
        finally:
            self._coming.append(self._submit())
        if isinstance(item, _End):
            raise StopIteration
        return item

    def ready(self) -> bool:
        """Whether an item is there already; the end is none."""
        newest = self._coming[0]
        return newest.done() and newest.exception() is None and newest.result() is not _END

    def _submit(self) -> Future[T | _End]:
        return self._thread.submit(next, self._items, _END)


#: What a look at a frame gave, and milliseconds by stage.
Looked = tuple[list[Pose], Mapping[str, float]]


def timed_look(estimator: PoseEstimator, frame: Frame, region: Region | None) -> Looked:
    """`look_at`, and what it took."""
    clock = Stopwatch()
    return look_at(estimator, frame, region, clock), clock.stage_ms


class Scout:
    """Looks at coming frames where the subject is expected, several at once.

    A frame that turns out to need another look gets it when its turn comes: a wrong guess costs time, and never
    changes what is seen. A context manager.
    """

    def __init__(self, estimator: PoseEstimator, workers: int) -> None:
        """workers: threads. An estimator that follows on its own gets one, and so every frame in its order."""
        self._estimator = estimator
        self.workers = workers if estimator.takes_regions else 1
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="pose")
        self._begun: dict[int, tuple[Region | None, Future[Looked]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def expect(self, frames: Sequence[Frame], regions: Sequence[Region | None]) -> None:
        """These frames come next, and will probably be looked at there: begin, unless that has begun."""
        for frame, region in zip(frames, regions, strict=True):
            guess, looked = self._begun.get(frame.index, (None, None))
            if looked is None or (guess != region and looked.cancel()):
                looked = self._threads.submit(timed_look, self._estimator, frame, region)
                self._begun[frame.index] = region, looked

    def look(self, frame: Frame, region: Region | None) -> Looked:
        """What a look at a frame gives, now that it is its turn."""
        self.expect([frame], [region])
        guess, looked = self._begun.pop(frame.index)
        if guess != region:  # what was begun there can't be stopped
            looked = self._threads.submit(timed_look, self._estimator, frame, region)
        return looked.result()
