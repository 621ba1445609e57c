"""Who is told how long work goes: figures of each epoch, progress, lines. Nobody, where nobody asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Told the figures of each epoch as it ends, by their names.
Report = Callable[[dict[str, float]], None]
#: Told a line.
Say = Callable[[str], None]


def nothing(*_: Any) -> None:
    """Told anything, it does nothing."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told what. report: the figures of each epoch. progress: (done, total) of what takes long. say: lines.
    problem: a line for each file that is left out."""

    report: Report = nothing
    progress: Callable[[int, int], None] = nothing
    say: Say = nothing
    problem: Say = nothing
