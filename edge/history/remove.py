"""A session out of the history, with everything that belongs to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from edge.history.database import FILE, DamagedError, DiskError, open_database, transaction
from keypoints.errors import RepSightError


def delete_session(folder: Path, session: int) -> bool:
    """Delete a session for good, all of it or nothing; False where there is none of that number.

    Of one that is still running nothing more is kept. Raises RepSightError when the history can't be changed.
    """
    if not (folder / FILE).exists():
        return False
    try:
        with closing(open_database(folder)) as db:
            db.execute("PRAGMA secure_delete = ON")  # nothing of it stays in pages that are free now
            with transaction(db):
                for table in ("reps", "holds", "sets", "models"):
                    db.execute(f"DELETE FROM {table} WHERE session = ?", (session,))
                return db.execute("DELETE FROM sessions WHERE id = ?", (session,)).rowcount > 0
    except (DamagedError, DiskError, sqlite3.Error) as error:
        raise RepSightError(f"session {session} can't be deleted: {error}") from None
