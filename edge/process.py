"""The process around a run: signals that ask it to stop, and native libraries that must not write to the terminal."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

#: After so many signals the user means it: the run is broken off wherever it is.
_PATIENCE = 3


class Stop:
    """Ctrl-C and SIGTERM become a flag that the loop looks at, so that no record is ever cut in half.

    A context manager for the main thread; the handlers that were there before come back at its end.
    """

    def __init__(self) -> None:
        self._count = 0
        self._before: dict[int, Any] = {}

    def __call__(self) -> bool:
        """Whether the run was asked to stop."""
        return self._count > 0

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        # Nothing here may take a lock: a handler runs between any two steps of the main thread.
        self._count += 1
        if self._count >= _PATIENCE:
            raise KeyboardInterrupt


@contextmanager
def native_silence() -> Iterator[None]:
    """Send what C libraries write to stderr nowhere, and keep Python's own stderr.

    libjpeg, libpng, Qt and FFmpeg write to file descriptor 2 past every log level ("Corrupt JPEG data", missing
    fonts); the user gets our one clear line instead.
    """
    try:
        ours = sys.stderr.fileno() == 2
    except (OSError, ValueError, AttributeError):
        ours = False
    if not ours:
        yield
        return
    before, kept = sys.stderr, os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        before.flush()
        os.dup2(nowhere, 2)
        with os.fdopen(os.dup(kept), "w", encoding=before.encoding, errors="backslashreplace", buffering=1) as stderr:
            sys.stderr = stderr
            try:
                yield
            finally:
                sys.stderr = before
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
