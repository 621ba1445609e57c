"""Every state that a user is told is reached by keypoints: a synthetic person before a camera, through the chain."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from classifier.head import SHIPPED, OnnxHead
from classifier.reader import ActionReader
from data import demo
from data.camera import Camera, look_at
from data.kinematics import Floats, vec
from data.posture import keypoints
from edge.pipeline import Pipeline
from edge.reading import State
from keypoints.types import Pose

WIDTH, HEIGHT = 1280, 720
#: Every second frame of the demo's motion: it stands, squats, does push-ups and holds a plank.
STEP = 2


@pytest.fixture(scope="module")
def person() -> tuple[Floats, Floats]:
    """Times (N,) and joints (N, 17, 3) in metres."""
    scene = demo.scene()
    return scene.time_s[::STEP], keypoints(scene.body, scene.solved)[::STEP]


def seen(joints: Floats, yaw_deg: float, away_m: float, height_m: float, target_m: float) -> list[Pose]:
    """The person before a camera: joints outside the picture are missing, as a pose model leaves them."""
    yaw, count = np.deg2rad(yaw_deg), len(joints)
    place = np.tile(vec(away_m * np.cos(yaw), away_m * np.sin(yaw), height_m), (count, 1))
    turn = look_at(place, np.tile(vec(-0.1, -0.05, target_m), (count, 1)))
    camera = Camera(place, turn, 1.2 * HEIGHT, (WIDTH, HEIGHT), np.array([WIDTH / 2, HEIGHT / 2]))
    pixels = camera.project(joints)[..., :2]
    found = np.concatenate([pixels, np.full((count, 17, 1), 0.9)], -1).astype(np.float32)
    found[((pixels < 0) | (pixels > (WIDTH, HEIGHT))).any(-1)] = 0
    return [Pose(one, np.array([0, 0, WIDTH, HEIGHT], np.float32), 0.9) for one in found]


def told(time_s: Floats, poses: list[Pose], until_s: float = 99.0) -> tuple[list[State], Pipeline]:
    """The states in their order, and the pipeline."""
    pipeline, states = Pipeline(None, ActionReader(OnnxHead(SHIPPED))), []
    for moment, pose in zip(time_s.tolist(), poses, strict=True):
        if moment > until_s:
            break
        state = pipeline.read_pose(moment, pose).state
        if not states or states[-1] != state:
            states.append(state)
    return states, pipeline


def test_a_person_who_is_seen_well_is_ready_counting_resting_and_holding(person: tuple[Floats, Floats]) -> None:
    time_s, joints = person
    states, pipeline = told(time_s, seen(joints, yaw_deg=60, away_m=3.6, height_m=1.1, target_m=0.6))
    assert set(states) == {"ready", "counting", "rest", "hold"}
    assert (states[0], states[1], states[-1]) == ("ready", "counting", "hold")
    end_s = float(time_s[-1])
    assert pipeline.read_pose(end_s + 1.0, None).state == "hold", "a moment unseen is nothing"
    assert pipeline.read_pose(end_s + 2.5, None).state == "no person"
    lost = pipeline.lost_camera(end_s + 3.0)
    assert lost.state == "camera lost"
    assert lost.reps["squat"] == 5, "counts are kept"


def test_a_person_whose_legs_are_out_of_the_picture_is_asked_to_step_back(person: tuple[Floats, Floats]) -> None:
    time_s, joints = person
    states, _ = told(time_s, seen(joints, yaw_deg=60, away_m=1.0, height_m=1.4, target_m=1.4), until_s=15)
    assert states == ["ready", "step back"], "after the second that tells a flicker from it"


def test_from_a_view_that_hides_the_reps_the_user_is_asked_to_turn(person: tuple[Floats, Floats]) -> None:
    """From the ceiling few reps are told apart, and the head knows that it does not know."""
    time_s, joints = person
    views = [told(time_s, seen(joints, yaw, 0.6, 4.5, 0.6)) for yaw in (90, 135, 270)]
    assert any("turn to the side" in states for states, _ in views)
    for states, pipeline in views:
        if "turn to the side" in states:
            last = pipeline.read_pose(float(time_s[-1]) + 0.1, None)
            assert sum(last.reps.values()) < demo.SQUATS + demo.PUSH_UPS


def test_no_state_is_left_out() -> None:
    reached = {"ready", "counting", "rest", "hold", "no person", "camera lost", "step back", "turn to the side"}
    assert reached == set(get_args(State))
