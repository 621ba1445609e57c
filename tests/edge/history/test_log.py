"""The session log loses at most the rep in progress, never stops the counting, and never keeps a frame waiting."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from classifier.rep import Rep
from configs.schema import Run
from edge.history.database import FILE, MIGRATIONS, SCHEMA_VERSION, default_folder
from edge.history.log import SessionLog
from edge.reading import Reading
from edge.run import run as run_edge
from edge.screens import Screen
from keypoints.errors import InputError

ROOT = Path(__file__).parents[3]


def reading(time_s: float, **fields: Any) -> Reading:
    return Reading(time_s, None, fields.pop("action", "squat"), 0.9, fields.pop("state", "counting"), **fields)


def rep(end_s: float, shallow: bool = False, action: str = "squat") -> Rep:
    return Rep(action, end_s - 1.5, end_s, end_s, 0.9, shallow, end_s - 0.8)


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """What another process sees in the file now."""
    with sqlite3.connect(folder / FILE) as db:
        return db.execute(query).fetchall()


def test_a_rep_of_a_film_is_on_disk_before_the_next_frame(tmp_path: Path) -> None:
    with SessionLog(tmp_path) as log:
        log.begin("demo", live=False)
        log.add(reading(2.0, new_reps=(rep(2.0),)))
        query = "SELECT action, start_s, turned_s, end_s, counted_at_s, range_of_motion, shallow FROM reps"
        assert rows(tmp_path, query) == [("squat", 0.5, 1.2, 2.0, 2.0, 0.9, 0)]
        assert rows(tmp_path, "SELECT source, ended_at, duration_s FROM sessions") == [("demo", None, 2.0)], "running"


def test_a_camera_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    with SessionLog(tmp_path) as log, sqlite3.connect(tmp_path / FILE, isolation_level=None) as other:
        log.begin("0")
        log.flush()
        other.execute("BEGIN IMMEDIATE")  # a disk that takes its time: nobody can write meanwhile
        for second in range(1, 31):
            log.add(reading(2.0 * second, new_reps=(rep(2.0 * second),)))
        assert rows(tmp_path, "SELECT count(*) FROM reps") == [(0,)], "and yet every reading was taken"
        other.execute("COMMIT")
        log.end(60.0)
        assert log.trouble is None
        assert rows(tmp_path, "SELECT count(*) FROM reps") == [(30,)]
    other.close()


def test_a_disk_that_does_not_answer_is_said_and_the_end_is_not_waited_for(tmp_path: Path) -> None:
    log, held = SessionLog(tmp_path), threading.Event()
    log._put(lambda _: held.wait() and None)
    log.flush(timeout_s=0.05)
    assert log.trouble is not None and "the disk does not answer; counting goes on" in log.trouble
    held.set()
    log.close()


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


def test_the_models_of_a_session_are_kept_with_version_and_digest(tmp_path: Path) -> None:
    models = {"pose": {"name": "yolo", "model": "yolo11n-pose", "version": "2", "sha256": "ab"},
              "head": {"name": "gru", "version": "7", "sha256": "cd"}}  # fmt: skip
    with SessionLog(tmp_path) as log:
        log.begin("0", models, workout="Starter")
    found = rows(tmp_path, "SELECT kind, name, version, sha256 FROM models ORDER BY kind DESC")
    assert found == [("pose", "yolo11n-pose", "2", "ab"), ("head", "gru", "7", "cd")]
    assert rows(tmp_path, "SELECT workout FROM sessions") == [("Starter",)]


def test_the_password_of_a_camera_is_not_kept(tmp_path: Path) -> None:
    with SessionLog(tmp_path) as log:
        log.begin("rtsp://me:secret@cam.local:554/live")
    assert rows(tmp_path, "SELECT source FROM sessions") == [("rtsp://cam.local:554/live",)]


def test_a_long_pause_or_another_action_ends_a_set(tmp_path: Path) -> None:
    done = [(2, "squat"), (4, "squat"), (30, "squat"), (32, "push_up"), (34, "squat")]
    with SessionLog(tmp_path, set_pause_s=10) as log:
        log.begin("0")
        for end_s, action in done:
            log.add(reading(end_s, new_reps=(rep(end_s, action=action),)))
    query = "SELECT sets.action, count(*), sets.end_s FROM sets JOIN reps ON set_id = sets.id GROUP BY sets.id"
    assert rows(tmp_path, query) == [("squat", 2, 4), ("squat", 1, 30), ("push_up", 1, 32), ("squat", 1, 34)]


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
    with SessionLog(tmp_path) as log:
        log.begin("demo", live=False)
        for i in range(121):
            log.add(reading(i / 10, action="plank", state="hold", holds_s={"plank": i / 10}))
        ((seconds,),) = rows(tmp_path, "SELECT seconds FROM holds")
        assert 7 <= seconds <= 12
        log.end(12.0)
        assert rows(tmp_path, "SELECT seconds FROM holds") == [(12.0,)]


def test_a_clock_that_is_set_in_mid_session_changes_no_duration_and_mends_the_stamp(tmp_path: Path) -> None:
    steady, wrong_by = [1000.0], [-30 * 86400.0]  # a machine without a clock of its own: a month ago, until told
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
    wall = lambda: noon + steady[0] - 1000 + wrong_by[0]  # noqa: E731
    with SessionLog(tmp_path, wall=wall, steady=lambda: steady[0]) as log:
        log.begin("0", live=False)
        for second in range(2, 61, 2):
            steady[0] = 1000 + second
            wrong_by[0] = -30 * 86400.0 if second < 30 else 0.0
            log.add(reading(float(second), new_reps=(rep(float(second)),)))
        log.end(60.0)
    ((started, ended, duration_s),) = rows(tmp_path, "SELECT started_at, ended_at, duration_s FROM sessions")
    assert duration_s == 60
    assert (started, ended) == ("2026-11-22T12:00:00+00:00", "2026-11-22T12:01:00+00:00")
    assert rows(tmp_path, "SELECT count(DISTINCT set_id), count(*) FROM reps") == [(1, 30)], "one set, as it was"


def test_the_schema_version_is_stored_and_a_newer_one_is_refused(tmp_path: Path) -> None:
    SessionLog(tmp_path).close()
    assert rows(tmp_path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert rows(tmp_path, "PRAGMA journal_mode") == [("wal",)]
    rows(tmp_path, "PRAGMA user_version = 99")
    with pytest.raises(InputError, match=rf"newer RepSight \(expected at most {SCHEMA_VERSION}, found 99\)"):
        SessionLog(tmp_path)


def test_a_history_of_the_first_version_becomes_one_of_the_newest_with_everything_in_it(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as db:
        for statement in MIGRATIONS[0]:
            db.execute(statement)
        db.execute("PRAGMA user_version = 1")
        for session in (1, 2):
            db.execute("INSERT INTO sessions VALUES (?, '2026-10-01T10:00:00+00:00', NULL, '0', 50)", (session,))
            for end_s, action in ((2, "squat"), (4, "squat"), (40, "squat"), (42, "push_up")):
                db.execute("INSERT INTO reps (session, action, start_s, end_s, counted_at_s, range_of_motion, shallow)"
                           " VALUES (?, ?, ?, ?, ?, 0.9, 0)", (session, action, end_s - 1, end_s, end_s))  # fmt: skip
    db.close()
    with SessionLog(tmp_path) as log:
        log.begin("0")
        log.add(reading(2.0, new_reps=(rep(2.0),)))
    query = ("SELECT sets.session, sets.action, count(*), sets.start_s, sets.end_s FROM sets"
             " JOIN reps ON set_id = sets.id GROUP BY sets.id")  # fmt: skip
    old = [("squat", 2, 1.0, 4.0), ("squat", 1, 39.0, 40.0), ("push_up", 1, 41.0, 42.0)]
    assert rows(tmp_path, query) == [(1, *one) for one in old] + [(2, *one) for one in old] + [
        (3, "squat", 1, 0.5, 2.0)
    ]
    assert rows(tmp_path, "SELECT count(*) FROM reps WHERE set_id IS NULL") == [(0,)]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_text("a file"), "can't be made"),
        (
            lambda path: (path.mkdir(), sqlite3.connect(path / FILE).execute("CREATE TABLE notes (x)")),
            "another program",
        ),
        (lambda path: (path.mkdir(), (path / FILE).mkdir()), "can't be written"),
    ],
    ids=["the folder is a file", "another program's database in its place", "a folder in its place"],
)
def test_a_log_that_cannot_be_written_gives_one_clear_line(tmp_path: Path, make: Any, says: str) -> None:
    make(tmp_path / "log")
    with pytest.raises(InputError, match=says) as caught:
        SessionLog(tmp_path / "log")
    assert str(tmp_path / "log") in str(caught.value)


def _text(path: Path) -> None:
    path.write_text("no database " * 100)


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _overwritten(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 : 3 * 4096] = b"\x07" * 8192
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [_text, _half, _overwritten])
def test_a_damaged_file_is_set_aside_whole_a_new_one_begun_and_that_is_said(tmp_path: Path, damage: Any) -> None:
    with SessionLog(tmp_path) as log:
        log.begin("old")
    damage(tmp_path / FILE)
    before = (tmp_path / FILE).read_bytes()
    with SessionLog(tmp_path) as log:
        log.begin("new", live=False)
        log.add(reading(2.0, new_reps=(rep(2.0),)))
        assert log.trouble is None
        (notice,) = log.notices
    (aside,) = tmp_path.glob(f"{FILE}.damaged-*")
    assert f"{tmp_path / FILE} is damaged: it is now {aside.name}, and a new history begins" == notice
    assert aside.read_bytes() == before
    assert rows(tmp_path, "SELECT source FROM sessions") == [("new",)]


def test_a_full_disk_ends_the_logging_and_is_said_once_and_what_was_written_stays(tmp_path: Path) -> None:
    with SessionLog(tmp_path) as log:
        log.begin("demo", live=False)
        # What SQLite says then is what it says of a full disk.
        log._put(lambda writer: writer._db.execute("PRAGMA max_page_count = 18") and None)
        for i in range(2000):
            log.add(reading(float(i), new_reps=(rep(float(i)),)))
            if log.trouble:
                break
        assert log.trouble is not None
        assert "full" in log.trouble
        assert str(tmp_path) in log.trouble
        ((kept,),) = rows(tmp_path, "SELECT count(*) FROM reps")
        assert 0 < kept < 2000
        log.add(reading(3000.0, new_reps=(rep(3000.0),)))
        log.end(3000.0)
    assert rows(tmp_path, "SELECT count(*) FROM reps") == [(kept,)], "no log with a hole in it"


#: A process that logs a rep every few milliseconds, and says how many are saved.
WRITER = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from classifier.rep import Rep
    from edge.history.log import SessionLog
    from edge.reading import Reading
    folder, source, count, pause_s = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    with SessionLog(folder) as log:
        for notice in log.notices:
            print("notice", notice, flush=True)
        log.begin(source, live=False)
        for i in range(1, count + 1):
            rep = Rep("squat", 2.0 * i - 1.5, 2.0 * i, 2.0 * i, 0.9, False)
            log.add(Reading(2.0 * i, None, "squat", 0.9, "counting", new_reps=(rep,)))
            print(i, flush=True)
            time.sleep(pause_s)
        log.end(2.0 * count)
    if log.trouble:
        sys.exit(log.trouble)
    """
)


def writer(folder: Path, source: str, count: int, pause_s: float) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", WRITER, str(folder), source, str(count), str(pause_s)]
    return subprocess.Popen(arguments, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_kill_in_mid_set_loses_at_most_the_rep_in_progress(tmp_path: Path) -> None:
    for run, after in enumerate((1, 4, 9), start=1):
        process = writer(tmp_path, f"run {run}", 1000, 0.02)
        assert process.stdout is not None
        said = next(line for line in process.stdout if int(line) >= after)
        process.kill()
        said = process.stdout.read().split()[-1:] or [said]
        process.communicate()
        ((kept,),) = rows(tmp_path, f"SELECT count(*) FROM reps WHERE session = {run}")
        assert int(said[0]) <= kept <= int(said[0]) + 1, "and none was made up"
        assert rows(tmp_path, "PRAGMA integrity_check") == [("ok",)]
        newest = rows(tmp_path, f"SELECT duration_s, ended_at FROM sessions WHERE id = {run}")
        assert newest == [(2.0 * kept, None)], "as long as what is known of it"
    assert rows(
        tmp_path, "SELECT count(*) FROM (SELECT session, end_s FROM reps GROUP BY 1, 2 HAVING count(*) > 1)"
    ) == [(0,)]


def test_two_processes_at_once_keep_both_sessions_whole_also_when_they_begin_with_a_damaged_file(
    tmp_path: Path,
) -> None:
    _text(tmp_path / FILE)
    running = [writer(tmp_path, name, 60, 0.002) for name in ("one", "two")]
    said = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    assert sum("notice" in out for out, _ in said) == 1, "one of them set it aside"
    assert len(list(tmp_path.glob(f"{FILE}.damaged-*"))) == 1
    query = "SELECT source, count(*), count(DISTINCT set_id), duration_s, ended_at IS NOT NULL FROM sessions"
    found = rows(tmp_path, f"{query} JOIN reps ON session = sessions.id GROUP BY sessions.id ORDER BY source")
    assert found == [("one", 60, 1, 120.0, 1), ("two", 60, 1, 120.0, 1)]
    assert rows(tmp_path, "PRAGMA integrity_check") == [("ok",)]


def test_a_process_waits_while_another_one_opens_the_history(tmp_path: Path) -> None:
    opened = threading.Event()
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    other = threading.Thread(target=lambda: (SessionLog(tmp_path).close(), opened.set()))
    other.start()
    assert not opened.wait(0.2) and not (tmp_path / FILE).exists()
    os.close(handle)
    other.join()
    assert opened.is_set()


def test_the_default_folder_honours_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "repsight"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".local/share/repsight"


def test_a_rep_of_a_film_is_on_disk_before_anybody_sees_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []

    class Watched(Screen):
        def show(self, picture: Any, board: Any, reading: Reading) -> bool:
            if reading.new_reps:
                told.append((sum(reading.reps.values()), rows(tmp_path, "SELECT count(*) FROM reps")[0][0]))
            return True

    monkeypatch.setattr("edge.run.open_screen", lambda _: Watched())
    film = ROOT / "tests" / "pi" / "sequences" / "jumping_jacks.npz"
    run_edge(Run(source=str(film), screen="none", log=str(tmp_path), sound="none"))
    assert told == [(number, number) for number in range(1, 13)]
