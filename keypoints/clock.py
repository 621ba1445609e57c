"""How a stage is timed by whoever wants to know."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

#: Times the body of a `with` under a stage's name.
Clock = Callable[[str], AbstractContextManager[None]]


def untimed(stage: str) -> AbstractContextManager[None]:
    """A clock for those who do not."""
    return nullcontext()


class Stopwatch:
    """Milliseconds by stage of one frame."""

    def __init__(self) -> None:
        self.stage_ms: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time the body of a `with` under the name `stage`; a stage in several parts is their sum."""
        start = time.perf_counter()
        yield
        self.stage_ms[stage] = self.stage_ms.get(stage, 0.0) + (time.perf_counter() - start) * 1000
