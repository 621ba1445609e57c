"""The history over HTTP: what the pages read, what is downloaded, and what deleting leaves."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from classifier.rep import Rep
from edge.history.database import FILE, open_database
from edge.history.log import SessionLog
from edge.history.read import open_history
from edge.history.remove import delete_session
from edge.history.show import history
from edge.history.writer import Hold, Moment, SessionWriter
from keypoints.errors import RepSightError

from .conftest import Serve, Site, reading


def fill(folder: Path, sessions: int = 1) -> None:
    """Sessions of three squats, one of them shallow, two push-ups and a plank; now."""
    import time

    with_models: dict[str, Any] = {"pose": {"name": "p", "version": "1", "sha256": ""}}
    for _ in range(sessions):
        db = open_database(folder)
        writer, now = SessionWriter(db, 15.0), Moment(time.time(), 0.0)
        writer.begin(now, "0", with_models, None)
        reps = [Rep("squat", t, t + 2.0, t + 2.0, 0.5 if t == 3 else 0.9, t == 3, t + 1.2) for t in (0.0, 3.0, 6.0)]
        reps += [Rep("push_up", t, t + 1.0, t + 1.0, 0.8, False, None) for t in (40.0, 42.0)]
        writer.add(now, 43.0, reps, Hold("plank", 50.0, 12.5))
        writer.end(now, 63.0)
        writer.commit()
        db.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The history that the site shows."""
    return tmp_path / "log"


def test_the_pages_read_what_the_history_holds(site: Site, log: Path) -> None:
    fill(log, 2)
    told = json.loads(site.ask("/api/sessions").body)
    assert told["streak"] == 1
    assert told["best_sets"] == {"squat": 3, "push_up": 2}
    assert told["longest_holds_s"] == {"plank": 12.5}
    assert told["names"]["push_up"] == {"one": "push-up", "many": "push-ups", "title": "Push-up"}
    assert [[done["reps"] for done in one["sets"]] for one in told["sessions"]] == [[3, 2], [3, 2]]
    one = json.loads(site.ask("/api/sessions/2").body)["session"]
    assert [(rep["set"], rep["number"], rep["shallow"]) for rep in one["reps"]] == [
        (1, 1, False), (1, 2, True), (1, 3, False), (2, 1, False), (2, 2, False),
    ]  # fmt: skip
    assert one["models"] == [{"kind": "pose", "name": "p", "version": "1"}]


def test_the_pages_are_empty_before_the_first_session(site: Site, log: Path) -> None:
    assert json.loads(site.ask("/api/sessions").body)["sessions"] == []
    assert site.ask("/api/sessions/1").status == 404
    assert site.ask("/api/sessions/1", method="DELETE").status == 404
    assert site.ask("/api/reps.json").body == b"[]\n"
    assert len(site.ask("/api/reps.csv").body.splitlines()) == 1
    assert not log.exists(), "looking makes nothing"


def test_downloads_are_what_the_command_writes(site: Site, log: Path, tmp_path: Path) -> None:
    fill(log, 2)
    for session, query in ((None, ""), (1, "?session=1")):
        history(log, session=session, csv_file=tmp_path / "reps.csv")
        answer = site.ask(f"/api/reps.csv{query}")
        assert answer.body.decode() == (tmp_path / "reps.csv").read_bytes().decode()
        assert answer.headers["content-disposition"].startswith('attachment; filename="repsight')
        rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
        whole = json.loads(site.ask(f"/api/reps.json{query}").body)
        assert sum(len(one["reps"]) + len(one["holds"]) for one in whole) == len(rows) == (12 if session is None else 6)


@pytest.mark.parametrize("number", ["0", "-1", "x", "9007199254740993", "99999999999999999999", "1.5", "%00"])
def test_what_is_no_number_of_a_session_is_refused(site: Site, log: Path, number: str) -> None:
    fill(log)
    for method in ("GET", "DELETE"):
        assert site.ask(f"/api/sessions/{number}", method=method).status in (404, 422)
    assert site.ask(f"/api/reps.csv?session={number}").status == 422


def test_deleting_takes_a_session_with_everything_that_belongs_to_it(site: Site, log: Path) -> None:
    fill(log, 3)
    assert site.ask("/api/sessions/2", method="DELETE", origin=f"http://127.0.0.1:{site.port}").status == 204
    assert site.ask("/api/sessions/2", method="DELETE").status == 404
    assert [one["id"] for one in json.loads(site.ask("/api/reps.json").body)] == [1, 3]
    with sqlite3.connect(log / FILE) as db:
        for table in ("sessions", "sets", "reps", "holds", "models"):
            column = "id" if table == "sessions" else "session"
            left = {row[0] for row in db.execute(f"SELECT {column} FROM {table}")}
            assert left == {1, 3}, table
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_deleting_happens_whole_or_not_at_all(log: Path) -> None:
    fill(log)
    with sqlite3.connect(log / FILE) as db:
        db.execute("CREATE TRIGGER refuse BEFORE DELETE ON sessions BEGIN SELECT raise(ABORT, 'no'); END")
    with pytest.raises(RepSightError, match="session 1 can't be deleted: no"):
        delete_session(log, 1)
    with open_history(log) as past:
        assert past is not None
        assert len(list(past.reps(1))) == 5


def rep(start_s: float) -> Rep:
    return Rep("squat", start_s, start_s + 1, start_s + 1, 0.9, False, start_s + 0.5)


def test_nothing_more_is_kept_of_a_session_that_was_deleted_while_it_ran(log: Path) -> None:
    first, second = SessionLog(log, wall=lambda: 1e9), SessionLog(log, wall=lambda: 1e9 + 2)
    with first, second:
        first.begin("0")
        first.add(reading(2, new_reps=(rep(1),)))
        first.flush()
        assert delete_session(log, 1)
        second.begin("1")  # gets the number that is free again
        first.add(reading(4, new_reps=(rep(3),)))
        first.end(5)
        second.add(reading(4, new_reps=(rep(2), rep(3))))
        second.end(6)
        assert (first.trouble, second.trouble) == (None, None)
        assert (first.deleted, second.deleted) == (True, False)
    with open_history(log) as past:
        assert past is not None
        (left,) = past.sessions()
        assert (left.source, left.duration_s, [done.reps for done in left.sets]) == ("1", 6, [2])


def test_reading_never_writes(log: Path) -> None:
    fill(log)
    with pytest.raises(RepSightError, match="readonly"), open_history(log) as past:
        assert past is not None
        past._db.execute("DELETE FROM reps")


def test_a_damaged_history_is_said_and_the_live_page_goes_on(serve: Serve, log: Path) -> None:
    log.mkdir()
    (log / FILE).write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    site = serve()
    for path, method in (("/api/sessions", "GET"), ("/api/reps.csv", "GET"), ("/api/sessions/1", "DELETE")):
        answer = site.ask(path, method=method)
        assert answer.status == 503
        assert "damaged" in json.loads(answer.body)["detail"]
    site.tell()
    assert site.ask("/api/now").status == 200
    assert (log / FILE).exists(), "looking sets nothing aside"
