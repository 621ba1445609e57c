"""Motions: the joint angles of configs/actions.yaml, feet on the floor, nobody inside of it."""

from __future__ import annotations

import numpy as np
import pytest

from configs.loader import load_actions
from data.body import PART, Body
from data.draft import Beat
from data.kinematics import unit
from data.motion_stand import stand
from data.posture import keypoints, lifted, lowest, solve
from data.script import EXERCISES, OTHERS
from keypoints import skeleton

ACTIONS = load_actions().actions
REPS = [name for name, action in ACTIONS.items() if action.kind == "reps"]
STYLES = range(6)


def _beat(excursions: list[float], side: int = 1, time_s: float = 0.0) -> Beat:
    n = len(excursions)
    return Beat(np.full(n, time_s), np.asarray(excursions), np.full(n, float(side or 1)), np.zeros(n))


@pytest.mark.parametrize("name", REPS)
def test_a_full_rep_goes_between_the_angles_of_the_actions_file(name: str, bodies: list[Body]) -> None:
    full = ACTIONS[name].full
    assert full is not None
    for style in STYLES:
        body = bodies[style % len(bodies)]
        move = EXERCISES[name](np.random.default_rng(style), body)
        beat = _beat([0.0, 0.5, 1.0], move.one_side)
        points = keypoints(body, solve(body, move.posture(beat)))
        a, b, c = skeleton.ANGLES[f"{'left' if beat.side[0] > 0 else 'right'}_{full.angle}"]
        cosine = (unit(points[:, a] - points[:, b]) * unit(points[:, c] - points[:, b])).sum(-1)
        angles = np.degrees(np.arccos(cosine))
        if name == "sit_up":  # legs lie differently in each, straight to raised: what counts is how far the trunk comes
            assert angles[0] - angles[2] == pytest.approx(full.start_deg - full.turn_deg, abs=15)
        else:
            assert angles[[0, 2]] == pytest.approx([full.start_deg, full.turn_deg], abs=18)
        assert angles[1] == pytest.approx((angles[0] + angles[2]) / 2, abs=16)


@pytest.mark.parametrize("name", [*EXERCISES, "stand"])
def test_bodies_touch_the_floor_and_do_not_sink_into_it(name: str, bodies: list[Body]) -> None:
    maker = EXERCISES.get(name, stand)
    for style in STYLES:
        body = bodies[style % len(bodies)]
        move = maker(np.random.default_rng(style), body)
        solved = solve(body, move.posture(_beat([0.0, 0.3, 0.6, 1.0], move.one_side, 1.0)))
        low = lowest(body, solved)
        if move.contact == "lowest":
            assert np.abs(low).max() < 0.13  # the rest is done by laying the lowest point on the floor
            assert np.abs(lowest(body, lifted(solved, -low))).max() < 1e-9
        elif name == "pull_up":
            assert (low > -0.35).all()  # a low bar: `pose` lifts those feet
        else:
            assert low.min() > -0.03
            assert low[[0, -1]].max() < 0.02


@pytest.mark.parametrize("name", ["squat", "deadlift", "biceps_curl", "shoulder_press"])
def test_planted_feet_stay_where_they_are(name: str, body: Body) -> None:
    for style in STYLES:
        move = EXERCISES[name](np.random.default_rng(style), body)
        solved = solve(body, move.posture(_beat([0.0, 0.4, 0.7, 1.0])))
        for side in "LR":
            assert np.ptp(solved.joints[:, PART[f"foot.{side}"]], axis=0).max() < 0.02


def test_hands_stay_on_the_bar_in_a_pull_up_and_on_the_floor_in_a_push_up(body: Body) -> None:
    for name in ("pull_up", "push_up"):
        for style in STYLES:
            move = EXERCISES[name](np.random.default_rng(style), body)
            solved = solve(body, move.posture(_beat([0.0, 0.3, 0.7, 1.0])))
            for side in "LR":
                assert np.ptp(solved.joints[:, PART[f"hand.{side}"]], axis=0).max() < 0.02, (name, style)


def test_a_squat_keeps_the_balance(body: Body) -> None:
    from data.draft import centre_of_mass

    for style in range(12):
        move = EXERCISES["squat"](np.random.default_rng(style), body)
        solved = solve(body, move.posture(_beat([0.0, 0.5, 1.0])))
        ahead = -centre_of_mass(solved)[:, 1]
        assert -0.12 < ahead.min() and ahead.max() < 0.5


def test_every_other_motion_gives_finite_people_of_constant_bones(body: Body) -> None:
    time_s = np.arange(0, 4, 0.1)
    for maker in OTHERS:
        for style in range(4):
            move = maker(np.random.default_rng(style), body)
            solved = solve(body, move.posture(Beat.still(time_s)))
            points = keypoints(body, solved)
            assert np.isfinite(points).all()
            assert move.action == "other"
            thigh = np.linalg.norm(solved.joints[:, PART["shin.L"]] - solved.joints[:, PART["thigh.L"]], axis=-1)
            assert thigh == pytest.approx(np.full(len(time_s), body.thigh))


def test_jump_squats_leave_the_floor_and_come_back_to_it(body: Body) -> None:
    jumps = [m for m in (EXERCISES["squat"](np.random.default_rng(s), body) for s in range(60)) if m.beyond]
    assert jumps
    for move in jumps:
        low = lowest(body, solve(body, move.posture(_beat([-move.beyond, -0.5 * move.beyond, 0.0, 0.5]))))
        assert low[0] > 0.03 and low[0] > low[1] > low[2] - 1e-6 and abs(low[2]) < 0.02


def test_a_knee_drive_lifts_the_knee_between_lunges(body: Body) -> None:
    drives = [m for m in (EXERCISES["lunge"](np.random.default_rng(s), body) for s in range(80)) if m.beyond]
    assert drives
    for move in drives:
        solved = solve(body, move.posture(_beat([-move.beyond, 0.0], move.one_side or 1)))
        feet = solved.joints[:, [PART["foot.L"], PART["foot.R"]], 2]
        assert feet[0].max() > feet[1].max() + 0.04


def test_what_only_stands_for_a_while_is_called_standing(body: Body) -> None:
    from data.motion_daily import pick_up
    from data.script import Builder, Script

    builder = Builder(np.random.default_rng(0), body)
    builder.add(pick_up(np.random.default_rng(3), body), 14.0)
    names, _ = Script(tuple(builder.spans), "any").labels(np.arange(0, 14, 0.1))
    assert {"stand", "other"} == set(names) and names[-1] == "stand"
