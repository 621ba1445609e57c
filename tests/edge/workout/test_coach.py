"""What the coach shows and says: the set in place of the session, the rest, and how a rep was."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from classifier.rep import Rep
from configs.schema import Hints
from configs.workout import Workout
from edge.reading import Reading
from edge.words import words_in
from edge.workout.coach import Coach
from edge.workout.form import Form
from edge.workout.progress import WorkoutProgress
from edge.workout.voice import Voice


def rep(end_s: float, seconds: float = 2.0, range_of_motion: float = 0.95) -> Rep:
    return Rep("squat", end_s - seconds, end_s, end_s, range_of_motion, range_of_motion < 0.7)


def reading(time_s: float, **fields: Any) -> Reading:
    content = {"action": "squat", "state": "counting", **fields}
    return Reading(time_s, None, confidence=0.9, **content)


class Notebook:
    """A speaker that writes down what it is to say."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def beep(self) -> None:
        self.said.append("beep")


@pytest.mark.parametrize(
    ("done", "headline", "advice"),
    [
        (rep(100), None, ""),
        (rep(100, range_of_motion=0.5), "Shallow", "Counted"),
        (rep(100, range_of_motion=0.75), "Go further", "75% of the way, your best reps reach 95%"),
        (rep(100, seconds=1.1), "Slower", "1.1 s, your best reps take 2.0 s"),
        (rep(100, seconds=1.3), None, ""),
    ],
)
def test_a_rep_is_judged_by_the_persons_own_best_ones(done: Rep, headline: str | None, advice: str) -> None:
    shorter = [rep(i, seconds=1.0, range_of_motion=0.75) for i in range(6)]
    form = Form(Hints(), [*shorter, *(rep(i) for i in range(4))])
    hint = form.judge(done)
    assert (hint.headline if hint else None) == headline
    assert hint is None or advice in hint.advice


def test_nothing_is_compared_before_there_are_reps_enough_or_when_it_is_switched_off() -> None:
    form = Form(Hints(least_reps=3), [rep(1), rep(2)])
    assert form.judge(rep(3, seconds=0.8)) is None
    assert form.judge(rep(4, seconds=0.8)) is not None
    assert Form(Hints(enabled=False), [rep(i) for i in range(9)]).judge(rep(10, range_of_motion=0.4)) is None
    assert Form(Hints(), [rep(i, range_of_motion=0.5) for i in range(9)]).best("squat") is None, (
        "shallow ones are no guide"
    )


def test_a_hint_is_on_the_board_for_a_while() -> None:
    coach = Coach(Form(Hints(), [rep(i) for i in range(6)]))
    hinted = coach.update(reading(10.0, new_reps=(rep(10.0, seconds=0.9),), reps={"squat": 1}))
    assert (hinted.headline, hinted.number) == ("Slower", "1")
    assert coach.update(reading(11.0, reps={"squat": 1})).headline == "Slower"
    assert coach.update(reading(12.0, reps={"squat": 1})).headline == "Counting"


def test_the_board_shows_the_set_and_then_the_rest_and_then_that_all_is_done() -> None:
    plan = {"name": "Mine", "rest_s": 20, "steps": [{"action": "squat", "sets": 2, "reps": 2}]}
    notebook = Notebook()
    coach = Coach(workout=WorkoutProgress(Workout.model_validate(plan)), speaker=notebook)
    start = coach.update(reading(0.0, action="stand", state="ready"))
    assert (start.title, start.number, start.unit) == ("Squat", "0", "of 2, set 1 of 2")
    assert (start.headline, start.advice) == ("Ready", "Now: set 1 of 2, 2 squats")
    coach.update(reading(2.0, new_reps=(rep(2.0),), reps={"squat": 1}))
    coach.update(reading(4.0, new_reps=(rep(4.0),), reps={"squat": 2}))
    rest = coach.update(reading(6.5, action=None, state="no person", reps={"squat": 2}))
    assert (rest.title, rest.number, rest.unit) == ("Rest", "18", "seconds left")
    assert (rest.headline, rest.advice, rest.tone) == ("Next", "set 2 of 2, 2 squats", "calm")
    for tenth in range(65, 245):
        coach.update(reading(tenth / 10, action="stand", state="rest", reps={"squat": 2}))
    other = coach.update(reading(26.0, action="push_up", phase=1.0, reps={"squat": 2}))
    assert (other.headline, other.advice) == ("Not push-up now", "Now: set 2 of 2, 2 squats")
    assert (other.progress, other.details) == (None, ()), "bar and tempo are no squat's"
    for number in (3, 4):
        end = coach.update(reading(24.0 + number, new_reps=(rep(24.0 + number),), reps={"squat": number}))
    assert (end.title, end.number, end.unit, end.headline) == ("Mine", "2", "sets done", "Finished")
    assert notebook.said == [
        "1", "set done, rest 20 seconds, next 2 squats", "beep", "beep", "beep", "go, 2 squats", "1",
        "finished, well done",
    ]  # fmt: skip


def test_a_hold_is_told_every_ten_seconds_and_not_when_the_next_one_begins() -> None:
    notebook = Notebook()
    coach = Coach(speaker=notebook)
    for second in range(2, 25):
        coach.update(reading(second, action="plank", state="hold", holds_s={"plank": float(second)}))
    coach.update(reading(30, action="stand", state="rest", holds_s={"plank": 24.0}))
    for second in range(26, 32):
        coach.update(reading(second + 10, action="plank", state="hold", holds_s={"plank": float(second)}))
    assert notebook.said == ["10 seconds", "20 seconds", "30 seconds"]


def test_r_begins_again_from_zero_and_changes_no_record() -> None:
    notebook = Notebook()
    coach = Coach(speaker=notebook)
    coach.update(reading(2.0, new_reps=(rep(2.0),), reps={"squat": 1}, holds_s={"plank": 9.0}))
    coach.press("r")
    held = {"plank": 9.0}
    zero = coach.update(reading(3.0, action="stand", state="rest", reps={"squat": 1}, holds_s=held))
    assert (zero.number, zero.totals, zero.details, zero.headline) == ("0", (), (), "Ready")
    one = coach.update(reading(5.0, new_reps=(rep(5.0),), reps={"squat": 2}, holds_s=held))
    assert (one.number, notebook.said) == ("1", ["1", "1"])
    coach.press("R")
    assert coach.update(reading(6.0, reps={"squat": 2}, holds_s=held)).number == "0"


def test_r_begins_the_workout_again() -> None:
    plan = {"steps": [{"action": "plank", "seconds": 20}, {"action": "squat", "sets": 2, "reps": 2}]}
    coach = Coach(workout=WorkoutProgress(Workout.model_validate(plan)))
    for second in (2, 15):
        coach.update(reading(second, action="plank", state="hold", holds_s={"plank": float(second)}))
    coach.press("r")
    again = coach.update(reading(16.0, action="plank", state="hold", holds_s={"plank": 16.0}))
    assert (again.number, again.unit) == ("1", "of 20 s")


def test_screen_and_voice_speak_the_same_language() -> None:
    german, notebook = words_in("de"), Notebook()
    plan = {"rest_s": 20, "steps": [{"action": "squat", "sets": 2, "reps": 1}, {"action": "plank", "seconds": 30}]}
    coach = Coach(Form(Hints(), words=german), WorkoutProgress(Workout.model_validate(plan)), notebook, german)
    board = coach.update(reading(2.0, new_reps=(rep(2.0, range_of_motion=0.5),), reps={"squat": 1}))
    assert (board.title, board.unit, board.headline) == ("Pause", "Sekunden noch", "Zu flach")
    later = coach.update(reading(6.0, action="stand", state="rest", reps={"squat": 1}))
    assert (later.headline, later.advice) == ("Gleich", "Satz 2 von 2, 1 Kniebeuge")
    for time_s in (7.0, 8.0):
        coach.press(" ")
        coach.update(reading(time_s, action="stand", state="rest", reps={"squat": 1}))
    assert notebook.said == [
        "Satz fertig, 20 Sekunden Pause, dann 1 Kniebeuge", "los, 1 Kniebeuge",
        "Satz fertig, 20 Sekunden Pause, dann Plank, 30 Sekunden",
    ]  # fmt: skip


def program(folder: Path, name: str, script: str) -> None:
    """A program of that name, first in the path."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A path with nothing in it that can be heard."""
    (tmp_path / "bin").mkdir()
    for name in ("cat", "sleep", "wc"):
        source = next(Path(p) / name for p in os.environ["PATH"].split(":") if (Path(p) / name).exists())
        (tmp_path / "bin" / name).symlink_to(source)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


def test_the_voice_says_it_and_beeps_where_there_is_no_voice(path: Path, tmp_path: Path) -> None:
    program(path, "aplay", f"wc -c >> {tmp_path}/beeps")
    with Voice() as voice:
        voice.say("1")
    assert int((tmp_path / "beeps").read_text()) > 5000, "a WAV file"
    program(path, "espeak-ng", f"cat >> {tmp_path}/said")
    with Voice() as voice:
        voice.say("set done")
    assert (tmp_path / "said").read_text() == "set done"
    with Voice("none") as voice:
        voice.say("never")
        assert not voice.audible
    assert (tmp_path / "said").read_text() == "set done"


def test_the_voice_has_the_language_of_the_screen(path: Path, tmp_path: Path) -> None:
    program(path, "espeak-ng", f'echo "$@" > {tmp_path}/given; cat >> {tmp_path}/given')
    with Voice(language="de") as voice:
        voice.say("zwölf")
    assert (tmp_path / "given").read_text("utf-8") == "-v de --stdin\nzwölf"


def test_nobody_waits_for_a_voice_and_what_is_out_of_date_is_not_said(path: Path, tmp_path: Path) -> None:
    # It speaks until it is told to stop.
    program(path, "espeak-ng", f"cat >> {tmp_path}/said; while [ ! -e {tmp_path}/stop ]; do sleep 0.02; done")
    said = tmp_path / "said"
    with Voice() as voice:
        voice.say("one ")
        while not said.exists() or not said.read_text():
            time.sleep(0.01)
        for number in range(2, 50):
            voice.say(f"{number} ")
        assert said.read_text() == "one ", "and the caller is here already"
        (tmp_path / "stop").touch()
        while "49" not in said.read_text():
            time.sleep(0.01)
    assert said.read_text().split() == ["one", "48", "49"]


@pytest.mark.parametrize("script", ["exit 1", None], ids=["no sound card", "nothing to be heard with"])
def test_a_machine_without_sound_stays_silent(path: Path, script: str | None) -> None:
    if script is not None:
        program(path, "aplay", script)
    with Voice() as voice:
        assert voice.audible == (script is not None)
        for _ in range(10):
            voice.say("1")
