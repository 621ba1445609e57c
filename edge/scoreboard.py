"""What a screen shows of a reading: which number is the large one, its unit, and what to tell the user."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from configs.loader import load_actions
from edge.reading import Reading
from edge.words import STATES, Tone, clock, name_of, plural_of, title_of

#: How long a new rep is celebrated, and how long a shallow one is remarked on, in seconds of the source.
FLASH_S = 0.45
REMARK_S = 1.6


@dataclass(frozen=True, slots=True)
class Board:
    """The content of a screen, without its looks.

    title: the action, live, or the last exercise while there is none. number and unit: the large count, or seconds,
    and what it counts. flash: a rep was counted just now. progress: through the rep, 0-1 with the turning point at
    0.5, None outside one. headline and advice: the state and what to do about it. tone: how urgent that is.
    totals: (name, count) of the other exercises so far. elapsed: time of the source as m:ss.
    """

    title: str
    number: str
    unit: str
    flash: bool
    progress: float | None
    headline: str
    advice: str
    tone: Tone
    totals: tuple[tuple[str, str], ...]
    elapsed: str


class BoardMaker(Protocol):
    """Turns readings into what a screen shows of them."""

    def update(self, reading: Reading) -> Board: ...


class Scoreboard:
    """Turns readings into boards; remembers the last exercise, so that its count stays up while its user rests."""

    def __init__(self) -> None:
        # What is not among them was taught to the head, and only actions with reps can be.
        self._kinds = {name: action.kind for name, action in load_actions().actions.items()}
        self._exercise: str | None = None
        self._counted_at_s = -math.inf
        self._shallow = False

    def update(self, reading: Reading) -> Board:
        """The board of one reading; readings come in the order of time."""
        for rep in reading.new_reps:
            self._exercise, self._counted_at_s, self._shallow = rep.action, reading.time_s, rep.shallow
        if reading.action is not None and self._kinds.get(reading.action, "reps") != "rest":
            self._exercise = reading.action
        since_rep_s = reading.time_s - self._counted_at_s
        headline, advice, tone = STATES[reading.state]
        if tone == "calm" and self._kinds.get(reading.action or "") == "hold":
            headline, advice = "Hold it", "It counts from two seconds on"
        if self._shallow and since_rep_s < REMARK_S and tone in ("good", "calm"):
            headline, advice = "Shallow", "Counted - go all the way next time"
        number, unit = self._number(reading)
        return Board(
            title=title_of(reading.action or self._exercise or "RepSight"),
            number=number, unit=unit,
            flash=since_rep_s < FLASH_S,
            progress=None if reading.phase is None else reading.phase / (2 * math.pi),
            headline=headline, advice=advice, tone=tone,
            totals=self._totals(reading.reps, reading.holds_s),
            elapsed=clock(reading.time_s),
        )  # fmt: skip

    def _number(self, reading: Reading) -> tuple[str, str]:
        exercise = self._exercise
        if exercise is None:
            return "0", "reps"
        if self._kinds.get(exercise) == "hold":
            seconds = int(reading.holds_s.get(exercise, 0.0))
            return str(seconds), "seconds" if reading.action in (exercise, None) else f"seconds of {name_of(exercise)}"
        count = reading.reps.get(exercise, 0)
        if reading.action in (exercise, None):
            return str(count), "rep" if count == 1 else "reps"
        return str(count), name_of(exercise) if count == 1 else plural_of(exercise)

    def _totals(self, reps: Mapping[str, int], holds_s: Mapping[str, float]) -> tuple[tuple[str, str], ...]:
        others = [(title_of(a) if n == 1 else _capital(plural_of(a)), str(n)) for a, n in reps.items()
                  if n and a != self._exercise]  # fmt: skip
        others += [(title_of(a), f"{s:.0f} s") for a, s in holds_s.items() if s >= 1 and a != self._exercise]
        return tuple(others)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
