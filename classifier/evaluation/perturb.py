"""Recordings made worse on purpose: other frame rates, lost frames and joints, noise, a passer-by, an occlusion.

Each changes the sequence that the second stage sees, never its labels, and is the same for the same seed and name.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from keypoints import skeleton
from keypoints.geometry import mirrored
from keypoints.tracker import SubjectTracker
from keypoints.types import FloatArray, KeypointSequence, Pose

LOST_FRAMES, LOST_JOINTS, NOISE_TORSOS, ROLL_DEG, OCCLUSION_S = 0.20, 0.15, 0.05, 15.0, 2.0

#: A passer-by: how long the way through the picture takes, steps a second, and height as a share of the subject's.
_PASS_S, _STEPS_HZ, _HEIGHT = 4.0, 0.9, (0.9, 1.15)

#: Half the width of a walking body as a share of its height: what is behind it is hidden.
_HALF_WIDTH = 0.09

#: With fewer joints than this a detector finds nobody.
_LEAST_JOINTS = 5


@dataclass(frozen=True, slots=True)
class Perturbed:
    """A changed sequence. hidden_s: from when to when nothing was seen, so that no count is asked for there."""

    sequence: KeypointSequence
    hidden_s: tuple[float, float] | None = None


Perturbation = Callable[[KeypointSequence, np.random.Generator], Perturbed]


def perturb(name: str, sequence: KeypointSequence, key: str, seed: int) -> Perturbed:
    """The sequence changed by the perturbation `name` (of PERTURBATIONS). key: a name of the sequence, for the seed."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode()), zlib.crc32(key.encode())])
    return PERTURBATIONS[name](sequence, rng)


def at_rate(rate_hz: float) -> Perturbation:
    """Frames at another rate: the newest of each moment where there are more, between two where there are fewer."""

    def change(sequence: KeypointSequence, rng: np.random.Generator) -> Perturbed:
        times = sequence.time_s
        span = float(times[-1] - times[0])
        grid = times[0] + np.arange(int(span * rate_hz + 1e-6) + 1) / rate_hz
        before = np.searchsorted(times, grid + 1e-6, side="right") - 1
        if len(times) < 2 or (len(times) - 1) / span > rate_hz:
            return Perturbed(_with(sequence, times[np.unique(before)], sequence.keypoints[np.unique(before)]))
        after = np.minimum(before + 1, len(times) - 1)
        step = np.where(after > before, times[after] - times[before], 1.0)
        weight = (np.clip((grid - times[before]) / step, 0, 1))[:, None, None].astype(np.float32)
        one, two = sequence.keypoints[before], sequence.keypoints[after]
        seen = (one[..., 2:] > 0) & (two[..., 2:] > 0)
        nearest = np.where(weight < 0.5, one, two)
        return Perturbed(_with(sequence, grid, np.where(seen, one * (1 - weight) + two * weight, nearest)))

    return change


def lose_frames(sequence: KeypointSequence, rng: np.random.Generator) -> Perturbed:
    """Frames dropped at random."""
    kept = rng.random(len(sequence)) >= LOST_FRAMES
    kept[0] = True
    return Perturbed(_with(sequence, sequence.time_s[kept], sequence.keypoints[kept]))


def mirror(sequence: KeypointSequence, rng: np.random.Generator) -> Perturbed:
    """The mirrored picture."""
    return Perturbed(_with(sequence, sequence.time_s, mirrored(sequence.keypoints, sequence.size[0])))


def roll(degrees: float) -> Perturbation:
    """The camera turned about its axis, by `degrees` counter-clockwise."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    # In pixels y points down.
    turn = np.array([[cos, sin], [-sin, cos]], np.float32)

    def change(sequence: KeypointSequence, rng: np.random.Generator) -> Perturbed:
        centre = np.array(sequence.size, np.float32) / 2
        turned = sequence.keypoints.copy()
        turned[..., :2] = (turned[..., :2] - centre) @ turn.T + centre
        return Perturbed(_masked(sequence, turned))

    return change


def noise(sequence: KeypointSequence, rng: np.random.Generator) -> Perturbed:
    """Every joint of every frame off by a Gaussian with NOISE_TORSOS torsos of standard deviation on each axis."""
    moved = sequence.keypoints.copy()
    moved[..., :2] += rng.normal(0, NOISE_TORSOS * torso(sequence), moved[..., :2].shape).astype(np.float32)
    return Perturbed(_masked(sequence, moved))


def lose_joints(sequence: KeypointSequence, rng: np.random.Generator) -> Perturbed:
    """Joints missing at random, others in every frame."""
    kept = rng.random(sequence.keypoints.shape[:2]) >= LOST_JOINTS
    return Perturbed(_with(sequence, sequence.time_s, sequence.keypoints * kept[..., None]))


def lose_same_joints(sequence: KeypointSequence, rng: np.random.Generator) -> Perturbed:
    """The same joints missing throughout."""
    gone = rng.choice(skeleton.COUNT, round(LOST_JOINTS * skeleton.COUNT), replace=False)
    left = sequence.keypoints.copy()
    left[:, gone] = 0
    return Perturbed(_with(sequence, sequence.time_s, left))


def pass_by(sequence: KeypointSequence, rng: np.random.Generator) -> Perturbed:
    """Somebody walks through the picture, before or behind the subject; the tracker says whom the second stage sees."""
    times, (width, height) = sequence.time_s, sequence.size
    seen = sequence.keypoints[..., 2] > 0
    if not seen.any():
        return Perturbed(sequence)
    y = sequence.keypoints[..., 1][seen]
    tall = float(np.quantile(y, 0.98) - np.quantile(y, 0.02)) * rng.uniform(*_HEIGHT)
    floor = float(np.quantile(y, 0.98)) + rng.uniform(-0.05, 0.05) * tall
    begin = times[0] + rng.uniform(0.2, 0.6) * max(0.0, float(times[-1] - times[0]) - _PASS_S)
    way = (times - begin) / _PASS_S
    way, x = (way, way) if rng.random() < 0.5 else (way, 1 - way)
    place = x * (width + tall) - tall / 2
    walker = _walker(times, place, floor, tall, 1.0 if x is way else -1.0)
    inside = (walker[..., 0] >= 0) & (walker[..., 0] < width) & (walker[..., 1] < height) & (walker[..., 1] >= 0)
    walker = np.where(inside[..., None] & ((way >= 0) & (way <= 1))[:, None, None], walker, np.float32(0))
    in_front = rng.random() < 0.5

    tracker = SubjectTracker()
    followed = np.zeros_like(sequence.keypoints)
    for i, time_s in enumerate(times):
        subject, other = sequence.keypoints[i].copy(), walker[i].copy()
        cover, behind = (other, subject) if in_front else (subject, other)
        if (cover[:, 2] > 0).any():
            _hide(behind, cover, tall)
        people = [pose for pose in map(_pose, (subject, other)) if pose is not None]
        found = tracker.update(people, float(time_s), sequence.size)
        if found is not None:
            followed[i] = found.keypoints
    return Perturbed(_with(sequence, times, followed))


def occlude(sequence: KeypointSequence, rng: np.random.Generator) -> Perturbed:
    """Nobody is seen for OCCLUSION_S, somewhere in the recording."""
    times = sequence.time_s
    begin = float(times[0]) + rng.uniform(0, max(0.0, float(times[-1] - times[0]) - OCCLUSION_S))
    end = begin + OCCLUSION_S
    hidden = (times >= begin) & (times < end)
    return Perturbed(_with(sequence, times, sequence.keypoints * ~hidden[:, None, None]), (begin, end))


#: By the name that a report shows.
PERTURBATIONS: dict[str, Perturbation] = {
    "10 frames a second": at_rate(10),
    "30 frames a second": at_rate(30),
    "20 % of frames dropped": lose_frames,
    "mirrored": mirror,
    "rolled by +15°": roll(ROLL_DEG),
    "rolled by -15°": roll(-ROLL_DEG),
    "5 % keypoint noise": noise,
    "15 % of joints missing": lose_joints,
    "15 % of joints missing, always the same": lose_same_joints,
    "a passer-by": pass_by,
    "2 s of occlusion": occlude,
}


def torso(sequence: KeypointSequence) -> float:
    """Median distance from the middle of the shoulders to that of the hips, px; a third of the body's height, where
    a torso is never seen."""
    points, seen = sequence.keypoints[..., :2], sequence.keypoints[..., 2] > 0
    ends = [skeleton.L_SHOULDER, skeleton.R_SHOULDER, skeleton.L_HIP, skeleton.R_HIP]
    whole = seen[:, ends].all(1)
    if whole.any():
        corner = points[whole][:, ends]
        return float(np.median(np.linalg.norm(corner[:, :2].mean(1) - corner[:, 2:].mean(1), axis=-1)))
    return float(np.ptp(points[seen][:, 1])) / 3 if seen.any() else 0.0


def _walker(
    times: NDArray[np.float64], place: NDArray[np.float64], floor: float, tall: float, way: float
) -> FloatArray:
    """Somebody who walks, seen from the side, (N, 17, 3). place: x of the body, px. way: 1 to the right, -1 left."""
    swing = np.sin(2 * np.pi * _STEPS_HZ * times)
    up = {"nose": 0.95, "eye": 0.965, "ear": 0.955, "shoulder": 0.82, "elbow": 0.64, "wrist": 0.48, "hip": 0.52,
          "knee": 0.28, "ankle": 0.03}  # fmt: skip
    ahead = {"nose": 0.05, "eye": 0.04}
    stride = {"elbow": -0.05, "wrist": -0.12, "knee": 0.07, "ankle": 0.15}
    out = np.zeros((len(times), skeleton.COUNT, 3), np.float32)
    for name, joint in skeleton.INDEX.items():
        side, _, part = name.rpartition("_")
        phase = {"left": 1.0, "right": -1.0}.get(side, 0.0)
        reach = ahead.get(part, 0.0) + stride.get(part, 0.0) * phase * swing + 0.015 * phase
        out[:, joint, 0] = place + way * tall * reach
        out[:, joint, 1] = floor - tall * up[part]
    out[..., 2] = 0.9
    return out


def _hide(behind: FloatArray, cover: FloatArray, tall: float) -> None:
    """Take away, in place, what is behind somebody: the joints beside the line from their nose to their feet."""
    seen = cover[cover[:, 2] > 0]
    half = _HALF_WIDTH * tall
    low, high = seen[:, :2].min(0), seen[:, :2].max(0)
    middle = float(np.median(seen[:, 0]))
    flat = high[0] - low[0] > high[1] - low[1]  # a lying body covers all of its box
    left, right = (low[0], high[0]) if flat else (middle - half, middle + half)
    covered = (behind[:, 0] > left) & (behind[:, 0] < right) & (behind[:, 1] > low[1]) & (behind[:, 1] < high[1])
    behind[covered] = 0


def _pose(keypoints: FloatArray) -> Pose | None:
    seen = keypoints[keypoints[:, 2] > 0]
    if len(seen) < _LEAST_JOINTS:
        return None
    box = np.concatenate([seen[:, :2].min(0), seen[:, :2].max(0)])
    return Pose(keypoints, box.astype(np.float32), float(seen[:, 2].mean()))


def _masked(sequence: KeypointSequence, keypoints: FloatArray) -> KeypointSequence:
    """Changed keypoints; missing joints stay (0, 0, 0)."""
    return _with(sequence, sequence.time_s, keypoints * (keypoints[..., 2:] > 0))


def _with(sequence: KeypointSequence, time_s: NDArray[np.float64], keypoints: FloatArray) -> KeypointSequence:
    """Other frames; labels by frame do not fit them any more, and are left out."""
    return replace(sequence, time_s=time_s, keypoints=np.asarray(keypoints, np.float32), action=None, phase=None)
