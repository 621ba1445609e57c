"""Modules that are commands of their own: `python -m compression.NAME`, for machines without the rest of RepSight."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from keypoints.errors import RepSightError
from keypoints.told import Say


def run(job: Callable[[Sequence[str], Say], str], words: Sequence[str], usage: str | None, least: int) -> int:
    """Give `job` the words of a command line, `least` of them or more, and a way to tell how it goes on; say what it
    returns. Everything is said on stderr. Returns the exit code, as everywhere in RepSight."""

    def say(line: str) -> None:
        sys.stderr.write(line + "\n")

    if len(words) < least:
        say((usage or "").strip())
        return 2
    try:
        say(job(words, say))
    except RepSightError as error:
        say(str(error))
        return error.exit_code
    return 0
