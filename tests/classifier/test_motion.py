"""Heads without a phase still count: the phase comes from the window's dominant motion."""

from __future__ import annotations

import numpy as np
import pytest

from classifier.counter import RepCounter
from classifier.head import Prediction
from classifier.motion import DominantMotion
from classifier.window import Window
from configs.loader import load_actions
from keypoints import skeleton as s
from keypoints.card import CardAction
from keypoints.types import FloatArray

ACTIONS = load_actions()
CARD = tuple(CardAction(name=n, kind=a.kind) for n, a in ACTIONS.actions.items())


def squatter(share: float) -> FloatArray:
    """A side view of a squat, 200 px tall: `share` of the way down."""
    keypoints = np.zeros((17, 3), np.float32)
    knee, ankle = (130 + 15 * share, 150.0), (120.0, 200.0)
    hip = (125 - 35 * share, 100 + 45 * share)
    shoulder = (125 - 5 * share, 40 + 50 * share)
    for left, right, (x, y) in [
        (s.L_HIP, s.R_HIP, hip), (s.L_KNEE, s.R_KNEE, knee), (s.L_ANKLE, s.R_ANKLE, ankle),
        (s.L_SHOULDER, s.R_SHOULDER, shoulder), (s.L_ELBOW, s.R_ELBOW, (shoulder[0] + 15, shoulder[1] + 25)),
        (s.L_WRIST, s.R_WRIST, (shoulder[0] + 40, shoulder[1] + 20)),
    ]:  # fmt: skip
        keypoints[[left, right]] = (x, y, 0.9)
    return keypoints


def count(fps: float, cycles: int, seconds: float, scale: float = 1.0, mirror: bool = False) -> dict[str, int]:
    window, motion, counter = Window(36, 12.0), DominantMotion(), RepCounter(CARD, ACTIONS)
    probabilities = np.eye(len(CARD), dtype=np.float32)[ACTIONS.names.index("squat")]
    for t in np.arange(0, cycles * seconds + 0.5, 1 / fps):
        share = (1 - np.cos(2 * np.pi * min(t, cycles * seconds) / seconds)) / 2
        pose = squatter(share) * np.float32([scale, scale, 1])
        if mirror:
            pose = (pose * np.float32([-1, 1, 1]) + np.float32([400, 0, 0]))[list(s.MIRROR)]
        for time_s, samples in window.push(float(t), pose):
            phase = motion.phase(samples, window.rate_hz, ACTIONS.actions["squat"])
            counter.update(time_s, samples[-1], Prediction(probabilities, phase))
    return counter.reps


@pytest.mark.parametrize("fps", [10, 15, 30])
@pytest.mark.parametrize(("cycles", "seconds"), [(1, 2.0), (5, 2.0), (4, 4.0)])
def test_a_squat_is_counted_from_its_motion_alone(fps: float, cycles: int, seconds: float) -> None:
    assert count(fps, cycles, seconds) == {"squat": cycles}


@pytest.mark.parametrize(("scale", "mirror"), [(0.3, False), (4.0, False), (1.0, True)])
def test_size_and_mirror_do_not_change_the_count(scale: float, mirror: bool) -> None:
    assert count(20, 4, 2.0, scale, mirror) == {"squat": 4}


def test_standing_still_is_at_the_start_of_a_rep() -> None:
    rng = np.random.default_rng(0)
    window, motion = Window(36, 12.0), DominantMotion()
    for t in np.arange(0, 4, 0.05):
        pose = squatter(0) + rng.normal(0, 0.5, (17, 3)).astype(np.float32) * np.float32([1, 1, 0])
        for _, samples in window.push(float(t), pose):
            assert motion.phase(samples, 12.0, ACTIONS.actions["squat"]).tolist() == [1.0, 0.0]


def test_an_action_without_reps_has_no_phase() -> None:
    window = np.stack([squatter(share) for share in np.linspace(0, 1, 36)])
    assert DominantMotion().phase(window, 12.0, ACTIONS.actions["plank"]).tolist() == [1.0, 0.0]
