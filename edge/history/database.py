"""The history's file: where it lies, its tables and their versions, and what becomes of a damaged one."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from keypoints.errors import InputError, RepSightError

FILE: Final = "sessions.db"

#: What a later process waits for an earlier one that writes.
_PATIENCE_S: Final = 10.0

_FIRST: Final = (
    """CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    started_at TEXT NOT NULL,          -- UTC, ISO 8601
    ended_at TEXT,                     -- NULL after a power cut
    source TEXT NOT NULL,
    duration_s REAL
)""",
    """CREATE TABLE reps (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions (id),
    action TEXT NOT NULL,
    start_s REAL NOT NULL,             -- seconds of the source, as everywhere
    end_s REAL NOT NULL,
    counted_at_s REAL NOT NULL,
    range_of_motion REAL NOT NULL,     -- share of a full rep
    shallow INTEGER NOT NULL
)""",
    """CREATE TABLE holds (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions (id),
    action TEXT NOT NULL,
    start_s REAL NOT NULL,
    seconds REAL NOT NULL
)""",
    "CREATE INDEX reps_of_session ON reps (session)",
    "CREATE INDEX holds_of_session ON holds (session)",
)

#: Sets, models, the turning point of a rep, the workout. Reps from before get sets by the pause of then: 15 s.
_SECOND: Final = (
    "ALTER TABLE sessions ADD COLUMN workout TEXT",  # the plan that was followed, if one
    """CREATE TABLE models (
    session INTEGER NOT NULL REFERENCES sessions (id),
    kind TEXT NOT NULL,                -- pose or head
    name TEXT NOT NULL,
    version TEXT,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (session, kind)
)""",
    """CREATE TABLE sets (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions (id),
    action TEXT NOT NULL,
    start_s REAL NOT NULL,             -- of its first rep
    end_s REAL NOT NULL                -- of its newest rep
)""",
    "ALTER TABLE reps ADD COLUMN set_id INTEGER REFERENCES sets (id)",
    "ALTER TABLE reps ADD COLUMN turned_s REAL",  # when it was farthest from where it began
    """CREATE TEMPORARY TABLE numbered AS
    SELECT id, session, action, start_s, end_s, sum(opens) OVER (ORDER BY session, id) AS number FROM (
        SELECT *, action IS NOT lag(action) OVER earlier OR start_s - lag(end_s) OVER earlier > 15 AS opens
        FROM reps WINDOW earlier AS (PARTITION BY session ORDER BY id)
    )""",
    """INSERT INTO sets SELECT number, min(session), min(action), min(start_s), max(end_s)
    FROM numbered GROUP BY number""",
    "UPDATE reps SET set_id = (SELECT number FROM numbered WHERE numbered.id = reps.id)",
    "DROP TABLE numbered",
    "CREATE INDEX sets_of_session ON sets (session)",
    "CREATE INDEX reps_of_set ON reps (set_id)",
)

#: How each version of the tables comes out of the one before it; the first out of nothing. Never change one that
#: was released: append another.
MIGRATIONS: Final = (_FIRST, _SECOND)
SCHEMA_VERSION: Final = len(MIGRATIONS)


class DamagedError(RepSightError):
    """The file is no database, or one whose pages contradict each other."""


class DiskError(RepSightError):
    """The disk is full, or does not work."""


def default_folder() -> Path:
    """`repsight` in the user's data folder (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "repsight"


def folder_of(text: str) -> Path:
    """The folder that the setting `log` means; `auto` and `always` are the user's own."""
    return default_folder() if text in ("auto", "always") else Path(text).expanduser()


def open_database(folder: Path, tell: Callable[[str], None] | None = None) -> sqlite3.Connection:
    """Open the history in `folder` for reading and writing, in the newest version; make what is not there.

    tell: is told when a damaged file was set aside and a new one begun; without it such a file is left alone, and
    DamagedError raised. Raises InputError when the file can't be opened, DiskError when the disk is full or fails.
    """
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone_in(folder):
            try:
                return _open(path)
            except DamagedError:
                if tell is None:
                    raise
                aside = _set_aside(path)
                tell(f"{path} is damaged: it is now {aside.name}, and a new history begins")
                return _open(path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskError(f"{path}: nothing can be saved: the disk is full; counting goes on") from None
        raise InputError(f"can't be made: {error.strerror}", file=folder, field="log folder",
                         hint="choose another with --log DIR") from None  # fmt: skip


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is wrong, and not its place or the disk."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(error: sqlite3.Error) -> int:
    """The primary result code (sqlite.org, "Result and Error Codes"): the low byte of the extended one."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _open(path: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE_S, check_same_thread=False)
    except sqlite3.Error as error:
        raise _refused(path, error) from None
    try:
        _prepare(db, path)
    except sqlite3.Error as error:
        db.close()
        raise _refused(path, error) from None
    except RepSightError:
        db.close()
        raise
    return db


def _refused(path: Path, error: sqlite3.Error) -> RepSightError:
    if is_damage(error):
        return DamagedError(f"{path}: damaged: {error}")
    if _code(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return DiskError(f"{path}: nothing can be saved: {error}; counting goes on")
    return InputError(f"can't be written: {error}", file=path, field="session log",
                      hint="choose another folder with --log DIR")  # fmt: skip


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    problem = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise DamagedError(f"{path}: damaged: {problem}")
    db.execute("PRAGMA journal_mode = WAL")
    # FULL: each commit reaches the disk, so that a power cut loses at most the rep in progress.
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    # A folder that has become read-only shows here, before the camera opens, and not at the first rep.
    with transaction(db):
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise InputError("written by a newer RepSight", file=path, field="schema version",
                             expected=f"at most {SCHEMA_VERSION}", found=version, hint="update RepSight")  # fmt: skip
        if version == 0 and db.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise InputError("is a database of another program", file=path, field="session log",
                             hint="choose another folder with --log DIR")  # fmt: skip
        for migration in MIGRATIONS[version:]:
            for statement in migration:
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of the body or nothing of it. Raises sqlite3.Error."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite has rolled back by itself where the disk failed
            db.execute("ROLLBACK")
        raise


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """One process at a time looks at the file, so that no two set it aside, the second one the new file."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        until_s = time.monotonic() + _PATIENCE_S
        while not _locked(handle) and time.monotonic() < until_s:
            time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    """Whether the lock is ours, or can't be had at all: not every network share has locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES, errno.EINTR)
    return True


def _set_aside(path: Path) -> Path:
    """Give the file another name, and with it what belongs to it: its own log would spoil the new one."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (f"{path.name}.damaged-{stamp}" + (f"-{number}" if number else "") for number in range(1000))
    aside = next(place for name in names if not (place := path.with_name(name)).exists())
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside
