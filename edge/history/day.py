"""What was done today: it outlives restarts, crashes and cameras that were unplugged, because the history keeps it."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

from edge.history.log import SessionLog
from edge.history.read import History, Totals
from edge.reading import Reading
from edge.scoreboard import Board, BoardMaker
from edge.words import Words, words_in

#: Exercises that the line names; the rest of them are in `repsight history`.
NAMED = 3


class Today:
    """Today's totals: what earlier sessions saved, and what this one adds.

    A run that goes on past midnight begins anew there, and one whose clock is set right meanwhile looks again: a rep
    of this session is of the day that the clock, as it is now, gives for its moment.
    """

    def __init__(
        self,
        log: SessionLog,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """log: of this run, before it begins. wall: seconds since 1970. steady: of a clock that nobody sets."""
        self._log, self._wall, self._steady = log, wall, steady
        self._saved = log.today
        self._day = self._date()
        self._reps: deque[tuple[float, str]] = deque(maxlen=10_000)  # steady seconds, action; more than a day's work
        self._held: deque[tuple[float, str, float]] = deque(maxlen=10_000)
        self._holds_s: dict[str, float] = {}
        self._totals: Totals | None = None

    @property
    def earlier(self) -> bool:
        """Whether today has more than this run."""
        return bool(self._saved.reps or self._saved.holds_s)

    def add(self, reading: Reading) -> Totals:
        """Take what a reading brought, in the order of time. Reps and seconds held since midnight, by action."""
        now_s, day = self._steady(), self._date()
        self._reps.extend((now_s, rep.action) for rep in reading.new_reps)
        held = any(self._hold(now_s, action, seconds) for action, seconds in reading.holds_s.items())
        if day != self._day:
            self._day, self._saved = day, Totals()
            self._log.ask(lambda past: self._look(past, day))
            self._totals = None
        if self._totals is None or reading.new_reps or held:
            self._totals = self._sum()
        return self._totals

    def _hold(self, now_s: float, action: str, seconds: float) -> bool:
        """Remember what a hold has become longer by, a minute in one piece; whether it has."""
        more_s = seconds - self._holds_s.get(action, 0.0)
        if more_s <= 0:
            return False
        self._holds_s[action] = seconds
        at_s = now_s
        if self._held and self._held[-1][1] == action and now_s - self._held[-1][0] < 60:
            at_s, _, before_s = self._held.pop()
            more_s += before_s
        self._held.append((at_s, action, more_s))
        return True

    def _sum(self) -> Totals:
        since = self._midnight()
        reps = Counter(self._saved.reps)
        reps.update(action for at_s, action in self._reps if at_s >= since)
        holds_s = dict(self._saved.holds_s)
        for at_s, action, seconds in self._held:
            if at_s >= since:
                holds_s[action] = holds_s.get(action, 0.0) + seconds
        return Totals(dict(reps), holds_s)

    def _look(self, past: History, day: date) -> None:
        """In the log's own thread: what earlier sessions saved of that day."""
        saved = past.totals(day, before=self._log.session)
        if day == self._day:
            self._saved, self._totals = saved, None

    def _date(self) -> date:
        return datetime.fromtimestamp(self._wall()).date()

    def _midnight(self) -> float:
        """The last one, by the steady clock."""
        now = datetime.fromtimestamp(self._wall())
        return self._steady() - (now - datetime.combine(now.date(), datetime.min.time())).total_seconds()


class WithToday:
    """Adds a line to the board, once today has more than this run: the totals of the day."""

    def __init__(self, maker: BoardMaker, today: Today, words: Words | None = None) -> None:
        """words: of the language; English when there are none."""
        self._maker, self._today, self._words = maker, today, words or words_in()

    def update(self, reading: Reading) -> Board:
        """The board of one reading."""
        board = self._maker.update(reading)
        totals = self._today.add(reading)
        if not self._today.earlier:
            return board
        most = dict(Counter(totals.reps).most_common(NAMED))
        holds_s = dict(list(totals.holds_s.items())[: NAMED - len(most)])
        line = self._words.screen.today, self._words.totals(most, holds_s, exact=False)
        return replace(board, totals=(line, *board.totals))
