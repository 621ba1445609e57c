"""The process around a run: signals that ask it to stop, and native libraries that must not write to the terminal."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Self

from keypoints.silence import native_silence as native_silence

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
