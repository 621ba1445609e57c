"""What may be measured of a sequence follows from what its labels say, and from nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from classifier.evaluation.truth import Event, folder, truth_of
from configs.loader import load_actions
from keypoints.errors import InputError
from keypoints.labels import Labelled, Segment
from keypoints.types import KeypointSequence

REPS = {name for name, action in load_actions().actions.items() if action.kind == "reps"}


def record(**labels: Any) -> Labelled:
    reps_s = labels.pop("reps_s", None)
    times = np.arange(101) / 10
    sequence = KeypointSequence(np.ones((101, 17, 3), np.float32), times, (64, 48),
                                reps_s=None if reps_s is None else np.array(reps_s, np.float64))  # fmt: skip
    return Labelled("one", sequence, **labels)


TWO = (Segment("standing", 0, 4), Segment("squats", 4, 10))


@pytest.mark.parametrize(
    ("labels", "kind", "reps", "allowed"),
    [
        ({}, "unknown", None, set()),
        ({"exercise": "pushup", "reps": 3}, "reps", {"push_up": 3}, {"push_up"}),
        ({"exercise": "pushup", "reps": 0}, "none", {}, set()),
        ({"exercise": "pushup"}, "reps", None, {"push_up"}),
        ({"exercise": "plank", "reps": 0}, "none", {}, set()),
        ({"exercise": "walking"}, "none", None, set()),
        ({"exercise": "front_raise", "reps": 8}, "unnamed", {}, set()),
        ({"exercise": "other", "reps": 0, "mixed": True}, "unknown", {}, set()),
        ({"segments": TWO, "reps_s": [[5, 7], [7, 9]]}, "reps", {"squat": 2}, {"squat"}),
        ({"segments": TWO, "reps_s": np.zeros((0, 2)), "reps": 0}, "none", {}, set()),
        ({"segments": TWO}, "reps", None, {"squat"}),
    ],
)
def test_labels_decide_what_can_be_measured(
    labels: dict[str, Any], kind: str, reps: dict[str, int] | None, allowed: set[str]
) -> None:
    truth = truth_of(record(**labels), folder(load_actions()), REPS)
    assert (truth.kind, truth.reps, set(truth.allowed)) == (kind, reps, allowed)


def test_a_rep_interval_belongs_to_the_action_shown_in_its_middle() -> None:
    truth = truth_of(record(segments=TWO, reps_s=[[7, 9], [3.5, 5]]), folder(load_actions()), REPS)
    assert truth.events == (Event("squat", 3.5, 5.0), Event("squat", 7.0, 9.0))


def test_a_name_of_the_heads_own_is_not_folded_away() -> None:
    fold = folder(load_actions(), {"star_jump"})
    assert [fold(label) for label in ("star_jump", "situp", "burpee")] == ["star_jump", "sit_up", "other"]


def test_a_sequence_says_of_itself_what_is_shown_when() -> None:
    times = np.arange(6) / 2
    names = ("stand", "stand", "squat", "squat", "squat", "stand")
    sequence = KeypointSequence(np.ones((6, 17, 3), np.float32), times, (64, 48), action=names, subject="p1")
    made = Labelled.of("one", sequence)
    assert made.segments == (Segment("stand", 0.0, 1.0), Segment("squat", 1.0, 2.5), Segment("stand", 2.5, 2.5))
    assert (made.exercise, made.reps, made.group) == (None, None, "p1")


@pytest.mark.parametrize(
    ("labels", "field"), [({"reps": -1}, "reps"), ({"segments": (Segment("squat", 3, 2),)}, "segments")]
)
def test_labels_that_can_not_be_are_refused(labels: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError, match=field):
        record(**labels)
