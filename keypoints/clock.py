"""How a stage is timed by whoever wants to know."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

#: Times the body of a `with` under a stage's name.
Clock = Callable[[str], AbstractContextManager[None]]


def untimed(stage: str) -> AbstractContextManager[None]:
    """A clock for those who do not."""
    return nullcontext()


class Stopwatch:
    """Milliseconds by stage of one frame."""

    def __init__(self) -> None:
        self.stage_ms: dict[str, float] = {}

    def __call__(self, stage: str) -> AbstractContextManager[None]:
        """Time the body of a `with` under the name `stage`; a stage in several parts is their sum."""
        return _Part(self.stage_ms, stage)


class _Part:
    """One part of a stage. A class of its own: what `contextmanager` makes of a generator takes twice as long."""

    __slots__ = ("_stage", "_stage_ms", "_start_s")

    def __init__(self, stage_ms: dict[str, float], stage: str) -> None:
        self._stage_ms, self._stage = stage_ms, stage

    def __enter__(self) -> None:
        self._start_s = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        taken_ms = (time.perf_counter() - self._start_s) * 1000
        self._stage_ms[self._stage] = self._stage_ms.get(self._stage, 0.0) + taken_ms
