"""Rotations and two-bone limbs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.kinematics import about, apply, chord, ease, mix, orthonormal, rotation, two_bone, unit, vec, wander

angles = st.floats(-3, 3)


def test_flex_bends_forward_lean_to_the_left_and_twist_turns_left() -> None:
    up, forward, left = vec(0, 0, 1), vec(1, 0, 0), vec(0, 1, 0)
    quarter = np.pi / 2
    assert np.allclose(apply(rotation(flex=quarter), up), forward)
    assert np.allclose(apply(rotation(lean=quarter), up), left)
    assert np.allclose(apply(rotation(twist=quarter), forward), left)


@given(angles, angles, angles)
def test_rotations_keep_lengths_and_handedness(flex: float, lean: float, twist: float) -> None:
    turn = rotation(flex, lean, twist)
    assert np.allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.isclose(np.linalg.det(turn), 1)
    assert np.allclose(orthonormal(turn), turn)


@given(angles)
def test_turning_about_the_vertical_axis_is_a_twist(angle: float) -> None:
    assert np.allclose(about(vec(0, 0, 1), np.asarray(angle)), rotation(twist=angle))


@given(st.floats(0.3, 3.1), st.floats(-1, 1), st.floats(-1, 1))
def test_a_limb_reaches_its_target_with_bones_of_their_own_length(bend: float, x: float, y: float) -> None:
    a, b = 0.45, 0.42
    target = unit(np.array([[x, y, -1.0]])) * float(chord(a, b, bend))
    pole = np.array([[0.0, -1.0, 0.2]])
    middle, end, _ = two_bone(np.zeros((1, 3)), target, pole, a, b)
    assert np.allclose(end, target, atol=2e-3)  # the last millimetres of a straight limb are not given
    assert np.isclose(np.linalg.norm(middle), a)
    assert np.isclose(np.linalg.norm(end - middle), b)
    along = target / np.linalg.norm(target)
    out_of_line = middle - (middle @ along.T) * along
    assert (out_of_line @ pole[0] >= -1e-9).all()


def test_a_target_out_of_reach_is_approached_as_far_as_the_limb_goes() -> None:
    _, end, _ = two_bone(np.zeros((1, 3)), np.array([[0.0, 0.0, -5.0]]), np.array([[0.0, -1.0, 0.0]]), 0.4, 0.4)
    assert end[0, 2] == pytest.approx(-0.8, abs=1e-3)


def test_easing_and_mixing_start_and_end_where_they_should() -> None:
    assert ease([-1, 0, 0.5, 1, 2]).tolist() == [0, 0, 0.5, 1, 1]
    assert mix(np.zeros((2, 3)), np.ones((2, 3)), np.array([0.0, 1.0])).tolist() == [[0, 0, 0], [1, 1, 1]]


def test_wandering_is_smooth_and_as_large_as_asked() -> None:
    path = wander(np.random.default_rng(1), 0.2, 2.0, 3)(np.arange(0, 400, 0.04))
    assert path.std(0) == pytest.approx([0.2] * 3, rel=0.15)
    assert np.abs(np.diff(path, axis=0)).max() < 0.15
