"""What a small pose network makes of exact keypoints: jitter, low confidence where hidden, swaps, gaps, lost frames.

The sizes were set by looking at YOLO11n-pose at 320 px on gym video: visible joints have a median confidence of
0.95 and more, the far elbow and wrist of a side view 0.3 to 0.8, the far ear 0.1 to 0.2, and what lies outside of the
picture less than 0.2.
"""

from __future__ import annotations

import numpy as np

from data.body import PART, Body
from data.kinematics import Floats, unit, wander
from data.posture import Solved
from keypoints import skeleton as sk

#: Error of each joint, as a share of the torso: wrists and ankles are worst.
_SPREAD = np.array([0.011, 0.011, 0.011, 0.012, 0.012, 0.019, 0.019, 0.026, 0.026, 0.03, 0.03, 0.022, 0.022,
                    0.026, 0.026, 0.031, 0.031])  # fmt: skip
#: Median confidence when seen, and when the body hides it.
_SEEN = np.array([0.95, 0.94, 0.94, 0.85, 0.85, 0.99, 0.99, 0.98, 0.98, 0.96, 0.96, 0.99, 0.99, 0.985, 0.985,
                  0.96, 0.96])  # fmt: skip
_HIDDEN = np.array([0.4, 0.35, 0.35, 0.12, 0.12, 0.94, 0.94, 0.5, 0.5, 0.45, 0.45, 0.95, 0.95, 0.86, 0.86, 0.7, 0.7])
_SPREAD_LOGIT = np.array([0.7, 0.8, 0.8, 0.8, 0.8, 0.6, 0.6, 0.8, 0.8, 0.9, 0.9, 0.6, 0.6, 0.7, 0.7, 0.9, 0.9])
#: Joints below this confidence are reported as missing, as the runtime's gate and exporters do.
_DROPPED = 0.03


def hidden(body: Body, solved: Solved, points: Floats, eye: Floats) -> Floats:
    """How much (N, 17), 0-1, the body itself hides each keypoint (N, 17, 3) from a camera at `eye` (N, 3)."""
    scale = body.torso / 0.5

    def at(name: str) -> Floats:
        return solved.joints[:, PART[name]]

    capsules = [(at("pelvis"), at("chest"), 0.13 * scale, {sk.L_HIP, sk.R_HIP, sk.L_SHOULDER, sk.R_SHOULDER}),
                (at("head"), at("head") + 0.1 * scale * solved.turns[:, PART["head"], :, 2], 0.085 * scale, set()),
                ]  # fmt: skip
    for i, s in enumerate("LR"):
        capsules += [
            (at(f"thigh.{s}"), at(f"shin.{s}"), 0.07 * scale, {sk.L_HIP + i, sk.L_KNEE + i}),
            (at(f"shin.{s}"), at(f"foot.{s}"), 0.045 * scale, {sk.L_KNEE + i, sk.L_ANKLE + i}),
            (at(f"upper_arm.{s}"), at(f"forearm.{s}"), 0.045 * scale, {sk.L_SHOULDER + i, sk.L_ELBOW + i}),
            (at(f"forearm.{s}"), at(f"hand.{s}"), 0.035 * scale, {sk.L_ELBOW + i, sk.L_WRIST + i}),
        ]  # fmt: skip
    share = np.zeros(points.shape[:2])
    ray = points - eye[:, None]
    length = np.linalg.norm(ray, axis=-1)
    for begin, end, radius, own in capsules:
        gap, along = _closest(eye[:, None], ray / length[..., None], begin[:, None], (end - begin)[:, None])
        cover = np.clip((1.35 * radius - gap) / (0.7 * radius), 0, 1) * (along < length - 1.2 * radius)
        cover[:, list(own)] = 0.0
        if radius == 0.085 * scale:  # the head hides only its own far side
            cover[:, 5:] *= 0.8
        share = np.maximum(share, cover)
    return _face(solved, ray / length[..., None], share)


def _face(solved: Solved, ray: Floats, share: Floats) -> Floats:
    """Face points are hidden when the side of the head on which they lie is turned away."""
    head = solved.turns[:, PART["head"]]
    normals = unit(np.array([[0, -1, 0], [0.35, -1, 0], [-0.35, -1, 0], [1, 0.05, 0], [-1, 0.05, 0]], float))
    facing = -np.einsum("nij,kj,nki->nk", head, normals, ray[:, :5])
    share = share.copy()
    share[:, :5] = np.clip(np.array([-0.1, 0.3, 0.3, 0.3, 0.3]) - facing * np.array([1.4, 1.5, 1.5, 0.7, 0.7]), 0, 1)
    return share


def _closest(origin: Floats, ray: Floats, begin: Floats, axis: Floats) -> tuple[Floats, Floats]:
    """Distance between rays and segments, and how far along the ray it is."""
    w = begin - origin
    a, b = (ray * axis).sum(-1), (axis * axis).sum(-1)
    d, e = (ray * w).sum(-1), (axis * w).sum(-1)
    t = np.clip((a * d - e) / np.maximum(b - a * a, 1e-6), 0, 1)
    s = d + t * a
    gap = np.linalg.norm(w + t[..., None] * axis - s[..., None] * ray, axis=-1)
    return gap, s


def _logit(p: Floats) -> Floats:
    p = np.clip(p, 1e-3, 1 - 1e-3)
    return np.asarray(np.log(p / (1 - p)), np.float64)


def _correlated(rng: np.random.Generator, n: int, memory: float, shape: tuple[int, ...]) -> Floats:
    """Standard normal noise (n, *shape) that remembers `memory` of its last value."""
    white = rng.normal(size=(n, *shape))
    out = np.empty_like(white)
    out[0] = white[0]
    gain = np.sqrt(1 - memory**2)
    for i in range(1, n):
        out[i] = memory * out[i - 1] + gain * white[i]
    return out


def observe(
    rng: np.random.Generator,
    pixels: Floats,
    cover: Floats,
    size: tuple[int, int],
    time_s: Floats,
    away: Floats,
) -> Floats:
    """Exact pixels (N, 17, 2) as a pose network reports them: (N, 17, 3) with confidence, (0, 0, 0) where missing.

    cover: (N, 17) how much each joint is hidden. away: (N,) 1 where the person's back is turned to the camera.
    """
    n = len(pixels)
    hip, shoulder = pixels[:, 11:13].mean(1), pixels[:, 5:7].mean(1)
    box = np.ptp(pixels, axis=1).max(1)
    torso = np.maximum(np.linalg.norm(shoulder - hip, axis=1), 0.22 * box)[:, None, None]
    quality = np.exp(rng.normal(0.0, 0.4))  # light, blur and compression of this clip
    rate = n / max(time_s[-1] - time_s[0], 1e-3)
    memory = float(np.exp(-1 / (rate * rng.uniform(0.04, 0.25))))
    speed = np.linalg.norm(np.gradient(pixels, axis=0), axis=-1, keepdims=True) * rate
    blur = 1 + np.minimum(speed / torso / 6.0, 1.5)
    spread = _SPREAD[:, None] * quality * (1 + 2.2 * cover[..., None]) * blur
    white = 0.85 if rng.random() < 0.7 else rng.uniform(0.1, 0.5)  # less when the video was smoothed
    error = 0.75 * _correlated(rng, n, memory, (17, 2)) + white * rng.normal(size=(n, 17, 2))
    bias = rng.normal(0, 0.5, (1, 17, 2))
    seen = pixels + (error + bias) * spread * torso
    seen = _snap(rng, seen, cover, time_s)
    clip = rng.normal(0, 0.35)
    confidence = _logit(_SEEN + (_HIDDEN - _SEEN) * cover) + clip - 0.25 * np.log(quality)
    confidence = confidence + _SPREAD_LOGIT * (
        0.5 * rng.normal(size=17) + 0.6 * _correlated(rng, n, 0.5 + memory / 2, (17,)) + 0.3 * rng.normal(size=(n, 17))
    )
    level = np.abs(shoulder - hip)  # people who lie are found less well, their legs least
    lying = level[:, 0] / np.maximum(level.sum(1), 1e-6)
    confidence = confidence - lying[:, None] * rng.uniform(0.2, 1.2) * np.array([0.0] * 7 + [0.5] * 6 + [1.0] * 4)
    seen, confidence = _props(rng, seen, confidence, torso)
    confidence = 1 / (1 + np.exp(-confidence))
    seen, confidence = _edges(rng, seen, confidence, pixels, size)
    seen, confidence = _swap(rng, seen, confidence, time_s, away)
    _freeze(rng, seen)
    made = np.concatenate([seen, confidence[..., None]], -1)
    made[confidence < max(_DROPPED, rng.choice([0.0, 0.05, 0.2], p=[0.5, 0.3, 0.2]))] = 0.0
    made[_lost(rng, n, float(lying.mean()))] = 0.0
    return np.asarray(made, np.float64)


def _snap(rng: np.random.Generator, seen: Floats, cover: Floats, time_s: Floats) -> Floats:
    """A hidden limb is drawn towards its visible twin."""
    if rng.random() < 0.45:
        return seen
    pull = np.clip(cover * (0.45 + 0.5 * wander(rng, 0.6, 1.0)(time_s)[:, None]), 0, 0.95)
    pull[:, :7] = 0.0
    mirror = list(sk.MIRROR)
    pull = pull * (cover[:, mirror] < 0.4)
    return np.asarray(seen + pull[..., None] * (seen[:, mirror] - seen), np.float64)


def _props(rng: np.random.Generator, seen: Floats, confidence: Floats, torso: Floats) -> tuple[Floats, Floats]:
    """Plates, benches and furniture hide a few joints for the whole clip or a part of it."""
    if rng.random() < 0.2:
        n = len(seen)
        joints = rng.choice(np.arange(5, 17), rng.integers(1, 4), replace=False)
        begin = int(rng.integers(0, n)) if rng.random() < 0.6 else 0
        end = min(n, begin + int(rng.integers(3, max(4, n))))
        for j in joints:
            confidence[begin:end, j] -= rng.uniform(1.5, 5.0)
            seen[begin:end, j] += rng.normal(0, 0.12, 2) * torso[begin:end, 0]
    return seen, confidence


def _edges(
    rng: np.random.Generator, seen: Floats, confidence: Floats, exact: Floats, size: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Joints outside of the picture are missing, or put near its border with little confidence."""
    limits = np.asarray(size, float)
    beyond = np.maximum(np.maximum(-exact, exact - limits), 0).max(-1) / limits.max()
    outside = beyond > 0
    low = np.exp(rng.normal(-3.3, 0.8, confidence.shape)) * np.exp(-6 * beyond)
    confidence = np.where(outside, np.minimum(low * (1 + 6 * (beyond < 0.03)), 0.6), confidence)
    seen = np.where(outside[..., None], np.clip(seen, 0, limits - 1), np.clip(seen, -0.02 * limits, 1.02 * limits))
    return seen, confidence


def _swap(
    rng: np.random.Generator, seen: Floats, confidence: Floats, time_s: Floats, away: Floats
) -> tuple[Floats, Floats]:
    """Left and right mixed up: in short bursts, for single limbs, or all along when the back is turned."""
    n, mirror = len(seen), np.asarray(sk.MIRROR)
    swapped = np.zeros((n, 17), bool)
    if away.mean() > 0.5 and rng.random() < 0.12:
        swapped[:] = True
    rate = rng.choice([0.02, 0.12, 0.5], p=[0.55, 0.3, 0.15])
    groups = (np.arange(17), np.arange(11, 17), np.arange(7, 11), np.arange(13, 17))
    for _ in range(rng.poisson(rate * (time_s[-1] - time_s[0]))):
        begin = int(rng.integers(0, n))
        joints = groups[int(rng.integers(len(groups)))]
        swapped[begin : begin + int(rng.integers(1, 9)), joints] ^= True
    both = swapped & swapped[:, mirror]
    seen = np.where(both[..., None], seen[:, mirror], seen)
    return seen, np.where(both, confidence[:, mirror] * 0.95, confidence)


def _freeze(rng: np.random.Generator, seen: Floats) -> None:
    """Video with repeated frames: keypoints that stand still for a moment."""
    if rng.random() < 0.08:
        for _ in range(int(rng.integers(1, 5))):
            begin = int(rng.integers(0, len(seen)))
            seen[begin : begin + int(rng.integers(2, 5))] = seen[begin]


def _lost(rng: np.random.Generator, n: int, lying: float) -> Floats:
    """Frames (N,) in which nobody was found, more of them when the person lies (0-1)."""
    lost = np.zeros(n, bool)
    rate = rng.choice([0.0, 0.004, 0.03], p=[0.6, 0.28, 0.12]) * (1 + 2 * lying)
    for begin in np.flatnonzero(rng.random(n) < rate):
        lost[begin : begin + int(rng.integers(1, 11))] = True
    if lost.mean() > 0.4:
        lost[:] = False
    return lost
