"""What is hardly a rep: it waits for the next, and counts with it or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from classifier.counter import RepCounter
from classifier.doubt import Doubt
from classifier.head import Prediction
from classifier.rep import Rep
from configs.loader import load_actions
from configs.schema import Counting
from keypoints.card import CardAction

ACTIONS = load_actions()
CARD = tuple(CardAction(name=n, kind=a.kind) for n, a in ACTIONS.actions.items())
SEEN = np.ones((17, 3), np.float32)


def rep(start_s: float, action: str = "squat") -> Rep:
    return Rep(action, start_s, start_s + 1, start_s + 1.2, 0.5, True)


def starts_s(reps: tuple[Rep, ...]) -> list[float]:
    return [each.start_s for each in reps]


def test_a_clear_rep_counts_at_once_and_so_does_what_follows_it() -> None:
    doubt = Doubt(enough=0.1, wait_s=6)
    assert [starts_s(doubt.add(rep(at_s), evidence)) for at_s, evidence in [(0, 0.3), (2, 0.01), (5, 0.01)]] == [
        [0],
        [2],
        [5],
    ]


def test_weak_reps_count_together_when_there_are_enough_of_them() -> None:
    doubt = Doubt(enough=0.1, wait_s=6)
    assert not doubt.add(rep(0), 0.04)
    assert not doubt.add(rep(2), 0.04)
    counted = doubt.add(rep(4), 0.04)
    assert starts_s(counted) == [0, 2, 4]
    assert {each.counted_at_s for each in counted} == {5.2}, "none was counted before"


@pytest.mark.parametrize(("action", "start_s"), [("squat", 7.5), ("deadlift", 2.0)], ids=["too late", "another"])
def test_a_weak_rep_is_dropped_when_the_next_one_is_no_part_of_its_set(action: str, start_s: float) -> None:
    doubt = Doubt(enough=0.1, wait_s=6)
    doubt.add(rep(0), 0.04)
    assert starts_s(doubt.add(rep(start_s, action), 0.3)) == [start_s]


def test_a_set_ends_with_its_pause() -> None:
    doubt = Doubt(enough=0.1, wait_s=6)
    doubt.add(rep(0), 0.3)
    assert not doubt.add(rep(8), 0.04)


def test_nobody_inherits_the_reps_of_somebody_else() -> None:
    doubt = Doubt(enough=0.1, wait_s=6)
    doubt.add(rep(0), 0.09)
    doubt.reset()
    assert not doubt.add(rep(2), 0.04)


def squats(counter: RepCounter, count: int, length: float, start_s: float = 0.0) -> None:
    """Whole squats of two seconds, then a second of standing. length: of the phase vector."""
    for time_s in np.arange(0, 2 * count + 1, 0.04):
        angle = 2 * np.pi * min(time_s / 2, count)
        probabilities = np.full(len(CARD), 0.4 / (len(CARD) - 1), np.float32)
        probabilities[ACTIONS.names.index("squat")] = 0.6
        # How far is plain, the way it goes is not: as of somebody who is seen from above.
        phase = np.array([np.cos(angle), length * np.sin(angle)], np.float32)
        counter.update(start_s + float(time_s), SEEN, Prediction(probabilities, phase))


def test_one_odd_movement_is_none_and_two_are_a_set() -> None:
    counter = RepCounter(CARD, ACTIONS)
    squats(counter, 1, length=0.15)
    assert counter.reps == {} and counter.finish() == ()
    counter = RepCounter(CARD, ACTIONS)
    squats(counter, 2, length=0.15)
    assert counter.reps == {"squat": 2}


def test_the_person_who_leaves_takes_the_doubtful_rep_along() -> None:
    counter = RepCounter(CARD, ACTIONS)
    squats(counter, 1, length=0.15)
    counter.lose_person()
    squats(counter, 1, length=0.15, start_s=3.5)
    assert counter.reps == {}


def test_without_a_limit_none_waits() -> None:
    counter = RepCounter(CARD, ACTIONS, Counting(enough=0))
    squats(counter, 1, length=0.15)
    assert counter.reps == {"squat": 1}
