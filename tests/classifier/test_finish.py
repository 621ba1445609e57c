"""What is done when the source ends is counted, though averages lag behind; what is not done is not."""

from __future__ import annotations

import numpy as np
import pytest

from classifier.counter import RepCounter
from classifier.head import Prediction
from classifier.window import Window
from configs.loader import load_actions
from configs.schema import Counting
from keypoints.card import CardAction

ACTIONS = load_actions()
CLASSES = [CardAction(name=name, kind=action.kind) for name, action in ACTIONS.actions.items()]
SQUAT = np.eye(len(CLASSES), dtype=np.float32)[ACTIONS.names.index("squat")]
SEEN = np.ones((17, 3), np.float32)


@pytest.mark.parametrize(("way_back", "counted"), [(0.95, 1), (0.6, 0)])
def test_the_way_back_that_is_done_at_the_end_counts(way_back: float, counted: int) -> None:
    counter = RepCounter(CLASSES, ACTIONS, Counting(smooth_s=0.2))
    down, up = np.linspace(0, 1, 10), np.linspace(1, 1 - way_back, 4)  # up so fast that the average lags behind
    for number, share in enumerate([*[0.0] * 6, *down, *up]):
        sine = 1.0 if number < 16 else -1.0
        count = counter.update(number / 12, SEEN, Prediction(SQUAT, np.array([1 - 2 * share, sine], np.float32)))
        assert not count.new_reps
    assert len(counter.finish()) == counted
    assert counter.reps.get("squat", 0) == counted
    assert counter.finish() == ()


def test_nothing_seen_is_nothing_to_finish() -> None:
    assert RepCounter(CLASSES, ACTIONS).finish() == ()
    assert Window(10, 10.0).finish() == []


def test_the_last_pose_stands_for_the_sample_that_was_to_come() -> None:
    window = Window(4, 10.0)
    window.push(0.0, SEEN)
    assert window.finish() == []
    window.push(0.04, SEEN * 2)
    [(time_s, samples)] = window.finish()
    assert time_s == pytest.approx(0.1)
    assert np.array_equal(samples[-1], SEEN * 2)
