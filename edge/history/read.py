"""What the history holds, for tables, pictures and comparisons: sessions with their sets, bests, days, reps."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from edge.history.database import FILE, DamagedError, DiskError, open_database
from keypoints.errors import RepSightError


@dataclass(frozen=True, slots=True)
class Set:
    """Reps of one action without a long pause. start_s, end_s: seconds of the source. shallow: how many were."""

    action: str
    reps: int
    shallow: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Held:
    """One hold of an action."""

    action: str
    start_s: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Session:
    """One session. started: local time, as far as the machine knew it. ended: False after a power cut or a kill.

    models: (kind, name, version) of each. sets and holds: in the order of time.
    """

    id: int
    started: datetime
    ended: bool
    source: str
    duration_s: float
    workout: str | None = None
    models: tuple[tuple[str, str, str | None], ...] = ()
    sets: tuple[Set, ...] = ()
    holds: tuple[Held, ...] = ()

    @property
    def done(self) -> tuple[Set | Held, ...]:
        """Sets and holds in the order of time."""
        return tuple(sorted((*self.sets, *self.holds), key=lambda one: one.start_s))


@dataclass(frozen=True, slots=True)
class PastRep:
    """A rep of the history. number: in its set, from 1. Times are seconds of its session's source."""

    session: int
    set_id: int
    number: int
    action: str
    start_s: float
    turned_s: float | None
    end_s: float
    range_of_motion: float
    shallow: bool

    @property
    def seconds(self) -> float:
        """From its start to its end."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Bests:
    """The most reps in one set and the longest hold, by action."""

    reps: dict[str, int] = field(default_factory=dict)
    holds_s: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Totals:
    """Reps and seconds held, by action."""

    reps: dict[str, int] = field(default_factory=dict)
    holds_s: dict[str, float] = field(default_factory=dict)


class History:
    """Reads one history; open it with `open_history`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def sessions(self, last: int | None = None, first_id: int | None = None) -> list[Session]:
        """The newest `last` sessions, or those from `first_id` on, oldest first; all of them without either."""
        # By id: a clock that was wrong when a session began must not change the order.
        rows = self._db.execute(
            "SELECT id, started_at, ended_at, source, duration_s, workout FROM sessions WHERE id >= ?"
            " ORDER BY id DESC LIMIT ?",
            (first_id or 0, -1 if last is None else last),
        ).fetchall()[::-1]
        if not rows:
            return []
        since = rows[0][0]
        models = self._by_session("SELECT session, kind, name, version FROM models WHERE session >= ?", since)
        sets = self._by_session(
            "SELECT sets.session, sets.action, count(*), sum(shallow), sets.start_s, sets.end_s FROM sets"
            " JOIN reps ON reps.set_id = sets.id WHERE sets.session >= ? GROUP BY sets.id ORDER BY sets.id", since
        )  # fmt: skip
        holds = self._by_session(
            "SELECT session, action, start_s, seconds FROM holds WHERE session >= ? ORDER BY id", since
        )
        return [
            Session(
                number, datetime.fromisoformat(started).astimezone(), ended is not None, source, duration_s or 0.0,
                workout, tuple(models.get(number, ())), tuple(Set(*row) for row in sets.get(number, ())),
                tuple(Held(*row) for row in holds.get(number, ())),
            )
            for number, started, ended, source, duration_s, workout in rows
        ]  # fmt: skip

    def reps(self, session: int | None = None) -> Iterator[PastRep]:
        """Every rep, of one session or of all, in the order of time."""
        where = "" if session is None else "WHERE session = ?"
        cursor = self._db.execute(
            "SELECT session, set_id, row_number() OVER (PARTITION BY set_id ORDER BY id), action, start_s, turned_s,"
            f" end_s, range_of_motion, shallow FROM reps {where} ORDER BY id",
            () if session is None else (session,),
        )
        for row in cursor:
            yield _past(row)

    def newest_full_reps(self, last: int = 2000) -> list[PastRep]:
        """The newest reps that were not shallow, oldest first."""
        rows = self._db.execute(
            "SELECT session, set_id, 0, action, start_s, turned_s, end_s, range_of_motion, 0 FROM reps"
            " WHERE NOT shallow ORDER BY id DESC LIMIT ?", (last,),
        )  # fmt: skip
        return [_past(row) for row in rows][::-1]

    def bests(self, before: int | None = None) -> Bests:
        """The personal bests, of the sessions before one, or of all."""
        limit = 2**62 if before is None else before
        reps = self._db.execute(
            "SELECT action, max(reps) FROM"
            " (SELECT action, count(*) AS reps FROM reps WHERE session < ? GROUP BY set_id) GROUP BY action", (limit,)
        )  # fmt: skip
        holds = self._db.execute("SELECT action, max(seconds) FROM holds WHERE session < ? GROUP BY action", (limit,))
        return Bests(dict(reps.fetchall()), dict(holds.fetchall()))

    def days(self) -> list[date]:
        """The days, in local time, on which something was counted or held, in order, each once."""
        rows = self._db.execute(
            "SELECT DISTINCT date(started_at, 'localtime') FROM sessions"
            " WHERE id IN (SELECT session FROM reps UNION SELECT session FROM holds) ORDER BY 1"
        )
        return [date.fromisoformat(day) for (day,) in rows]

    def newest(self) -> int:
        """The number of the newest session; 0 without any."""
        return int(self._db.execute("SELECT coalesce(max(id), 0) FROM sessions").fetchone()[0])

    def totals(self, day: date, before: int | None = None) -> Totals:
        """What was done on one day of local time, whenever its session began; of the sessions before one, or of all."""
        limit = 2**62 if before is None else before
        query = (
            "SELECT action, {amount} FROM {table} JOIN sessions ON sessions.id = session WHERE session < ?"
            " AND date(started_at, printf('%+.3f seconds', {moment}), 'localtime') = ? GROUP BY action ORDER BY 2 DESC"
        )
        reps = self._db.execute(
            query.format(amount="count(*)", table="reps", moment="counted_at_s"), (limit, day.isoformat())
        )
        holds = self._db.execute(
            query.format(amount="sum(seconds)", table="holds", moment="start_s"), (limit, day.isoformat())
        )
        return Totals(dict(reps.fetchall()), dict(holds.fetchall()))

    def _by_session(self, query: str, since: int) -> dict[int, list[tuple[Any, ...]]]:
        found: dict[int, list[tuple[Any, ...]]] = {}
        for number, *values in self._db.execute(query, (since,)):
            found.setdefault(number, []).append(tuple(values))
        return found


def _past(row: tuple[Any, ...]) -> PastRep:
    session, set_id, number, action, start_s, turned_s, end_s, range_of_motion, shallow = row
    return PastRep(session, set_id, number, action, start_s, turned_s, end_s, range_of_motion, bool(shallow))


@contextmanager
def open_history(folder: Path) -> Iterator[History | None]:
    """The history in `folder`; None where nothing was saved yet. Raises RepSightError when it can't be read."""
    if not (folder / FILE).exists():
        yield None
        return
    try:
        db = open_database(folder)
    except DamagedError as error:
        raise RepSightError(f"{error}; the next session with a camera sets it aside and begins a new one") from None
    except DiskError as error:
        raise RepSightError(str(error).replace("; counting goes on", "")) from None
    with closing(db):
        try:
            db.execute("PRAGMA query_only = ON")
            yield History(db)
        except sqlite3.Error as error:
            raise RepSightError(f"{folder / FILE}: can't be read: {error}") from None


def streak(days: Sequence[date], today: date) -> int:
    """How many days in a row something was done, up to today, or up to yesterday while today may still come."""
    known, day = set(days), today
    if day not in known:
        day -= timedelta(days=1)
    length = 0
    while day in known:
        length, day = length + 1, day - timedelta(days=1)
    return length
