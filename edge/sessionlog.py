"""The session log: sessions, reps and holds in SQLite, committed rep by rep."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from classifier.counter import Rep
from edge.reading import Reading
from keypoints.errors import InputError

FILE: Final = "sessions.db"
SCHEMA_VERSION: Final = 1

#: A hold in progress is written this often, so that a power cut loses no more of it.
HOLD_EVERY_S = 5.0

_SCHEMA = f"""
BEGIN;
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    started_at TEXT NOT NULL,          -- UTC, ISO 8601
    ended_at TEXT,                     -- NULL after a power cut
    source TEXT NOT NULL,
    duration_s REAL
);
CREATE TABLE reps (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions (id),
    action TEXT NOT NULL,
    start_s REAL NOT NULL,             -- seconds of the source, as everywhere
    end_s REAL NOT NULL,
    counted_at_s REAL NOT NULL,
    range_of_motion REAL NOT NULL,     -- share of a full rep
    shallow INTEGER NOT NULL
);
CREATE TABLE holds (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions (id),
    action TEXT NOT NULL,
    start_s REAL NOT NULL,
    seconds REAL NOT NULL
);
CREATE INDEX reps_of_session ON reps (session);
CREATE INDEX holds_of_session ON holds (session);
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""


def default_folder() -> Path:
    """`repsight` in the user's data folder (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "repsight"


class SessionLog:
    """Writes one session. A context manager; leaving it ends the session.

    A write that fails (a full disk) ends the logging and nothing else: `trouble` then says why, in one line.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Open or create the log in `folder`. Raises InputError when it can't be written."""
        folder = folder or default_folder()
        self.path = folder / FILE
        self.trouble: str | None = None
        self._session: int | None = None
        self._held_s: dict[str, float] = {}
        self._hold: tuple[str, int, float, float] | None = None  # action, row, its total before, time written
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"can't be made: {error.strerror}", file=folder, field="log folder",
                             hint="choose another with --log DIR") from None  # fmt: skip
        try:
            self._db = self._open()
        except sqlite3.OperationalError as error:
            raise InputError(f"can't be written: {error}", file=self.path, field="session log",
                             hint="choose another folder with --log DIR") from None  # fmt: skip
        except sqlite3.DatabaseError:
            raise InputError("is not a session log", file=self.path, hint="move it away, a new one is made") from None

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, timeout=2.0)
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            db.close()
            raise InputError("written by a newer RepSight", file=self.path, field="schema version",
                             expected=f"at most {SCHEMA_VERSION}", found=version, hint="update RepSight")  # fmt: skip
        db.execute("PRAGMA journal_mode = WAL")
        # FULL: each commit reaches the disk, so that a power cut loses at most the rep in progress.
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        if version == 0:
            db.executescript(_SCHEMA)
        # A folder that has become read-only shows here, before the camera opens, and not at the first rep.
        db.execute("BEGIN IMMEDIATE")
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("COMMIT")
        return db

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, source: str) -> None:
        """A session starts."""
        self._session = self._insert("INSERT INTO sessions (started_at, source) VALUES (?, ?)", (_now(), source))

    def add(self, reading: Reading) -> None:
        """Write what this reading brought: each new rep at once, a hold every few seconds and at its end."""
        for rep in reading.new_reps:
            self._add_rep(rep)
        self._add_hold(reading)

    def end(self, duration_s: float) -> None:
        """The session is over after `duration_s` of the source; nothing happens where none has begun."""
        if self._hold is not None:
            self._update_hold()
        self._write(
            "UPDATE sessions SET ended_at = ?, duration_s = ? WHERE id = ?", (_now(), duration_s, self._session)
        )

    def close(self) -> None:
        """Close the file; nothing can be written any more."""
        try:
            self._db.close()
        except sqlite3.Error as error:
            self._fail(error)

    def _add_rep(self, rep: Rep) -> None:
        self._insert(
            "INSERT INTO reps (session, action, start_s, end_s, counted_at_s, range_of_motion, shallow)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self._session, rep.action, rep.start_s, rep.end_s, rep.counted_at_s, rep.range_of_motion, rep.shallow),
        )

    def _add_hold(self, reading: Reading) -> None:
        holding = reading.action if reading.state == "hold" else None
        if self._hold is not None and self._hold[0] != holding:
            self._update_hold()
            self._hold = None
        before_s = self._held_s.get(holding or "", 0.0)
        self._held_s = dict(reading.holds_s)
        if holding is None:
            return
        if self._hold is None:
            seconds = self._held_s.get(holding, 0.0) - before_s
            row = self._insert("INSERT INTO holds (session, action, start_s, seconds) VALUES (?, ?, ?, ?)",
                               (self._session, holding, reading.time_s - seconds, seconds))  # fmt: skip
            self._hold = (holding, row or 0, before_s, reading.time_s)
        elif reading.time_s - self._hold[3] >= HOLD_EVERY_S:
            self._update_hold()
            self._hold = (*self._hold[:3], reading.time_s)

    def _update_hold(self) -> None:
        assert self._hold is not None
        action, row, before_s, _ = self._hold
        self._write("UPDATE holds SET seconds = ? WHERE id = ?", (self._held_s.get(action, before_s) - before_s, row))

    def _insert(self, statement: str, values: tuple[object, ...]) -> int | None:
        cursor = self._write(statement, values)
        return cursor.lastrowid if cursor is not None else None

    def _write(self, statement: str, values: tuple[object, ...]) -> sqlite3.Cursor | None:
        """One statement, committed by itself."""
        if self.trouble is not None:
            return None
        try:
            return self._db.execute(statement, values)
        except sqlite3.Error as error:
            self._fail(error)
            return None

    def _fail(self, error: sqlite3.Error) -> None:
        self.trouble = self.trouble or f"{self.path}: the session is no longer logged: {error}; counting goes on"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
