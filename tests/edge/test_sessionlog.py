"""The session log loses at most the rep in progress, and never stops the counting."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from classifier.counter import Rep
from edge.reading import Reading
from edge.sessionlog import FILE, SCHEMA_VERSION, SessionLog, default_folder
from keypoints.errors import InputError


def reading(time_s: float, **fields: Any) -> Reading:
    return Reading(time_s, None, fields.pop("action", "squat"), 0.9, fields.pop("state", "counting"), **fields)


def rep(end_s: float, shallow: bool = False) -> Rep:
    return Rep("squat", end_s - 1.5, end_s, end_s, 0.9, shallow)


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """What another process sees in the file now."""
    with sqlite3.connect(folder / FILE) as db:
        return db.execute(query).fetchall()


def test_a_rep_is_on_disk_before_the_next_frame(tmp_path: Path) -> None:
    with SessionLog(tmp_path) as log:
        log.begin("demo")
        log.add(reading(2.0, new_reps=(rep(2.0),)))
        assert rows(tmp_path, "SELECT action, start_s, end_s, counted_at_s, range_of_motion, shallow FROM reps") == [
            ("squat", 0.5, 2.0, 2.0, 0.9, 0)
        ]
        assert rows(tmp_path, "SELECT source, ended_at FROM sessions") == [("demo", None)], "still running"


def test_sessions_follow_each_other_in_one_file(tmp_path: Path) -> None:
    for source in ("a.mp4", "b.mp4"):
        with SessionLog(tmp_path) as log:
            log.begin(source)
            log.add(reading(2.0, new_reps=(rep(2.0, shallow=True),)))
            log.end(12.5)
    query = (
        "SELECT source, duration_s, ended_at >= started_at, shallow FROM sessions JOIN reps ON session = sessions.id"
    )
    assert rows(tmp_path, query) == [("a.mp4", 12.5, 1, 1), ("b.mp4", 12.5, 1, 1)]


def test_each_hold_is_one_row_with_its_seconds(tmp_path: Path) -> None:
    total = 0.0
    with SessionLog(tmp_path) as log:
        log.begin("demo")
        for start_s, length_s in ((10, 6.0), (30, 3.0)):
            for i in range(int(length_s * 10) + 1):
                held = total + i / 10
                # A hold shows after two seconds, and then they are counted at once.
                shown = i >= 20
                log.add(reading(start_s + i / 10, action="plank", state="hold" if shown else "ready",
                                holds_s={"plank": held if shown else total}))  # fmt: skip
            total += length_s
            log.add(reading(start_s + length_s + 0.1, action="stand", state="rest", holds_s={"plank": total}))
        log.end(40.0)
    found = rows(tmp_path, "SELECT action, round(start_s, 3), round(seconds, 3) FROM holds")
    assert found == [("plank", 10.0, 6.0), ("plank", 30.0, 3.0)]


def test_a_hold_in_progress_is_on_disk_up_to_a_few_seconds_ago(tmp_path: Path) -> None:
    log = SessionLog(tmp_path)
    log.begin("demo")
    for i in range(121):
        log.add(reading(i / 10, action="plank", state="hold", holds_s={"plank": i / 10}))
    ((seconds,),) = rows(tmp_path, "SELECT seconds FROM holds")
    assert 7 <= seconds <= 12


def test_the_schema_version_is_stored_and_a_newer_one_is_refused(tmp_path: Path) -> None:
    SessionLog(tmp_path).close()
    assert rows(tmp_path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert rows(tmp_path, "PRAGMA journal_mode") == [("wal",)]
    rows(tmp_path, "PRAGMA user_version = 99")
    with pytest.raises(InputError, match=r"newer RepSight \(expected at most 1, found 99\)"):
        SessionLog(tmp_path)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_text("a file"), "can't be made"),
        (lambda path: (path.mkdir(), (path / FILE).write_text("no database " * 100)), "not a session log"),
        (lambda path: (path.mkdir(), (path / FILE).mkdir()), "can't be written"),
    ],
    ids=["the folder is a file", "another file in its place", "a folder in its place"],
)
def test_a_log_that_cannot_be_written_gives_one_clear_line(tmp_path: Path, make: Any, says: str) -> None:
    make(tmp_path / "log")
    with pytest.raises(InputError, match=says) as caught:
        SessionLog(tmp_path / "log")
    assert str(tmp_path / "log") in str(caught.value)


def test_a_full_disk_ends_the_logging_and_is_said_once_and_what_was_written_stays(tmp_path: Path) -> None:
    with SessionLog(tmp_path) as log:
        log.begin("demo")
        log._db.execute("PRAGMA max_page_count = 12")  # what SQLite says then is what it says of a full disk
        for i in range(2000):
            log.add(reading(float(i), new_reps=(rep(float(i)),)))
        assert log.trouble is not None
        assert "full" in log.trouble
        assert str(tmp_path) in log.trouble
        ((kept,),) = rows(tmp_path, "SELECT count(*) FROM reps")
        assert 0 < kept < 2000
        log._db.execute("PRAGMA max_page_count = 1000")
        log.add(reading(3000.0, new_reps=(rep(3000.0),)))
        log.end(3000.0)
    assert rows(tmp_path, "SELECT count(*) FROM reps") == [(kept,)], "no log with a hole in it"


def test_the_default_folder_honours_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "repsight"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".local/share/repsight"
