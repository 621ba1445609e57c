"""Native libraries that must not write to the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


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
