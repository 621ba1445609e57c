"""Windows are sampled by timestamp, causally, with gaps told apart from stillness."""

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


def windows(times: np.ndarray, keypoints: FloatArray, length: int, rate: float) -> list[tuple[float, FloatArray]]:
    """All windows of a recording, frame by frame."""
    window = Window(length, rate)
    return [made for t, k in zip(times, keypoints, strict=True) for made in window.push(float(t), k)]


@settings(max_examples=50, deadline=None)
@given(fps=st.floats(8, 60), rate=st.floats(5, 30), length=st.integers(2, 50), start=st.floats(0, 1e4))
def test_a_linear_motion_gives_the_same_windows_at_any_frame_rate(
    fps: float, rate: float, length: int, start: float
) -> None:
    times = np.arange(0, 6, 1 / fps)
    made = windows(times + start, moving(times), length, rate)
    assert len(made) == int(times[-1] * rate + 1e-6) + 1
    for number, (time_s, window) in enumerate(made):
        assert time_s == pytest.approx(start + number / rate)
        expected = np.maximum(number + np.arange(1 - length, 1), 0) / rate
        assert np.allclose(window[:, :, 0], 100 * expected[:, None], atol=0.02)
        assert np.allclose(window[:, :, 2], 1)


def test_before_the_first_frame_the_first_pose_is_repeated() -> None:
    first = moving(np.array([0.5]))[0]
    [(time_s, window)] = Window(10, 10.0).push(3.0, first)
    assert time_s == 3.0
    assert np.array_equal(window, np.repeat(first[None], 10, 0))


@pytest.mark.parametrize(("gap_s", "kept"), [(0.2, True), (MAX_GAP_S, True), (0.3, False), (1.0, False)])
def test_a_short_gap_of_a_joint_is_interpolated_and_a_long_one_is_missing(gap_s: float, kept: bool) -> None:
    times = np.concatenate([np.arange(0, 1.001, 0.1), 1 + gap_s + np.arange(0, 1.001, 0.1)])
    end_s, window = windows(times, moving(times), 21, 10.0)[-1]
    grid = end_s - np.arange(20, -1, -1) / 10
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
    window = windows(times, keypoints, 20, 10.0)[-1][1]
    assert (window[:, 10, 2] > 0).all()
    assert (window[:, 9, 2] == 0).any()
    assert (window[window[:, :, 2] == 0] == 0).all()


def test_a_slow_camera_gets_a_window_for_every_sample_that_it_passed() -> None:
    made = windows(np.array([0.0, 0.2, 0.4]), moving(np.array([0.0, 0.2, 0.4])), 4, 10.0)
    assert np.allclose([time_s for time_s, _ in made], [0, 0.1, 0.2, 0.3, 0.4])
    assert np.allclose([window[-1, 0, 0] for _, window in made], [0, 10, 20, 30, 40], atol=1e-3)


def test_moments_in_which_nobody_was_seen_get_no_window() -> None:
    times = np.array([0.0, 0.1, 0.2, 1.2])
    made = windows(times, moving(times), 4, 10.0)
    assert np.allclose([time_s for time_s, _ in made], times)
    assert (made[-1][1][:-1] == 0).all()


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_streaming_ends_in_the_samples_that_training_takes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.01, 0.3, 120))
    times[-1] = times[0] + np.ceil((times[-1] - times[0]) * 9) / 9  # a frame that completes a sample
    keypoints = rng.uniform(1, 500, (120, 17, 3)).astype(np.float32)
    keypoints[rng.random((120, 17)) < 0.3] = 0
    keypoints[-1, :, 2] = 1
    grid, samples = resample(times, keypoints, 9.0)
    end_s, window = windows(times, keypoints, 18, 9.0)[-1]
    assert end_s == pytest.approx(grid[-1])
    assert np.allclose(window, samples[-18:], atol=1e-2)


def test_a_clock_that_goes_back_starts_the_window_anew() -> None:
    times = np.array([1.0, 1.1, 0.4])
    assert np.allclose(windows(times, moving(times), 5, 10.0)[-1][1][:, :, 0], 40)
