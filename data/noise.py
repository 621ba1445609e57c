"""What a small pose network makes of exact keypoints: jitter, low confidence where hidden, swaps, gaps, lost frames.

The sizes are those of the shipped pose model on rendered people, whose keypoints are known (data/fit_noise.py), widened
where people on video are harder than rendered ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from data.kinematics import Floats, wander
from keypoints import skeleton as sk

#: Rendered people stand out from plain rooms in good light, people on video differ from clip to clip: some are sure
#: throughout, in others the least sure twentieth of all shoulders has 0.80 where the median has 0.99. So the logits of
#: a whole clip lose an exponential amount of this mean; and sides are mixed up half as often again as when rendered
#: (shoulders change sides in 2 % of the frames of gym videos). Jitter and losses are as large when rendered.
_DOUBT, _SWAPS = 0.3, 1.5
#: Share of clips in which nobody is ever lost; in the others it happens the more.
_STEADY = 0.75
#: Seconds that a swap lasts, and frames that a lost person is away, on average.
_SWAP_S, _AWAY = 0.25, 5.0
_GROUPS = {"trunk": np.arange(17), "arms": np.arange(7, 11), "legs": np.arange(13, 17)}
#: Joints below this confidence are reported as missing, as the runtime's gate and exporters do.
_DROPPED = 0.05


@dataclass(frozen=True)
class Fitted:
    """The constants of keypoint_errors.yaml, see `fit_noise.summary`; arrays are (17,) in COCO order."""

    spread: Floats
    hidden: Floats
    confidence: Floats  # (17, 2) where seen and where hidden
    logit: Floats  # (17, 2)
    lying: Floats  # (17,) what the logits lose
    outside: dict[str, list[float]]
    time: dict[str, float]
    swaps: dict[str, dict[str, float]]
    lost: dict[str, float]


@cache
def fitted() -> Fitted:
    """What data/fit_noise.py found."""
    found: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("keypoint_errors.yaml").read_text("utf-8"))
    joints = [found["joints"][name.rsplit("_", 1)[-1]] for name in sk.NAMES]
    spread, grown, sure, logits = (
        np.array([joint[key] for joint in joints], np.float64) for key in ("spread", "hidden", "confidence", "logit")
    )
    trunk, legs = found["lying"]
    lose = np.array([0.0] * 5 + [trunk] * 8 + [legs] * 4)
    return Fitted(spread, grown, sure, logits, lose, found["outside"], found["time"], found["swaps"], found["lost"])


def torso_px(pixels: Floats) -> Floats:
    """Length (N,) px of the torso among exact keypoints (N, 17, 2), or a share of the body that points elsewhere."""
    gap = np.linalg.norm(pixels[:, 5:7].mean(1) - pixels[:, 11:13].mean(1), axis=1)
    return np.asarray(np.maximum(gap, 0.22 * np.ptp(pixels, axis=1).max(1)), np.float64)


def lying(pixels: Floats) -> Floats:
    """How level (N,), 0-1, the torso is among exact keypoints (N, 17, 2)."""
    gap = np.abs(pixels[:, 5:7].mean(1) - pixels[:, 11:13].mean(1))
    return np.asarray(gap[:, 0] / np.maximum(gap.sum(1), 1e-6), np.float64)


def beyond(pixels: Floats, size: tuple[int, int]) -> Floats:
    """How far (N, 17) exact keypoints (N, 17, 2) are outside of the picture, over its longer side; 0 inside."""
    limits = np.asarray(size, np.float64)
    return np.asarray(np.maximum(np.maximum(-pixels, pixels - limits), 0).max(-1) / limits.max(), np.float64)


def logit(p: Floats) -> Floats:
    """The logarithm of the odds of p, held within -7 and 7."""
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
    facing: Floats,
    behind: Floats | None = None,
) -> Floats:
    """Exact pixels (N, 17, 2) as a pose network reports them: (N, 17, 3) with confidence, (0, 0, 0) where missing.

    cover: (N, 17) how much each joint is hidden. facing: (N,) 1 where the person is seen from the front, -1 from
    behind. behind: (N, 17) how much each joint is behind a thing, which hides it better than the body does.
    """
    n, fit = len(pixels), fitted()
    torso, level = torso_px(pixels)[:, None, None], lying(pixels)
    quality = np.exp(rng.normal(0.0, 0.4))  # light, blur and compression of this clip
    rate = n / max(time_s[-1] - time_s[0], 1e-3)
    memory = float(np.exp(-1 / (rate * fit.time["memory_s"] * np.exp(rng.normal(0, 0.5)))))
    speed = np.linalg.norm(np.gradient(pixels, axis=0), axis=-1, keepdims=True) * rate
    blur = 1 + np.minimum(speed / torso / 6.0, 1.5)
    spread = fit.spread[:, None] * (1 + (fit.hidden[:, None] - 1) * cover[..., None])
    stays, white = fit.time["stays"], fit.time["white"]
    if rng.random() < 0.3:  # the video was smoothed
        white *= rng.uniform(0.1, 0.5)
    moving = np.sqrt(1 - white) * _correlated(rng, n, memory, (17, 2)) + np.sqrt(white) * rng.normal(size=(n, 17, 2))
    error = np.sqrt(stays) * rng.normal(size=(1, 17, 2)) + np.sqrt(1 - stays) * quality * blur * moving
    seen = _snap(rng, pixels + error * spread * torso, cover, time_s)
    doubt = rng.normal(0, 0.35) - 0.25 * np.log(quality) - _DOUBT * (rng.exponential() - 1)
    sure, unsure = logit(fit.confidence[:, 0]), logit(fit.confidence[:, 1])
    change = 0.5 * rng.normal(size=17) + 0.6 * _correlated(rng, n, 0.5 + memory / 2, (17,))
    change = change + 0.3 * rng.normal(size=(n, 17))
    confidence = sure + (unsure - sure) * cover + doubt
    confidence = confidence + (fit.logit[:, 0] + (fit.logit[:, 1] - fit.logit[:, 0]) * cover) * change
    confidence = confidence - level[:, None] * rng.uniform(0.5, 1.5) * fit.lying
    seen, confidence = _props(rng, seen, confidence, torso)
    if behind is not None:
        guess = _correlated(rng, n, memory, (17, 2)) + rng.normal(0, 0.7, (1, 17, 2))
        seen = seen + guess * (behind[..., None] * rng.uniform(0.03, 0.12) * torso)
        confidence = confidence - behind * rng.uniform(1.0, 3.5)
    seen, confidence = _edges(rng, seen, 1 / (1 + np.exp(-confidence)), beyond(pixels, size), size)
    seen, confidence = _swap(rng, seen, confidence, time_s, facing)
    _freeze(rng, seen)
    made = np.concatenate([seen, confidence[..., None]], -1)
    made[confidence < max(_DROPPED, rng.choice([0.0, 0.2], p=[0.92, 0.08]))] = 0.0
    made[_lost(rng, pixels, size, float(level.mean()))] = 0.0
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
    rng: np.random.Generator, seen: Floats, confidence: Floats, far: Floats, size: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Joints outside of the picture, `far` (N, 17) from it, are missing, or put near its border with less confidence.

    Which of the two lasts for a while: the share that is missing is cut from a slow random function.
    """
    limits = np.asarray(size, np.float64)
    n = len(far)
    missing, middle, spread = (
        np.where(far < 0.05, near, beyond_it)
        for near, beyond_it in zip(*(fitted().outside[k] for k in ("near", "far")), strict=True)
    )
    lasting = 0.8 * rng.normal(size=17) + 0.6 * _correlated(rng, n, 0.9, (17,))  # standard normal
    low = 1 / (1 + np.exp(-(logit(middle) + spread * rng.normal(size=far.shape))))
    low = np.where(lasting < _quantile(missing), 0.0, low)
    outside = far > 0
    confidence = np.where(outside, np.minimum(low, confidence), confidence)
    seen = np.where(outside[..., None], np.clip(seen, 0, limits - 1), np.clip(seen, -0.02 * limits, 1.02 * limits))
    return seen, confidence


def _quantile(share: Floats) -> Floats:
    """Where a standard normal is below in `share` of all cases: Tocher's logistic approximation, to 0.02."""
    return logit(share) / 1.702


def _swap(
    rng: np.random.Generator, seen: Floats, confidence: Floats, time_s: Floats, facing: Floats
) -> tuple[Floats, Floats]:
    """Left and right mixed up, as often as fitted for the view: a limb or the body for a moment, or all along."""
    n, mirror = len(seen), np.asarray(sk.MIRROR)
    swapped = np.zeros((n, 17), bool)
    view = "front" if facing.mean() > 0.5 else "back" if facing.mean() < -0.5 else "side"
    rates, careless = fitted().swaps[view], _SWAPS * np.exp(rng.normal(-0.5, 1.0))
    length = max(1.0, _SWAP_S * n / max(time_s[-1] - time_s[0], 1e-3))
    for name, joints in _GROUPS.items():
        often = min(rates[name] * careless, 0.5)
        if name == "trunk" and rng.random() < 0.4 * often:  # a whole clip of somebody taken for turned around
            swapped[:] = True
        for begin in np.flatnonzero(rng.random(n) < 0.6 * often / length):
            swapped[begin : begin + 1 + int(rng.exponential(length)), joints] ^= True
    both = swapped & swapped[:, mirror]
    seen = np.where(both[..., None], seen[:, mirror], seen)
    return seen, np.where(both, confidence[:, mirror] * 0.95, confidence)


def _freeze(rng: np.random.Generator, seen: Floats) -> None:
    """Video with repeated frames: keypoints that stand still for a moment."""
    if rng.random() < 0.08:
        for _ in range(int(rng.integers(1, 5))):
            begin = int(rng.integers(0, len(seen)))
            seen[begin : begin + int(rng.integers(2, 5))] = seen[begin]


def _lost(rng: np.random.Generator, pixels: Floats, size: tuple[int, int], level: float) -> Floats:
    """Frames (N,) in which nobody was found, as often as fitted for bodies that stand, lie (level 1) or are small."""
    n, shares = len(pixels), fitted().lost
    share = float(np.median((np.ptp(pixels, axis=1) / np.asarray(size)).max(1)))
    often = shares["small"] if share < 0.3 else (1 - level) * shares["upright"] + level * shares["lying"]
    often = min(often / (1 - _STEADY) * rng.exponential(), 0.4) * (rng.random() > _STEADY)
    lost = np.zeros(n, bool)
    for begin in np.flatnonzero(rng.random(n) < often / _AWAY):
        lost[begin : begin + 1 + int(rng.exponential(_AWAY - 1))] = True
    if lost.mean() > 0.4:
        lost[:] = False
    return lost
