"""Stage 2 on a person that the pose model really saw: the five squats of the demo clip, looked at in other ways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.head import OnnxHead
from classifier.reader import ActionReader
from configs.schema import Run
from edge.sources import open_source
from keypoints.extract import subject_of
from keypoints.geometry import mirrored
from keypoints.types import Frame, KeypointSequence
from keypoints.yolo import YoloPose

pytestmark = pytest.mark.slow

#: Five squats and a moment of standing before and after them.
SECONDS = 17.5


@pytest.fixture(scope="module")
def squats() -> KeypointSequence:
    """What stage 1 gives of the demo clip's squats."""
    with open_source("demo", Run()) as source:
        frames = (frame for frame in source if isinstance(frame, Frame))
        return subject_of(takewhile(lambda frame: frame.time_s <= SECONDS, frames), YoloPose(threads=1))


@pytest.fixture(scope="module")
def head() -> Iterator[OnnxHead]:
    yield OnnxHead()


def count(head: OnnxHead, sequence: KeypointSequence) -> dict[str, int]:
    reader = ActionReader(head)
    for time_s, keypoints in zip(sequence.time_s, sequence.keypoints, strict=True):
        reader.update(float(time_s), keypoints)
    return reader.reps


def moved(sequence: KeypointSequence, scale: float, shift: tuple[float, float]) -> KeypointSequence:
    change = np.float32([scale, scale, 1])
    seen = sequence.keypoints[..., 2:] > 0
    return replace(sequence, keypoints=(sequence.keypoints * change + np.float32([*shift, 0])) * seen)


@settings(max_examples=6)
@given(scale=st.floats(0.1, 6), x=st.floats(-3000, 3000), y=st.floats(-3000, 3000))
def test_the_size_and_place_of_the_person_change_nothing(
    squats: KeypointSequence, head: OnnxHead, scale: float, x: float, y: float
) -> None:
    assert count(head, moved(squats, scale, (x, y))) == {"squat": 5}


def test_a_mirrored_camera_changes_nothing(squats: KeypointSequence, head: OnnxHead) -> None:
    assert count(head, replace(squats, keypoints=mirrored(squats.keypoints, squats.size[0]))) == {"squat": 5}


@settings(max_examples=6)
@given(fps=st.floats(9, 25))
def test_the_frame_rate_changes_nothing(squats: KeypointSequence, head: OnnxHead, fps: float) -> None:
    kept = np.unique(np.floor(squats.time_s * fps + 1e-6), return_index=True)[1]
    thinned = replace(squats, keypoints=squats.keypoints[kept], time_s=squats.time_s[kept])
    assert count(head, thinned) == {"squat": 5}


@settings(max_examples=6)
@given(late_s=st.floats(0, 2.5), clock_s=st.floats(0, 1e5))
def test_when_the_camera_began_changes_nothing(
    squats: KeypointSequence, head: OnnxHead, late_s: float, clock_s: float
) -> None:
    kept = squats.time_s >= late_s
    late = replace(squats, keypoints=squats.keypoints[kept], time_s=squats.time_s[kept] + clock_s)
    assert count(head, late) == {"squat": 5}


def test_a_person_gone_for_two_seconds_in_mid_rep_makes_no_rep(squats: KeypointSequence, head: OnnxHead) -> None:
    whole = ActionReader(head)
    reps = [r for t, k in zip(squats.time_s, squats.keypoints, strict=True) for r in _new(whole, float(t), k)]
    third = reps[2]
    middle = (third.start_s + third.end_s) / 2
    gone = squats.keypoints.copy()
    gone[(squats.time_s > middle) & (squats.time_s < middle + 2.5)] = 0
    counted = count(head, replace(squats, keypoints=gone))
    assert counted["squat"] in (3, 4), "the third rep, and the one that the gap reaches into, are not seen whole"


def _new(reader: ActionReader, time_s: float, keypoints: np.ndarray) -> tuple:  # type: ignore[type-arg]
    result = reader.update(time_s, keypoints)
    return result.new_reps if result is not None else ()
