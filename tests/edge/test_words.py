"""The words that the user reads."""

from __future__ import annotations

from typing import get_args

import pytest

from configs.loader import load_actions
from edge.reading import State
from edge.words import STATES, clock, name_of, plural_of, reps_in_words, title_of, totals_in_words


@pytest.mark.parametrize(
    ("action", "title", "plural"),
    [
        ("squat", "Squat", "squats"),
        ("push_up", "Push-up", "push-ups"),
        ("biceps_curl", "Biceps curl", "biceps curls"),
        ("shoulder_press", "Shoulder press", "shoulder presses"),
        ("jumping_jack", "Jumping jack", "jumping jacks"),
        ("stand", "Standing", "standings"),
        ("my_own_exercise", "My own exercise", "my own exercises"),
    ],
)
def test_actions_read_like_english(action: str, title: str, plural: str) -> None:
    assert (title_of(action), plural_of(action)) == (title, plural)


def test_every_state_has_words_and_every_action_a_name_without_underscores() -> None:
    assert set(STATES) == set(get_args(State))
    assert not any("_" in name_of(action) for action in load_actions().names)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (42.9, "0:42"), (61, "1:01"), (3723, "1:02:03")])
def test_time_reads_like_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_summary_names_what_was_done() -> None:
    assert (
        totals_in_words({"squat": 5, "push_up": 4, "lunge": 0}, {"plank": 5.14}) == "5 squats, 4 push-ups, plank 5.1 s"
    )
    assert totals_in_words({}, {"plank": 0.0}) == "nothing counted"
    assert reps_in_words("sit_up", 1) == "1 sit-up"
