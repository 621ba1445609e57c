"""Repetitions in a recording that is looked at as a whole: its dominant motion, its reps, and labels for the phase."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from keypoints.geometry import LEAST_RANGE, paths_about_centre
from keypoints.types import FloatArray

#: A turning point is higher than the start posture by this share of the range at least.
_HEIGHT: Final = 0.45
#: A posture this near to the lowest share between two reps is the start posture still.
_NEAR: Final = 0.08
#: Length of the moving average over the motion, s.
_SMOOTH_S: Final = 0.15


def dominant_motion(keypoints: FloatArray) -> NDArray[np.float64] | None:
    """Where the body is along the line in the space of postures that it mostly moves on, in torsos, (N,).

    keypoints: float32 (N, 17, 3). Which end is positive is arbitrary. None when nobody moves there.
    """
    paths = paths_about_centre(keypoints)
    if paths is None:
        return None
    centred = paths.astype(np.float64) - paths.mean(0)
    position: NDArray[np.float64] = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    return position if np.ptp(position) >= LEAST_RANGE else None


def from_start(position: NDArray[np.float64]) -> NDArray[np.float64]:
    """The motion turned such that it goes up from the start posture.

    A recording begins and ends in the start posture, and its rests are in it; where that says nothing, it began there.
    """
    share = share_of_range(position)
    edge = max(1, len(share) // 50)
    ends = (share[:edge].mean() + share[-edge:].mean()) / 2
    return -position if ends + np.median(share) > 1 else position


def share_of_range(position: NDArray[np.float64]) -> NDArray[np.float64]:
    """The motion between the extremes that it reaches, 0 at its low and 1 at its high end."""
    low, high = np.percentile(position, [3, 97])
    share: NDArray[np.float64] = np.clip((position - low) / max(high - low, 1e-9), 0, 1)
    return share


def find_reps(time_s: NDArray[np.float64], position: NDArray[np.float64]) -> tuple[NDArray[np.float64], FloatArray]:
    """Start and end in seconds of each rep, float64 (k, 2), of a motion that goes up from the start posture; and
    labels for its phase, float32 (N, 2), cos and sin, each rep taken for a full one.

    A rep that the recording shows only in part counts when it shows its turning point and most of both ways.
    """
    rate_hz = (len(time_s) - 1) / max(float(time_s[-1] - time_s[0]), 1e-9)
    share = share_of_range(averaged(position, 2 * round(_SMOOTH_S * rate_hz / 2) + 1))
    reps_s = []
    phase = np.tile(np.array([1, 0], np.float32), (len(share), 1))
    tops = _tops(share)
    for before, top, after in zip([0, *tops], tops, [*tops[1:], len(share) - 1], strict=False):
        # Between two tops lies the start posture: a rep begins where it is last left, and ends where it is first back.
        way_out, way_back = share[before : top + 1], share[top : after + 1]
        start = before + int(np.flatnonzero(way_out <= way_out.min() + _NEAR)[-1])
        end = top + int(np.flatnonzero(way_back <= way_back.min() + _NEAR)[0])
        if min(share[top] - share[start], share[top] - share[end]) < _HEIGHT / 2:
            continue
        reps_s.append((time_s[start], time_s[end]))
        base = np.where(np.arange(start, end + 1) <= top, share[start], share[end])
        cosine = 1 - 2 * np.clip((share[start : end + 1] - base) / (share[top] - base), 0, 1)
        direction = np.where(np.arange(start, end + 1) <= top, 1, -1)
        phase[start : end + 1] = np.stack([cosine, direction * np.sqrt(1 - cosine**2)], -1)
    return np.array(reps_s, np.float64).reshape(-1, 2), phase


def _tops(share: NDArray[np.float64]) -> list[int]:
    """The frames of the turning points: each is higher than the lowest frames around it by a share of the range."""
    tops: list[int] = []
    low, top, rising = 0, 0, False
    for frame, value in enumerate(share):
        if rising:
            if value > share[top]:
                top = frame
            elif value < share[top] - _HEIGHT:
                tops.append(top)
                low, rising = frame, False
        elif value < share[low]:
            low = frame
        elif value > share[low] + _HEIGHT:
            top, rising = frame, True
    return [*tops, top] if rising else tops


def averaged(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """The moving average over an odd number of frames."""
    padded = np.pad(values, width // 2, "edge")
    return np.convolve(padded, np.ones(width) / width, "valid")
