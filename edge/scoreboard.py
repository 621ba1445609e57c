"""What a screen shows of a reading: which number is the large one, its unit, and what to tell the user."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from configs.loader import load_actions
from edge.pace import Pace
from edge.reading import Reading
from edge.words import Tone, Words, capital, clock, words_in

#: How long a new rep is celebrated, and how long a shallow one is remarked on, in seconds of the source.
FLASH_S = 0.45
REMARK_S = 1.6
#: Whoever does nothing for so long may walk up to the keys.
KEYS_AFTER_S = 10.0

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Board:
    """The content of a screen, without its looks.

    title: the action, live, or the last exercise while there is none. number and unit: the large count, or seconds,
    and what it counts. flash: a rep was counted just now. progress: through the rep, 0-1 with the turning point at
    0.5, None outside one. headline and advice: the state and what to do about it. tone: how urgent that is.
    totals: (name, count) of the other exercises so far. elapsed: time of the source as m:ss. details: (name, value)
    of the set's or rest's time and of the last rep's tempo, the way there and the way back. keys: (key, what it does)
    that are of use now, None while nobody is near them; a screen adds its own.
    """

    title: str
    number: str
    unit: str
    flash: bool
    progress: float | None
    headline: str
    advice: str
    tone: Tone
    totals: tuple[Pair, ...]
    elapsed: str
    details: tuple[Pair, ...] = ()
    keys: tuple[Pair, ...] | None = None


class BoardMaker(Protocol):
    """Turns readings into what a screen shows of them."""

    def update(self, reading: Reading) -> Board: ...


class Scoreboard:
    """Turns readings into boards; remembers the last exercise, so that its count stays up while its user rests."""

    def __init__(
        self, words: Words | None = None, set_pause_s: float = 15.0, kinds: Mapping[str, str] | None = None
    ) -> None:
        """words: of the language; English without them. set_pause_s: a longer pause between two reps ends a set.
        kinds: of the head's own classes, by name; one that nobody tells is an exercise with reps."""
        self._kinds = {**{name: action.kind for name, action in load_actions().actions.items()}, **(kinds or {})}
        self._words = words or words_in()
        self._pace = Pace(set_pause_s)
        self._exercise: str | None = None
        self._counted_at_s = -math.inf
        self._shallow = False

    def update(self, reading: Reading) -> Board:
        """The board of one reading; readings come in the order of time."""
        for rep in reading.new_reps:
            self._exercise, self._counted_at_s, self._shallow = rep.action, reading.time_s, rep.shallow
        if reading.action is not None and self._kinds.get(reading.action, "reps") != "rest":
            self._exercise = reading.action
        self._pace.update(reading)
        number, unit = self._number(reading)
        headline, advice, tone = self._said(reading)
        return Board(
            title=self._title(reading.action), number=number, unit=unit,
            flash=reading.time_s - self._counted_at_s < FLASH_S,
            progress=None if reading.phase is None else reading.phase / (2 * math.pi),
            headline=headline, advice=advice, tone=tone,
            totals=self._totals(reading.reps, reading.holds_s),
            elapsed=clock(reading.time_s), details=self._details(), keys=self._keys(reading),
        )  # fmt: skip

    def _said(self, reading: Reading) -> tuple[str, str, Tone]:
        headline, advice, tone = self._words.state(reading.state)
        remark = None
        if tone == "calm" and self._kinds.get(reading.action or "") == "hold":
            remark = self._words.remarks.hold_soon
        if self._shallow and reading.time_s - self._counted_at_s < REMARK_S and tone in ("good", "calm"):
            remark = self._words.remarks.shallow
        return (headline, advice, tone) if remark is None else (remark.headline, remark.advice, tone)

    def _title(self, action: str | None) -> str:
        """What is neither an exercise nor standing has no name that anybody would use."""
        shown = self._exercise if action in (None, "other") else action
        return "RepSight" if shown is None else self._words.title(shown)

    def _number(self, reading: Reading) -> Pair:
        exercise, words = self._exercise, self._words
        if exercise is None:
            return "0", words.screen.reps
        own = reading.action in (exercise, None, "other")
        if self._kinds.get(exercise) == "hold":
            named = words.screen.seconds_of.format(action=words.name(exercise))
            return str(int(reading.holds_s.get(exercise, 0.0))), words.screen.seconds if own else named
        count = reading.reps.get(exercise, 0)
        if own:
            return str(count), words.screen.rep if count == 1 else words.screen.reps
        return str(count), words.name(exercise) if count == 1 else words.plural(exercise)

    def _details(self) -> tuple[Pair, ...]:
        pace, words = self._pace, self._words
        details = []
        if pace.set_s is not None:
            details.append((words.screen.set, clock(pace.set_s)))
        if pace.rest_s is not None:
            details.append((words.screen.rest, clock(pace.rest_s)))
        if pace.last is not None and pace.last.action == self._exercise:
            rep = pace.last
            turned_s = rep.turned_s
            halves = (rep.end_s - rep.start_s,) if turned_s is None else (turned_s - rep.start_s, rep.end_s - turned_s)
            details.append((words.screen.tempo, f"{' + '.join(words.number(half) for half in halves)} s"))
        return tuple(details)

    def _keys(self, reading: Reading) -> tuple[Pair, ...] | None:
        """None while something is done or was a moment ago."""
        if reading.time_s - self._pace.moved_s < KEYS_AFTER_S:
            return None
        counted = any(reading.reps.values()) or any(reading.holds_s.values())
        return (("r", self._words.screen.reset),) if counted else ()

    def _totals(self, reps: Mapping[str, int], holds_s: Mapping[str, float]) -> tuple[Pair, ...]:
        words = self._words
        others = [(words.title(a) if n == 1 else capital(words.plural(a)), str(n)) for a, n in reps.items()
                  if n and a != self._exercise]  # fmt: skip
        others += [(words.title(a), f"{int(s)} s") for a, s in holds_s.items() if s >= 1 and a != self._exercise]
        return tuple(others)
