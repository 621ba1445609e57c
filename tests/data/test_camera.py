"""Cameras: pinhole projection and where people are put in the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data.body import Body
from data.camera import VIEWS, Camera, look_at, place
from data.draft import Beat
from data.kinematics import vec
from data.motion_stand import stand
from data.occlusion import hidden
from data.posture import keypoints, solve
from keypoints import skeleton as sk


def _camera(yaw: float) -> Camera:
    at = 4 * vec(np.cos(yaw), np.sin(yaw), 0)[None] + [0, 0, 1]
    return Camera(at, look_at(at, vec(0, 0, 1)[None]), 500.0, (640, 480), np.array([320.0, 240.0]))


def test_the_middle_of_the_view_is_the_middle_of_the_picture() -> None:
    camera = _camera(0.0)
    x, y, depth = camera.project(vec(0, 0, 1)[None, None])[0, 0]
    assert (x, y, depth) == pytest.approx((320, 240, 4))


def test_up_is_up_and_the_persons_left_is_right_when_seen_from_the_front() -> None:
    camera = _camera(0.0)
    above, left = camera.project(np.stack([vec(0, 0, 1.5), vec(0, 0.5, 1)])[None])[0]
    assert above[1] < 240 and above[0] == pytest.approx(320)
    assert left[0] == pytest.approx(320 + 500 * 0.5 / 4)


@pytest.mark.parametrize("view", VIEWS)
def test_people_are_in_the_picture_mostly(view: str, body: Body) -> None:
    time_s = np.arange(20) / 10
    points = keypoints(body, solve(body, stand(np.random.default_rng(0), body, True).posture(Beat.still(time_s))))
    inside = []
    for seed in range(25):
        camera = place(np.random.default_rng(seed), points, time_s, view)
        pixels = camera.project(points)
        assert pixels[..., 2].min() > 0.3
        inside.append(((pixels[..., :2] > 0) & (pixels[..., :2] < camera.size)).all(-1).mean())
    assert np.median(inside) > 0.85 and min(inside) > 0.1


def test_the_far_side_is_hidden_and_the_face_too_from_behind(body: Body) -> None:
    solved = solve(body, stand(np.random.default_rng(0), body, True).posture(Beat.still(np.zeros(1))))
    points = keypoints(body, solved)
    from_left = hidden(body, solved, points, _camera(np.pi / 2).place)[0]
    assert from_left[sk.R_WRIST] + from_left[sk.R_ELBOW] > from_left[sk.L_WRIST] + from_left[sk.L_ELBOW]
    assert from_left[sk.R_EAR] > 0.75 and from_left[sk.L_EAR] < 0.1
    assert hidden(body, solved, points, _camera(np.pi).place)[0, sk.NOSE] > 0.9
    assert hidden(body, solved, points, _camera(0.0).place)[0, :3].max() < 0.1


def test_a_barrel_lens_draws_the_borders_in_and_leaves_the_middle() -> None:
    straight = _camera(0.0)
    bent = replace(straight, barrel=0.1)
    points = vec(0, [0.0, 0.8, 2.0], 1)[None]
    a, b = straight.project(points)[0, :, 0] - 320, bent.project(points)[0, :, 0] - 320
    assert b[0] == pytest.approx(a[0]) and 0.85 < b[1] / a[1] < 1 and b[1] / a[1] > b[2] / a[2]


def test_close_pictures_of_push_ups_keep_the_arms_and_small_people_are_there(body: Body) -> None:
    from data.script import EXERCISES

    time_s = np.zeros(3)
    beat = Beat(time_s, np.array([0.0, 0.5, 1.0]), np.ones(3), np.zeros(3))
    points = keypoints(body, solve(body, EXERCISES["push_up"](np.random.default_rng(1), body).posture(beat)))
    arms, legs, shares, low = [], [], [], []
    for seed in range(300):
        camera = place(np.random.default_rng(seed), points, time_s, "floor")
        pixels = camera.project(points)[..., :2]
        inside = np.asarray(((pixels > 0) & (pixels < camera.size)).all(-1))
        arms.append(inside[:, 5:11].mean())
        legs.append(inside[:, 13:].mean())
        shares.append((np.ptp(pixels, axis=1) / np.asarray(camera.size)).max())
        low.append(camera.place[0, 2] < 0.6)
    cut = np.array(legs) < 0.5
    assert 0.05 < cut.mean() < 0.3
    assert np.mean(np.array(arms)[cut] > 0.8) > 0.6
    assert 0.04 < np.mean(np.array(shares) < 0.35) < 0.25
    assert np.mean(low) > 0.45
