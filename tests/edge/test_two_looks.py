"""Two cores look at two frames of a film at once."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.edge.test_overlap import Eyes, Film, runner


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_as_many_frames_are_looked_at_at_once_as_there_are_workers(workers: int, tiny_head: Path) -> None:
    lock = threading.Lock()
    now, most = 0, 0

    def before() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)  # a look takes longer than a picture of this film
        with lock:
            now -= 1

    runner(Film(frames=60), tiny_head, Eyes(before=before), workers=workers).run(lambda: False)
    assert workers <= most <= workers + 1, "and one that was guessed wrong is looked at again"
