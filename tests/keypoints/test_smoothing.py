"""Smoothed keypoints: calm at rest, on time in motion, the same at every scale and frame rate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keypoints.smoothing import HOLD_S, OFF, ON, PoseSmoother
from keypoints.types import FloatArray, Pose
from tests.keypoints.people import person


def run(poses: list[Pose | None], fps: float) -> list[Pose | None]:
    smoother = PoseSmoother()
    return [smoother.update(pose, i / fps) for i, pose in enumerate(poses)]


def joints(poses: list[Pose | None]) -> FloatArray:
    return np.array([pose.keypoints if pose else np.zeros((17, 3)) for pose in poses], np.float32)


def squats(seconds: float, fps: float, height: float = 500, x: float = 640) -> list[Pose | None]:
    """The whole body goes up and down by 30 % of its height, every 2 s."""
    times = np.arange(round(seconds * fps)) / fps
    return [person(x, height * (1 + 0.15 * np.cos(np.pi * t)), height) for t in times]


def with_confidence(pose: Pose, joint: int, confidence: float) -> Pose:
    keypoints = pose.keypoints.copy()
    keypoints[joint, 2] = confidence
    return Pose(keypoints, pose.box, pose.score)


def test_trembling_at_rest_becomes_a_third_of_it() -> None:
    random = np.random.default_rng(0)
    noisy: list[Pose | None] = []
    for _ in range(200):
        body = person(640, 400, 500)
        body.keypoints[:, :2] += random.normal(0, 3, (17, 2)).astype(np.float32)
        noisy.append(body)
    smooth = joints(run(noisy, 25))[25:, :, :2]
    raw = joints(noisy)[25:, :, :2]
    assert np.diff(smooth, 2, axis=0).std() < 0.33 * np.diff(raw, 2, axis=0).std()


@pytest.mark.parametrize("fps", [10, 15, 25, 60])
def test_a_moving_joint_is_on_time(fps: int) -> None:
    poses = squats(6, fps)
    smooth, raw = joints(run(poses, fps))[:, 11, 1], joints(poses)[:, 11, 1]
    times = np.arange(len(raw)) / fps
    delays = np.arange(0, 0.3, 0.005)
    errors = [np.abs(smooth - np.interp(times - delay, times, raw))[fps:].mean() for delay in delays]
    assert delays[int(np.argmin(errors))] <= 0.07
    assert np.ptp(smooth[fps:]) > 0.93 * np.ptp(raw[fps:])


@pytest.mark.parametrize("fps", [10, 30])
def test_a_step_is_followed_within_two_tenths_of_a_second(fps: int) -> None:
    """An arm goes up at once, by a third of the body."""
    low, high = person(640, 400, 500), person(640, 400, 500)
    high.keypoints[9, 1] -= 170
    smooth = joints(run([low] * fps + [high] * fps, fps))[:, 9, 1]
    after = smooth[fps + round(0.2 * fps)]
    assert abs(after - high.keypoints[9, 1]) < 0.1 * 170
    assert smooth.min() >= high.keypoints[9, 1] - 1  # and never overshot


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(0.1, 20), shift=st.floats(-2000, 2000))
def test_scale_and_place_do_not_change_the_smoothing(scale: float, shift: float) -> None:
    def moved(pose: Pose | None) -> Pose:
        assert pose is not None
        keypoints, box = pose.keypoints.copy(), pose.box * np.float32(scale) + np.float32(shift)
        keypoints[:, :2] = keypoints[:, :2] * scale + shift
        return Pose(keypoints, box, pose.score)

    poses = squats(2, 15)
    expected = joints(run(poses, 15))
    found = joints(run([moved(pose) for pose in poses], 15))
    np.testing.assert_allclose((found[..., :2] - shift) / scale, expected[..., :2], atol=0.5)


@pytest.mark.parametrize("fps", [10, 15, 25])
def test_the_same_motion_is_smoothed_alike_at_every_frame_rate(fps: int) -> None:
    reference = joints(run(squats(6, 60), 60))[:, 11, 1]
    found = joints(run(squats(6, fps), fps))[:, 11, 1]
    times = np.arange(len(found)) / fps
    same = np.interp(times, np.arange(len(reference)) / 60, reference)
    assert np.abs(found - same)[fps:].max() < 0.015 * 500


def test_a_joint_appears_above_one_threshold_and_goes_below_another() -> None:
    body = person(640, 400, 500)
    smoother = PoseSmoother()
    shown = []
    for i, confidence in enumerate([OFF + 0.05, ON + 0.05, OFF + 0.05, ON - 0.01, OFF + 0.01]):
        pose = smoother.update(with_confidence(body, 9, confidence), 0.2 * i)
        assert pose is not None
        shown.append(float(pose.keypoints[9, 2]))
    assert shown == pytest.approx([0, ON + 0.05, OFF + 0.05, ON - 0.01, OFF + 0.01])


def test_a_joint_that_blinks_is_held_and_fades_then_is_missing() -> None:
    body = person(640, 400, 500)
    smoother = PoseSmoother()
    smoother.update(body, 0.0)
    faded = []
    for time_s in (0.1, 0.2, HOLD_S + 0.01, 0.4):
        pose = smoother.update(with_confidence(body, 9, 0.0), time_s)
        assert pose is not None
        faded.append(pose.keypoints[9])
    assert body.keypoints[9, 2] > faded[0][2] > faded[1][2] > 0
    np.testing.assert_allclose(faded[1][:2], body.keypoints[9, :2])
    assert (np.array(faded[2:]) == 0).all()


def test_a_joint_that_comes_back_starts_where_it_is() -> None:
    body, moved = person(640, 400, 500), person(640, 400, 500)
    moved.keypoints[9, :2] += 100
    smoother = PoseSmoother()
    smoother.update(body, 0.0)
    smoother.update(with_confidence(body, 9, 0.0), 0.4)
    pose = smoother.update(moved, 0.48)
    assert pose is not None
    np.testing.assert_allclose(pose.keypoints[9], moved.keypoints[9])


@pytest.mark.parametrize(
    ("pause_s", "x"),
    [(0.04, 1100), (1.0, 660)],
    ids=["somewhere else altogether", "after a second unseen"],
)
def test_a_jump_or_a_gap_begins_anew(pause_s: float, x: float) -> None:
    smoother = PoseSmoother()
    for i in range(25):
        smoother.update(person(640, 400, 500), i / 25)
    there = person(x, 400, 500)
    pose = smoother.update(there, 24 / 25 + pause_s)
    assert pose is not None
    np.testing.assert_array_equal(pose.keypoints, there.keypoints)
    np.testing.assert_array_equal(pose.box, there.box)


@pytest.mark.parametrize("stays", [True, False])
def test_a_body_of_which_one_joint_stays_has_not_jumped(stays: bool) -> None:
    """Then an unsure joint that was there before goes on; in a filter that began anew it does not appear."""
    here, there = person(640, 400, 500), with_confidence(person(1100, 400, 500), 9, OFF + 0.05)
    if stays:
        there.keypoints[15] = here.keypoints[15]
    smoother = PoseSmoother()
    smoother.update(here, 0.0)
    pose = smoother.update(there, 0.04)
    assert pose is not None
    assert bool(pose.keypoints[9, 2] > 0) is stays


def test_nobody_stays_nobody() -> None:
    smoother = PoseSmoother()
    assert smoother.update(None, 0.0) is None
    assert smoother.update(person(640, 400, 500), 0.1) is not None
    assert smoother.update(None, 0.2) is None


def test_reset_forgets_the_person_before() -> None:
    smoother = PoseSmoother()
    smoother.update(person(640, 400, 500), 0.0)
    smoother.reset()
    there = person(650, 400, 500)
    pose = smoother.update(there, 0.04)
    assert pose is not None
    np.testing.assert_array_equal(pose.keypoints, there.keypoints)


@pytest.mark.parametrize("change", [lambda t: t, lambda t: 0.0], ids=["once", "at the same time"])
def test_poses_are_never_changed_and_never_nan(change: Callable[[float], float]) -> None:
    smoother = PoseSmoother()
    for i in range(10):
        body = person(640 + 5 * i, 400, 500)
        before = body.keypoints.copy()
        pose = smoother.update(body, change(i / 25))
        assert pose is not None and np.isfinite(pose.keypoints).all()
        np.testing.assert_array_equal(body.keypoints, before)


def test_a_body_without_size_is_no_division_by_zero() -> None:
    empty = Pose(np.zeros((17, 3), np.float32), np.zeros(4, np.float32), 0.3)
    for pose in run([empty, empty], 25):
        assert pose is not None and (pose.keypoints == 0).all()
