"""Reps in a recording looked at as a whole: how many, from where to where, and how far through each frame is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from keypoints.cycles import dominant_motion, find_reps, from_start
from keypoints.types import FloatArray

RATE_HZ = 25.0


def share(reps: int, seconds: float = 2.0, rest_s: float = 1.0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times, and a motion that rests, goes out and back so often, and rests again."""
    time_s = np.arange(0, 2 * rest_s + reps * seconds, 1 / RATE_HZ)
    moving = (time_s >= rest_s) & (time_s <= rest_s + reps * seconds)
    return time_s, np.where(moving, (1 - np.cos(2 * np.pi * (time_s - rest_s) / seconds)) / 2, 0.0)


def figure(motion: NDArray[np.float64]) -> FloatArray:
    """A stick figure in the middle of a picture whose hips go down by half its height."""
    keypoints = np.ones((len(motion), 17, 3), np.float32)
    keypoints[:, :, 0] = np.linspace(300, 360, 17)
    keypoints[:, :, 1] = np.linspace(100, 400, 17)
    keypoints[:, 11:13, 1] += 100 * motion[:, None]
    return keypoints


@pytest.mark.parametrize("reps", [1, 2, 10])
@pytest.mark.parametrize("seconds", [0.6, 2.0, 6.0])
@pytest.mark.parametrize("rest_s", [0.0, 1.5])
def test_every_rep_is_found_from_start_to_start(reps: int, seconds: float, rest_s: float) -> None:
    time_s, motion = share(reps, seconds, rest_s)
    position = dominant_motion(figure(motion))
    assert position is not None
    reps_s, phase = find_reps(time_s, from_start(position))
    assert len(reps_s) == reps
    begins = rest_s + seconds * np.arange(reps)
    assert np.abs(reps_s[:, 0] - begins).max() < 0.25 * seconds
    assert np.abs(reps_s[:, 1] - begins - seconds).max() < 0.25 * seconds
    assert np.abs(phase[:, 0] - (1 - 2 * motion)).mean() < 0.12


def test_the_phase_goes_out_and_comes_back() -> None:
    time_s, motion = share(3)
    reps_s, phase = find_reps(time_s, motion)
    first, second, _ = reps_s.mean(1)
    assert phase[np.searchsorted(time_s, first - 0.3), 1] > 0 > phase[np.searchsorted(time_s, first + 0.3), 1]
    assert np.allclose(phase[0], (1, 0)) and np.allclose(np.hypot(*phase.T), 1, atol=1e-5)
    assert second - first == pytest.approx(2.0, abs=0.1)


def test_which_way_the_motion_is_measured_changes_nothing() -> None:
    time_s, motion = share(4, rest_s=0.5)
    there, back = (find_reps(time_s, from_start(sign * motion))[0] for sign in (1, -1))
    assert np.array_equal(there, back) and len(there) == 4


def test_a_person_who_stands_still_has_no_dominant_motion() -> None:
    assert dominant_motion(figure(np.zeros(50))) is None
    assert dominant_motion(np.zeros((50, 17, 3), np.float32)) is None
