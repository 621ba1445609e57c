"""What a person sees of the history: the table, one session, the CSV file, the picture, bests and streaks."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

import cli
from classifier.rep import Rep
from edge.history import show
from edge.history.chart import draw_days
from edge.history.database import FILE
from edge.history.log import SessionLog
from edge.history.read import Bests, Held, Session, Set, open_history, streak
from edge.look import GREEN
from edge.reading import Reading
from keypoints.errors import InputError, RepSightError

TODAY = date(2026, 11, 22)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three sessions: squats in two sets, one rep of them shallow; push-ups and a plank; one that was broken off."""
    began = datetime(2026, 11, 20, 18).timestamp()
    for number in range(3):
        wall = began + 86400 * number
        log = SessionLog(tmp_path / "log", wall=lambda at=wall: at, steady=lambda: 0.0)
        log.begin("0", {"head": {"name": "gru", "version": "3", "sha256": "ab"}}, live=False)
        for end_s in ((2, 4, 6, 40, 42), (2, 4), (2,))[number]:
            action = ("squat", "push_up", "squat")[number]
            done = Rep(action, end_s - 1.5, end_s, end_s, 0.5 if end_s == 42 else 0.9, end_s == 42, end_s - 0.5)
            log.add(Reading(end_s, None, action, 0.9, "counting", new_reps=(done,)))
        if number == 1:
            log.add(Reading(70, None, "plank", 0.9, "hold", holds_s={"plank": 60.0}))
        if number < 2:
            log.end(75.0)
        log.close()
    return tmp_path / "log"


def printed(folder: Path, **options: object) -> str:
    console = Console(file=io.StringIO(), width=100)
    show.history(folder, console=console, **options)  # type: ignore[arg-type]
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_tells_what_was_done_and_what_was_reached(folder: Path) -> None:
    lines = printed(folder).splitlines()
    assert "squats 3 + 2 (1 shallow)" in lines[1] and "Fri 20 Nov 2026 18:00" in lines[1] and "1:15" in lines[1]
    assert "push-ups 2, plank 1:00" in lines[2]
    assert "0:02+" in lines[3] and "broken off" in lines[4]
    assert "best sets: 2 push-ups, 3 squats" in lines[-1] and "longest: plank 1:00" in lines[-1]
    assert "squats 3 + 2" not in printed(folder, last=1)


def test_one_session_shows_every_rep_with_its_tempo_and_range(folder: Path) -> None:
    text = printed(folder, session=1)
    assert "head gru 3" in text
    assert [line.split() for line in text.splitlines() if "shallow" in line] == [
        ["2", "0:40", "1.5", "1.0", "0.5", "50%", "shallow"]
    ]
    with pytest.raises(InputError, match=r"no such session \(expected 1 to 3, found 9\)"):
        show.history(folder, session=9)


def test_the_csv_file_has_a_row_for_every_rep_and_hold(folder: Path, tmp_path: Path) -> None:
    assert show.history(folder, csv_file=tmp_path / "all.csv") == [f"wrote {tmp_path / 'all.csv'}"]
    with (tmp_path / "all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    assert [row["set"] for row in rows if row["session"] == "1"] == ["1", "1", "1", "2", "2"]
    assert [(row["kind"], row["seconds"]) for row in rows if row["action"] == "plank"] == [("hold", "60.0")]
    assert rows[4]["shallow"] == "1" and rows[4]["range_of_motion"] == "0.5"


def test_the_command_lists_writes_and_draws(folder: Path, tmp_path: Path) -> None:
    def call(*arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(cli.cli, ["history", "--log", str(folder), *map(str, arguments)])
        return result.exit_code, result.output

    assert call()[0] == 0 and "squats" in call()[1]
    assert call("--plot", tmp_path / "days.png") == (0, f"wrote {tmp_path / 'days.png'}\n")
    assert cv2.imread(str(tmp_path / "days.png")).shape == (720, 1280, 3)
    code, output = call("2", "--csv", "-")
    assert code == 0 and output.count("\n") == 4
    for wrong in (["--plot", "x.jpg"], ["yoga"], ["1", "2"], ["--csv", "/proc/x.csv"], ["scren=none"]):
        code, output = call(*wrong)
        assert code == 2 and output.startswith("error: ") and output.count("\n") == 1, output


def test_without_a_history_it_says_how_one_begins_and_makes_none(tmp_path: Path) -> None:
    (line,) = show.history(tmp_path / "nothing")
    assert "No session yet" in line and not (tmp_path / "nothing").exists()


def test_looking_at_a_damaged_history_says_so_and_leaves_it_alone(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("no database " * 100)
    with pytest.raises(RepSightError, match=r"damaged.*sets it aside"):
        show.history(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_bests_and_days_are_those_of_every_session(folder: Path) -> None:
    with open_history(folder) as past:
        assert past is not None
        assert past.bests() == Bests({"push_up": 2, "squat": 3}, {"plank": 60.0})
        assert past.bests(before=2) == Bests({"squat": 3}, {})
        assert past.days() == [TODAY - timedelta(days=2), TODAY - timedelta(days=1), TODAY]
        assert len(past.newest_full_reps()) == 7


def test_a_session_that_goes_beyond_says_so_and_a_first_time_does_not(folder: Path) -> None:
    with SessionLog(folder) as log:
        log.begin("0", live=False)
        for end_s in (2, 4, 6):
            log.add(
                Reading(
                    end_s,
                    None,
                    "push_up",
                    0.9,
                    "counting",
                    new_reps=(Rep("push_up", end_s - 1, end_s, end_s, 1, False),),
                )
            )
        log.add(Reading(9, None, "lunge", 0.9, "counting", new_reps=(Rep("lunge", 8, 9, 9, 1, False),)))
        log.end(10.0)
        assert log.new_bests() == Bests({"push_up": 3}, {})


@pytest.mark.parametrize(("ago", "length"), [([], 0), ([0], 1), ([1], 1), ([2], 0), ([0, 1, 2, 4], 3), ([1, 2, 3], 3)])
def test_a_streak_lasts_until_a_whole_day_went_by(ago: list[int], length: int) -> None:
    assert streak([TODAY - timedelta(days=days) for days in ago], TODAY) == length


@pytest.mark.parametrize("days", [7, 28, 366])
def test_the_picture_has_bars_where_something_was_done(days: int) -> None:
    def picture(make: Callable[[int], Session], count: int) -> np.ndarray:
        return draw_days([make(i) for i in range(count)], Bests({"squat": 30}, {"plank": 90.0}), 2, TODAY, days)

    def session(ago: int) -> Session:
        started = datetime(2026, 11, 22, 9).astimezone() - timedelta(days=ago)
        sets = (Set("squat", 30 + ago, 0, 0.0, 60.0), Set("push_up", 12, 0, 90.0, 120.0))
        return Session(ago, started, True, "0", 300.0, None, (), sets, (Held("plank", 200.0, 90.0),))

    empty, full = picture(session, 0), picture(session, 5)
    assert empty.shape == full.shape == (720, 1280, 3)
    bars = (full[160:640, 100:925] == GREEN).all(2).any(0)
    assert bars[-20:].any() and not bars[: len(bars) // 8].any(), "the last days, on the right"
    assert not (empty == GREEN).all(2).any()
