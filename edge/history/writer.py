"""One session into the history, a transaction at a time; for a thread that may wait for the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from classifier.rep import Rep

#: Seconds between what two clocks say from which on the wall clock was set, and did not merely drift.
JUMP_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was written down. wall_s: seconds since 1970, as the machine believes at that moment.
    steady_s: of a clock that nobody sets."""

    wall_s: float
    steady_s: float


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold so far; two with the same action and start are one."""

    action: str
    start_s: float
    seconds: float


class SessionWriter:
    """Writes one session. What follows `begin` is on the disk with the next `commit`, all of it or nothing.

    Every method raises sqlite3.Error where the disk refuses.
    """

    def __init__(self, db: sqlite3.Connection, set_pause_s: float) -> None:
        """db: from `open_database`. set_pause_s: a longer pause between two reps ends a set."""
        self._db, self._set_pause_s = db, set_pause_s
        self._session: int | None = None
        self._began = Moment(0.0, 0.0)
        self._stamp = ""
        self._set: tuple[str, int, float] | None = None  # action, row, end of its newest rep
        self._in_set = 0
        self._hold: tuple[Hold, int] | None = None
        self.most_reps: dict[str, int] = {}  # in a set of this session
        self.longest_s: dict[str, float] = {}
        self.deleted = False  # by somebody, in mid-session

    def begin(self, now: Moment, source: str, models: Mapping[str, Any], workout: str | None) -> None:
        """A session starts. models: what a run says of its files, by `pose` and `head`."""
        self._began, self._stamp = now, _stamp(now.wall_s)
        self._session = self._write(
            "INSERT INTO sessions (started_at, source, duration_s, workout) VALUES (?, ?, 0, ?)",
            (self._stamp, source, workout),
        )
        for kind, model in models.items():
            name = str(model.get("model") or model.get("name", ""))
            self._write(
                "INSERT INTO models (session, kind, name, version, sha256) VALUES (?, ?, ?, ?, ?)",
                (self._session, kind, name, model.get("version"), str(model.get("sha256", ""))),
            )

    def add(self, now: Moment, time_s: float, reps: Sequence[Rep], hold: Hold | None) -> None:
        """What one reading at `time_s` brought; of a session that was deleted meanwhile nothing more is kept."""
        if not self._touch(now, time_s):
            return
        for rep in reps:
            self._add_rep(rep)
        if hold is not None:
            self._add_hold(hold)

    def end(self, now: Moment, duration_s: float) -> None:
        """The session is over."""
        if self._touch(now, duration_s):
            self._write("UPDATE sessions SET ended_at = ? WHERE id = ?", (_stamp(now.wall_s), self._session))

    def commit(self) -> None:
        """Bring what was written to the disk."""
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def _add_rep(self, rep: Rep) -> None:
        new = self._set is None or self._set[0] != rep.action or rep.start_s - self._set[2] > self._set_pause_s
        if new:
            row = self._write("INSERT INTO sets (session, action, start_s, end_s) VALUES (?, ?, ?, ?)",
                              (self._session, rep.action, rep.start_s, rep.end_s))  # fmt: skip
        else:
            assert self._set is not None
            row = self._set[1]
            self._write("UPDATE sets SET end_s = ? WHERE id = ?", (rep.end_s, row))
        self._set = (rep.action, row, rep.end_s)
        self._in_set = 1 if new else self._in_set + 1
        self.most_reps[rep.action] = max(self._in_set, self.most_reps.get(rep.action, 0))
        self._write(
            "INSERT INTO reps (session, set_id, action, start_s, turned_s, end_s, counted_at_s, range_of_motion,"
            " shallow) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (self._session, row, rep.action, rep.start_s, rep.turned_s, rep.end_s, rep.counted_at_s,
             rep.range_of_motion, rep.shallow),
        )  # fmt: skip

    def _add_hold(self, hold: Hold) -> None:
        known = self._hold
        self.longest_s[hold.action] = max(hold.seconds, self.longest_s.get(hold.action, 0.0))
        if known is not None and (known[0].action, known[0].start_s) == (hold.action, hold.start_s):
            self._write("UPDATE holds SET seconds = ? WHERE id = ?", (hold.seconds, known[1]))
            return
        row = self._write("INSERT INTO holds (session, action, start_s, seconds) VALUES (?, ?, ?, ?)",
                          (self._session, hold.action, hold.start_s, hold.seconds))  # fmt: skip
        self._hold = (hold, row)

    def _touch(self, now: Moment, time_s: float) -> bool:
        """Bring the session's row up to now, so that one that is killed has its length; False when it was deleted.

        A machine without a clock of its own starts with a wrong time and is told the right one later: then the stamp
        of the session's start is worked out from the later time.
        """
        # The number alone would not do: once the newest session is deleted, the next one gets its number.
        mine = (self._session, self._stamp)
        if not self._change("UPDATE sessions SET duration_s = ? WHERE id = ? AND started_at = ?", (time_s, *mine)):
            self.deleted = True
            return False
        began_s = now.wall_s - (now.steady_s - self._began.steady_s)
        if abs(began_s - self._began.wall_s) > JUMP_S:
            self._began, self._stamp = Moment(began_s, self._began.steady_s), _stamp(began_s)
            self._write("UPDATE sessions SET started_at = ? WHERE id = ?", (self._stamp, self._session))
        return True

    def _write(self, statement: str, values: tuple[object, ...]) -> int:
        """One statement; the row that it made."""
        return self._execute(statement, values).lastrowid or 0

    def _change(self, statement: str, values: tuple[object, ...]) -> int:
        """The same; how many rows it changed."""
        return self._execute(statement, values).rowcount

    def _execute(self, statement: str, values: tuple[object, ...]) -> sqlite3.Cursor:
        """The first one begins the transaction."""
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
        return self._db.execute(statement, values)


def _stamp(wall_s: float) -> str:
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="seconds")
