"""The count of the day goes on through restarts, a kill, midnight and a clock that is set right."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from classifier.rep import Rep
from edge.history.database import FILE
from edge.history.day import Today, WithToday
from edge.history.log import SessionLog
from edge.history.read import Totals, open_history
from edge.reading import Reading
from edge.scoreboard import Scoreboard
from edge.words import words_in

NOON = datetime(2026, 6, 3, 12, 0).timestamp()  # local time, as the user's day is
HOUR = 3600.0


def reading(time_s: float, *reps: str, **fields: Any) -> Reading:
    new = tuple(Rep(action, time_s - 1.5, time_s, time_s, 0.9, False, time_s - 0.8) for action in reps)
    return Reading(time_s, None, "squat", 0.9, fields.pop("state", "counting"), new_reps=new, **fields)


class Clocks:
    """A wall clock that can be set, and one that can't."""

    def __init__(self, wall_s: float = NOON) -> None:
        self.wall_s, self.steady_s = wall_s, 1000.0

    def wall(self) -> float:
        return self.wall_s

    def steady(self) -> float:
        return self.steady_s

    def passes(self, seconds: float) -> None:
        self.wall_s, self.steady_s = self.wall_s + seconds, self.steady_s + seconds


def session(folder: Path, clocks: Clocks, *reps: str, killed: bool = False) -> None:
    """A session of a rep each two seconds, that ends or is killed."""
    with SessionLog(folder, wall=clocks.wall, steady=clocks.steady) as log:
        log.begin("0", live=False)
        for number, action in enumerate(reps):
            clocks.passes(2.0)
            log.add(reading(2.0 * (number + 1), action))
        if not killed:
            log.end(2.0 * len(reps))


def test_a_run_goes_on_from_what_was_done_earlier_today(tmp_path: Path) -> None:
    clocks = Clocks()
    session(tmp_path, clocks, "squat", "squat", "push_up")
    session(tmp_path, clocks, "squat", killed=True)
    with SessionLog(tmp_path, wall=clocks.wall, steady=clocks.steady) as log:
        today = Today(log, clocks.wall, clocks.steady)
        log.begin("0")
        assert today.add(reading(0.0)) == Totals({"squat": 3, "push_up": 1})
        assert today.add(reading(2.0, "squat")) == Totals({"squat": 4, "push_up": 1})
        assert today.earlier


def test_yesterday_is_not_today(tmp_path: Path) -> None:
    session(tmp_path, Clocks(NOON - 24 * HOUR), "squat")
    clocks = Clocks()
    with SessionLog(tmp_path, wall=clocks.wall) as log:
        assert log.today == Totals()
        assert not Today(log, clocks.wall, clocks.steady).earlier


def test_reps_after_midnight_are_of_the_new_day_though_their_session_began_before(tmp_path: Path) -> None:
    clocks = Clocks(NOON + 12 * HOUR - 3.0)  # three seconds before it
    session(tmp_path, clocks, "squat", "squat", "squat")
    day = datetime.fromtimestamp(NOON).date()
    with open_history(tmp_path) as past:
        assert past is not None
        assert past.totals(day) == Totals({"squat": 1})
        assert past.totals(day + timedelta(days=1)) == Totals({"squat": 2})


def test_a_run_that_goes_on_past_midnight_begins_anew(tmp_path: Path) -> None:
    clocks = Clocks(NOON + 12 * HOUR - 60.0)
    session(tmp_path, clocks, "squat")
    with SessionLog(tmp_path, wall=clocks.wall, steady=clocks.steady) as log:
        today = Today(log, clocks.wall, clocks.steady)
        log.begin("0")
        assert today.add(reading(1.0, "squat")) == Totals({"squat": 2})
        clocks.passes(90.0)
        assert today.add(reading(91.0)) == Totals()
        assert today.add(reading(92.0, "squat")) == Totals({"squat": 1})


def test_a_clock_that_is_set_right_brings_back_the_day(tmp_path: Path) -> None:
    session(tmp_path, Clocks(), "squat", "squat")
    clocks = Clocks(NOON - 48 * HOUR)  # a Pi without a battery, before it has heard of the time
    with SessionLog(tmp_path, wall=clocks.wall, steady=clocks.steady) as log:
        today = Today(log, clocks.wall, clocks.steady)
        log.begin("0")
        assert today.add(reading(1.0, "squat")) == Totals({"squat": 1})
        clocks.wall_s = NOON + HOUR
        today.add(reading(2.0))
        log.flush()
        assert today.add(reading(3.0, "squat")) == Totals({"squat": 4}), "two of this run, two of the one before"


def test_seconds_held_are_added_up(tmp_path: Path) -> None:
    clocks = Clocks()
    with SessionLog(tmp_path, wall=clocks.wall, steady=clocks.steady) as log:
        log.begin("0", live=False)
        log.end(1.0)
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("INSERT INTO holds (session, action, start_s, seconds) VALUES (1, 'plank', 2.0, 30.0)")
    with SessionLog(tmp_path, wall=clocks.wall, steady=clocks.steady) as log:
        today = Today(log, clocks.wall, clocks.steady)
        log.begin("0")
        for second in range(1, 91):
            clocks.passes(1.0)
            totals = today.add(reading(float(second), holds_s={"plank": float(second)}))
        assert totals.holds_s["plank"] == pytest.approx(120.0)


def test_the_line_shows_once_today_has_more_than_this_run_and_the_runs_own_count_stays_its_own(tmp_path: Path) -> None:
    clocks = Clocks()
    for earlier, line in ((), ()), (("squat",) * 11, (("Today", "12 squats"),)):
        session(tmp_path, clocks, *earlier)
        with SessionLog(tmp_path, wall=clocks.wall, steady=clocks.steady) as log:
            board = WithToday(Scoreboard(), Today(log, clocks.wall, clocks.steady)).update(
                reading(2.0, "squat", reps={"squat": 1})
            )
        assert board.number == "1"
        assert board.totals == line


def test_the_line_speaks_the_language_of_the_screen(tmp_path: Path) -> None:
    clocks = Clocks()
    session(tmp_path, clocks, *("squat",) * 11)
    with SessionLog(tmp_path, wall=clocks.wall, steady=clocks.steady) as log:
        today = Today(log, clocks.wall, clocks.steady)
        board = WithToday(Scoreboard(), today, words_in("de")).update(
            reading(2.0, "squat", reps={"squat": 1}, holds_s={"plank": 30.0})
        )
    assert board.totals[0] == ("Heute", "12 Kniebeugen, Plank 30 s")
