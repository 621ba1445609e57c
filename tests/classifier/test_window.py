"""Windows are resampled by timestamp, causally, with gaps told apart from stillness."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.window import MAX_GAP_S, Window, resample
from keypoints.types import FloatArray


def moving(times: np.ndarray) -> FloatArray:
    """Every joint at x = 100 t, y = 7, confidence 1: linear, so interpolation is exact."""
    keypoints = np.ones((len(times), 17, 3), np.float32)
    keypoints[..., 0] = 100 * times[:, None]
    keypoints[..., 1] = 7
    return keypoints


@settings(max_examples=50, deadline=None)
@given(fps=st.floats(8, 60), rate=st.floats(5, 30), length=st.integers(2, 50))
def test_a_linear_motion_is_resampled_exactly_at_any_frame_rate(fps: float, rate: float, length: int) -> None:
    times = np.arange(0, 8, 1 / fps)
    window = resample(times, moving(times), times[-1:], length, rate)[0]
    expected = np.maximum(times[-1] + np.arange(1 - length, 1) / rate, 0)
    assert np.allclose(window[:, :, 0], 100 * expected[:, None], atol=0.02)
    assert np.allclose(window[:, :, 2], 1)


def test_before_the_first_frame_the_first_pose_is_repeated() -> None:
    window = Window(10, 10.0)
    first = moving(np.array([0.5]))[0]
    window.push(3.0, first)
    assert np.array_equal(window.sample(), np.repeat(first[None], 10, 0))


@pytest.mark.parametrize(("gap_s", "kept"), [(0.2, True), (MAX_GAP_S, True), (0.3, False), (1.0, False)])
def test_a_short_gap_of_a_joint_is_interpolated_and_a_long_one_is_missing(gap_s: float, kept: bool) -> None:
    times = np.concatenate([np.arange(0, 1.001, 0.1), 1 + gap_s + np.arange(0, 1.001, 0.1)])
    window = resample(times, moving(times), times[-1:], 31, 10.0)[0]
    grid = times[-1] - np.arange(30, -1, -1) / 10
    inside = (grid > 1.0 + 1e-6) & (grid < 1 + gap_s - 1e-6)
    assert inside.any()
    if kept:
        assert np.allclose(window[inside, :, 0], 100 * grid[inside, None], atol=0.02)
    else:
        assert (window[inside] == 0).all()
    assert (window[~inside & (grid >= 0), :, 2] > 0).all()


def test_one_missing_joint_does_not_take_the_others_with_it() -> None:
    times = np.arange(0, 2, 0.05)
    keypoints = moving(times)
    keypoints[10:30, 9] = 0
    window = resample(times, keypoints, times[-1:], 20, 10.0)[0]
    assert (window[:, 10, 2] > 0).all()
    assert (window[:, 9, 2] == 0).any()
    assert (window[window[:, :, 2] == 0] == 0).all()


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_window_looks_ahead(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.01, 0.4, 60))
    keypoints = rng.uniform(1, 500, (60, 17, 3)).astype(np.float32)
    keypoints[rng.random((60, 17)) < 0.3] = 0
    end = int(rng.integers(0, 60))
    whole = resample(times, keypoints, times[end : end + 1], 24, 12.0)
    cut_off = resample(times[: end + 1], keypoints[: end + 1], times[end : end + 1], 24, 12.0)
    assert np.array_equal(whole, cut_off)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_streaming_gives_the_windows_that_training_cuts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.01, 0.2, 120))
    keypoints = rng.uniform(1, 500, (120, 17, 3)).astype(np.float32)
    keypoints[rng.random((120, 17)) < 0.2] = 0
    window = Window(18, 9.0)
    for time_s, pose in zip(times, keypoints, strict=True):
        window.push(float(time_s), pose)
    assert np.allclose(window.sample(), resample(times, keypoints, times[-1:], 18, 9.0)[0], atol=1e-3)


def test_a_clock_that_goes_back_starts_the_window_anew() -> None:
    window = Window(5, 10.0)
    for time_s in (1.0, 1.1, 0.4):
        window.push(time_s, moving(np.array([time_s]))[0])
    assert np.allclose(window.sample()[:, :, 0], 40)
