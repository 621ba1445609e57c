"""A description adds up what is in a set, and is shown as a table and a picture."""

from __future__ import annotations

import io
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from configs.loader import load_actions
from data.describe import NO_LABEL, Description, describe
from data.overview import picture, table
from keypoints import skeleton
from keypoints.errors import InputError
from keypoints.labels import Labelled, Segment
from keypoints.types import KeypointSequence

ACTIONS = load_actions()


def recording(
    name: str, label: str | None, reps: int | None = None, subject: str = "anna", frames: int = 20
) -> Labelled:
    keypoints = np.ones((frames, 17, 3), np.float32)
    keypoints[: frames // 2, skeleton.L_ANKLE] = 0
    keypoints[-frames // 4 :] = 0
    sequence = KeypointSequence(keypoints, np.arange(frames) / 10, (640, 480), subject=subject)
    segments = None if label is None else (Segment(label, 0.0, (frames - 1) / 10),)
    return Labelled(name, sequence, exercise=label, segments=segments, reps=reps)


@pytest.fixture
def description() -> Description:
    recordings = [
        recording("a", "squats", 3), recording("b", "squats", 4, "ben"), recording("c", "burpee", 2, "cleo", 40),
        recording("d", None, subject="dan"), recording("e", "push-up"),
    ]  # fmt: skip
    return describe("my set", recordings, ACTIONS)


def test_what_is_in_a_set_is_added_up(description: Description) -> None:
    squats, push_up, burpee, unlabelled = description.classes
    assert (squats.label, squats.action, squats.recordings, squats.groups, squats.reps) == ("squats", "squat", 2, 2, 7)
    assert squats.seconds == pytest.approx(3.8)
    assert squats.nobody == pytest.approx(0.25)
    assert squats.missing[skeleton.L_ANKLE] == pytest.approx(10 / 15) and squats.missing[skeleton.R_ANKLE] == 0
    assert (push_up.action, push_up.reps) == ("push_up", None)
    assert (burpee.action, unlabelled.label) == ("other", NO_LABEL)
    assert (description.total.recordings, description.total.groups, description.total.reps) == (5, 4, None)
    assert description.sizes == {(640, 480): 5} and description.rates == {10: 5}


def test_a_recording_of_several_actions_counts_for_each() -> None:
    one = recording("a", None)
    sequence = KeypointSequence(
        one.sequence.keypoints, one.sequence.time_s, (640, 480), ("stand",) * 10 + ("squat",) * 10
    )
    classes = {c.label: c for c in describe("set", [Labelled.of("a", sequence)], ACTIONS).classes}
    assert classes["stand"].seconds == pytest.approx(1.0) and classes["squat"].seconds == pytest.approx(0.9)
    assert classes["stand"].missing[skeleton.L_ANKLE] == pytest.approx(10 / 11)


def test_the_table_has_a_row_a_class_and_says_what_to_know(description: Description) -> None:
    shown = io.StringIO()
    Console(width=80, file=shown).print(table(description))
    text = shown.getvalue()
    assert re.search(r"squats +squat +2 +2 0:04 ", text) and re.search(r"all +5 +4 0:12 ", text)
    for said in ("squats", "single example: push-up", "none of our actions", "640×480 (5)"):
        assert said in text
    assert "left ankle" in text and "of our actions it has no stand, plank" in text


def test_the_picture_is_written_and_shows_something(description: Description, tmp_path: Path) -> None:
    file = picture(description, tmp_path / "new" / "set.png")
    image = cv2.imread(str(file))
    assert image is not None and image.shape[1] > 1000 and image.std() > 10
    with pytest.raises(InputError, match="can't be written"):
        picture(description, tmp_path / "set.nonsense")
