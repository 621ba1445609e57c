"""Work ahead of who wants it: an iterable in a thread of its own, and looks at frames before their turn."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, Self, TypeVar

from keypoints.clock import Stopwatch
from keypoints.estimator import PoseEstimator
from keypoints.region import Region
from keypoints.subject import look_at
from keypoints.types import Frame, Pose

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Raised:
    """What comes in an item's place: the iterable's error, or its end."""

    error: BaseException


class Ahead(Iterator[T], Generic[T]):
    """Takes items from an iterable in a thread, in their order and at most `depth` of them before they are asked for.

    An error of the iterable is raised where its item would have come. A context manager: at its end the thread
    finishes the item in hand and is gone. The thread holds on to nothing that it has handed over: how many pictures
    are in memory must not hang upon how soon it is its turn again.
    """

    def __init__(self, items: Iterable[T], depth: int, name: str) -> None:
        """depth: 1 or more. name: of the thread."""
        self._items = iter(items)
        self._wanted: SimpleQueue[bool] = SimpleQueue()
        self._there: deque[T | _Raised] = deque()
        self._count = threading.Semaphore(0)
        self._over = False
        for _ in range(depth):
            self._wanted.put(True)
        self._thread = threading.Thread(target=self._work, name=name)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._wanted.put(False)
        self._thread.join()

    def __next__(self) -> T:
        self._count.acquire()
        item = self._there.popleft()
        self._wanted.put(True)
        if isinstance(item, _Raised):
            raise item.error
        return item

    def ready(self) -> bool:
        """Whether an item is there already; an error is none, nor is the end."""
        return bool(self._there) and not isinstance(self._there[0], _Raised)

    def _work(self) -> None:
        while self._wanted.get() and not self._over:
            try:
                self._there.append(next(self._items))
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is for who asks
                self._there.append(_Raised(error))
            self._count.release()


#: What a look at a frame gave, and milliseconds by stage.
Looked = tuple[list[Pose], Mapping[str, float]]


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
                self._begun[frame.index] = region, self._begin(frame, region)

    def look(self, frame: Frame, region: Region | None) -> Looked:
        """What a look at a frame gives, now that it is its turn."""
        self.expect([frame], [region])
        guess, looked = self._begun.pop(frame.index)
        if guess != region:  # what was begun there can't be stopped
            looked = self._begin(frame, region)
        return looked.result()

    def _begin(self, frame: Frame, region: Region | None) -> Future[Looked]:
        return self._threads.submit(self._look, [frame], region)

    def _look(self, frames: list[Frame], region: Region | None) -> Looked:
        clock = Stopwatch()
        # Out of the list, which lives on until the thread's next turn: see `Ahead`.
        return look_at(self._estimator, frames.pop(), region, clock), clock.stage_ms
