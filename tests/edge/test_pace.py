"""Tempo, and the time of sets and rests."""

from __future__ import annotations

import math
from typing import Any

import pytest

from classifier.rep import Rep
from edge.pace import REST_AFTER_S, Pace
from edge.reading import Reading
from edge.scoreboard import KEYS_AFTER_S, Scoreboard
from edge.words import words_in


def reading(time_s: float, **fields: Any) -> Reading:
    return Reading(time_s, None, **{"action": "stand", "confidence": 0.9, "state": "rest", **fields})


def done(time_s: float, action: str = "squat", seconds: float = 2.0, **fields: Any) -> Reading:
    """The reading that counts a rep which ends then."""
    rep = Rep(action, time_s - seconds, time_s, time_s, 0.9, False, time_s - 0.4 * seconds)
    return reading(time_s, action=action, state="counting", new_reps=(rep,), **fields)


def after(*readings: Reading) -> Pace:
    pace = Pace(set_pause_s=15)
    for one in readings:
        pace.update(one)
    return pace


def test_a_set_begins_with_its_first_rep_and_goes_on_through_short_pauses() -> None:
    pace = after(done(10), done(13), done(27), reading(28))
    assert (pace.set_s, pace.rest_s) == (20, None)


@pytest.mark.parametrize("new", [done(45), done(15, "lunge")], ids=["a long pause", "another exercise"])
def test_another_set_begins_at_its_own_first_rep(new: Reading) -> None:
    assert after(done(10), done(13), new).set_s == 2


def test_a_rest_counts_from_the_last_rep_and_nothing_but_a_rep_ends_it() -> None:
    rest = [done(10), reading(10 + REST_AFTER_S)]
    assert (after(*rest).set_s, after(*rest).rest_s) == (None, REST_AFTER_S)
    bent = reading(30, action="squat", state="counting", phase=math.pi)  # picks something up
    assert after(*rest, bent, reading(31)).rest_s == 21
    assert after(*rest, done(50)).rest_s is None


def test_a_slow_rep_is_no_rest() -> None:
    half_way = [reading(10 + t, action="squat", state="counting", phase=math.pi) for t in range(12)]
    assert after(done(10), *half_way).set_s == 13


def test_a_rest_follows_a_hold_whose_seconds_are_shown_anyway() -> None:
    holds = [reading(t, action="plank", state="hold", holds_s={"plank": t}) for t in range(30)]
    assert (after(*holds).set_s, after(*holds).rest_s) == (None, None)
    assert after(*holds, reading(40)).rest_s == 11


def test_nothing_has_a_time_before_anything_is_done() -> None:
    pace = after(reading(0), reading(60))
    assert (pace.last, pace.set_s, pace.rest_s) == (None, None, None)


@pytest.mark.parametrize(
    ("language", "details"),
    [("en", (("Set", "0:03"), ("Tempo", "1.2 + 0.8 s"))), ("de", (("Satz", "0:03"), ("Tempo", "1,2 + 0,8 s")))],
)
def test_the_board_tells_the_sets_time_and_the_ways_there_and_back(language: Any, details: object) -> None:
    scores = Scoreboard(words_in(language))
    scores.update(done(10, reps={"squat": 1}))
    assert scores.update(reading(11, action="squat", state="counting", reps={"squat": 1})).details == details


def test_tempo_is_that_of_the_exercise_shown() -> None:
    scores = Scoreboard()
    scores.update(done(10, reps={"squat": 1}))
    assert [name for name, _ in scores.update(reading(12, action="push_up", state="counting")).details] == ["Set"]
    assert scores.update(reading(17, action="stand", reps={"squat": 1})).details[0] == ("Rest", "0:07")


def test_keys_are_named_while_nobody_is_at_work() -> None:
    scores = Scoreboard()
    assert scores.update(reading(0, state="ready")).keys == (), "the screen's own, and nothing to reset yet"
    assert scores.update(done(10, reps={"squat": 1})).keys is None
    assert scores.update(reading(11, reps={"squat": 1})).keys is None
    assert scores.update(reading(10 + KEYS_AFTER_S, reps={"squat": 1})).keys == (("r", "from zero"),)
