"""Fits the keypoint error model: what the pose network makes of rendered people, whose keypoints are known exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from configs.schema import Synthesize
from data import camera, noise, occlusion, scenes
from data.body import BODIES, make_body
from data.kinematics import Floats
from data.posture import keypoints
from data.render import Renderer, box_of
from data.skin import Look
from data.synthetic import pose
from keypoints import skeleton as sk
from keypoints.types import Pose
from keypoints.yolo import YoloPose

#: Frames in one clip, and how many a second: enough to see how errors last, few enough to see many people.
CLIP, RATE_HZ = 12, 15.0
#: Frame sizes (width, height) px: what the network scales down to its own input anyway.
SIZES = ((640, 360), (360, 640), (480, 360))
#: A joint with less cover than the first is seen, with more than the second hidden by the body.
SEEN, HIDDEN = 0.1, 0.7
#: Nearer than this share of the longer side a joint outside of the picture may be put at its border.
NEAR = 0.05
#: The logit of a confidence under which the runtime calls a joint missing.
MISSING = float(np.log(0.05 / 0.95))

_GROUPS = {"trunk": (5, 6, 11, 12), "arms": (7, 8, 9, 10), "legs": (13, 14, 15, 16)}
#: Joints whose left and right are fitted as one.
PAIRS = ("nose", "eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_MIRROR = list(sk.MIRROR)


@dataclass(frozen=True)
class Found:
    """What the network made of N frames of one person.

    error: (N, 17, 2) pixels off the truth over the torso's length in the picture. logit: (N, 17) of the confidence.
    cover: (N, 17) 0-1, how much the body hides a joint. beyond: (N, 17) how far outside of the picture it is, as a
    share of the longer side, 0 inside. found: (N,) whether the person was. swapped: group to (N,), left taken for
    right. facing: (N,) 1 seen from the front, -1 from behind. lying: (N,) 0-1. share: (N,) of the picture that the
    person's box has, along the longer of the two.
    """

    error: Floats
    logit: Floats
    cover: Floats
    beyond: Floats
    found: NDArray[np.bool_]
    swapped: dict[str, NDArray[np.bool_]]
    facing: Floats
    lying: Floats
    share: Floats


def fit(config: Synthesize, out: Path, progress: Callable[[int, int], None]) -> list[Path]:
    """Render `config.count` frames, run the shipped pose model on them and write out/keypoint_errors.yaml."""
    clips = []
    for clip in look(config):
        clips.append(clip)
        progress(min(len(clips) * CLIP, config.count), config.count)
    path = out / "keypoint_errors.yaml"
    made_by = f"repsight synthesize --out DIR kind=noise count={config.count} seed={config.seed}"
    text = f"# How the shipped pose model errs on rendered people; made by `{made_by}`.\n"
    text += "# Read by data/noise.py, where each value's meaning is told by data/fit_noise.py.\n"
    path.write_text(text + yaml.safe_dump(summary(clips), sort_keys=False, width=110), encoding="utf-8")
    return [path]


def look(config: Synthesize) -> Iterator[Found]:
    """Clips of random people in random scenes before random cameras, as the pose network sees them."""
    make_body(0)  # loads torch, which must come before a window of VTK's
    network = YoloPose(threads=1, floor=0.0)
    for size in SIZES:
        count = max(1, -(-config.count // CLIP // len(SIZES)))
        with Renderer(size, Look.random(np.random.default_rng([config.seed, *size]))) as renderer:
            for i in range(count):
                yield _clip(np.random.default_rng([config.seed, i, *size]), config, renderer, network)


def _clip(rng: np.random.Generator, config: Synthesize, renderer: Renderer, network: YoloPose) -> Found:
    body = make_body(int(rng.integers(BODIES)))
    script, begin, end = scenes.draw(rng, body, config.transitions)
    begin = float(rng.uniform(begin, max(begin, end - CLIP / RATE_HZ)))
    scene = pose(body, script, begin, np.arange(CLIP) / RATE_HZ)
    points = keypoints(body, scene.solved)
    cam = camera.place(rng, points, scene.time_s, scene.view, renderer.size)
    renderer.look = Look.random(rng)
    renderer.dress(body)
    assert renderer.skin is not None
    exact = cam.project(points)[..., :2]
    poses: list[Pose | None] = []
    for n in range(CLIP):
        box = box_of(renderer.skin, scene.solved, n, cam)
        people = network.estimate(renderer.draw(body, scene.solved, n, cam))
        near = [p for p in people if _overlap(p.box, box) > 0.3]
        poses.append(max(near, key=lambda p: p.score) if near else None)
    facing = occlusion.facing(scene.solved, cam.place)
    return _compare(poses, exact, occlusion.hidden(body, scene.solved, points, cam.place), cam.size, facing)


def _compare(poses: list[Pose | None], exact: Floats, cover: Floats, size: tuple[int, int], facing: Floats) -> Found:
    found = np.array([p is not None for p in poses])
    seen = np.stack([p.keypoints if p is not None else np.zeros((17, 3), np.float32) for p in poses]).astype(float)
    beyond = noise.beyond(exact, size)
    torso, lying = noise.torso_px(exact), noise.lying(exact)
    placed = found[:, None] & (seen[..., 2] > 0)  # a joint put outside of the picture is reported as missing
    error = np.where(placed[..., None], (seen[..., :2] - exact) / torso[:, None, None], np.nan)
    crossed = np.where(placed[..., None], (seen[..., :2] - exact[:, _MIRROR]) / torso[:, None, None], np.nan)
    swapped = {}
    for name, joints in _GROUPS.items():
        own, other = (np.linalg.norm(e[:, joints], axis=-1).mean(1) for e in (error, crossed))
        swapped[name] = (other < 0.5 * own) & (own > 0.15)
    share = np.clip(np.ptp(exact, axis=1) / np.asarray(size), 0, 1).max(1)
    return Found(error, noise.logit(seen[..., 2]), cover, beyond, found, swapped, facing, lying, share)


def _overlap(a: Any, b: Any) -> float:
    """Intersection over union of two boxes (4,)."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    both = float(np.prod(np.maximum(high - low, 0)))
    return both / max(float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - both, 1e-6)


def summary(clips: list[Found]) -> dict[str, Any]:
    """The constants of the error model.

    joints: spread, standard deviation of the error along one axis over the torso's length (robust: 1.48 times the
    median deviation), where seen; hidden, by how many times it grows where the body hides the joint; confidence where
    seen and where hidden (medians), and the spread of its logit. lying: what the logits of trunk and arms, and of
    legs lose when the body lies. outside: of joints near its border and far from it, the share that is missing; median
    confidence and its logit's spread of the others.
    time: share of the variance that stays all through a clip, and seconds that the rest is remembered, and the share
    of the rest that is new in every frame. swaps: share of frames by view. lost: share of frames by posture and size.
    """
    error = np.concatenate([c.error for c in clips])
    logit, cover, beyond = (np.concatenate([getattr(c, k) for c in clips]) for k in ("logit", "cover", "beyond"))
    inside = beyond == 0
    found, facing, lying, share = (
        np.concatenate([getattr(c, k) for c in clips]) for k in ("found", "facing", "lying", "share")
    )
    swapped = {name: np.concatenate([c.swapped[name] for c in clips]) for name in _GROUPS}
    mixed = np.zeros(error.shape[:2], bool)
    for name, group in _GROUPS.items():
        mixed[:, list(group)] |= swapped[name][:, None]
    good = found[:, None] & inside & ~mixed & np.isfinite(error[..., 0])
    large = good & (share > 0.3)[:, None]
    joints: dict[str, Any] = {}
    for name in PAIRS:  # left and right together
        pair = [j for j, joint in enumerate(sk.NAMES) if joint.endswith(name)]
        seen, hidden = large[:, pair] & (cover[:, pair] < SEEN), large[:, pair] & (cover[:, pair] > HIDDEN)
        spread = _robust(error[:, pair][seen])
        covered = hidden if hidden.sum() > 20 else seen
        joints[name] = {
            "spread": _short(spread),
            "hidden": _short(max(1.0, _robust(error[:, pair][covered]) / spread)),
            "confidence": [_short(_middle(logit[:, pair][rows])) for rows in (seen, covered)],
            "logit": [_short(_robust(logit[:, pair][rows])) for rows in (seen, covered)],
        }
    flat, up = lying > 0.7, lying < 0.3
    drop = [
        float(np.median(logit[up][:, js][large[up][:, js]]) - np.median(logit[flat][:, js][large[flat][:, js]]))
        for js in (list(range(5, 13)), list(range(13, 17)))
    ]
    outside = {}
    for name, rows in {"near": (beyond > 0) & (beyond < NEAR), "far": beyond >= NEAR}.items():
        gone = logit[found[:, None] & rows]
        left = gone[gone > MISSING]
        outside[name] = [
            _share(gone <= MISSING, np.ones(len(gone), bool)),
            _short(_middle(left)),
            _short(_robust(left)),
        ]
    bands = {"front": facing > 0.5, "side": np.abs(facing) <= 0.5, "back": facing < -0.5}
    return {
        "frames": len(found),
        "joints": joints,
        "lying": [_short(v) for v in drop],
        "outside": outside,
        "time": _in_time(clips),
        "swaps": {view: {group: _share(swapped[group], here & found) for group in _GROUPS}
                  for view, here in bands.items()},
        "lost": {"upright": _share(~found, up & (share > 0.3)), "lying": _share(~found, flat & (share > 0.3)),
                 "small": _share(~found, share <= 0.3)},
    }  # fmt: skip


def _in_time(clips: list[Found]) -> dict[str, float]:
    """How errors of seen joints last, from the covariances c within clips one to four frames apart.

    c(k) = a m^k - b for what is remembered by m a frame, with b for the clip's mean that was taken off: differences
    are free of b.
    """
    covariances, total = [], []
    for clip in clips:
        here = clip.found[:, None] & (clip.beyond == 0) & (clip.cover < SEEN) & (np.abs(clip.error) < 0.3).all(-1)
        for j in np.flatnonzero(here.all(0)):
            track = clip.error[:, j]
            rest = track - track.mean(0)
            covariances.append([(rest[k:] * rest[: len(rest) - k]).mean() for k in range(5)])
            total.append((track**2).mean())
    if not total:
        return {"stays": 0.5, "memory_s": 0.1, "white": 0.5}
    zero, one, two, three, four = np.mean(covariances, axis=0)
    m, remembered, b = 0.5, 0.0, zero / (CLIP - 1)
    if one - three > 0.05 * zero:
        m = float(np.clip((two - four) / (one - three), 0.1, 0.95))
        remembered = (one - three) / (m - m**3)
        b = max(remembered * m - one, b)
    within = zero + b
    return {"stays": _short(float(np.clip(1 - within / np.mean(total), 0, 1))),
            "memory_s": _short(-1 / RATE_HZ / np.log(m)),
            "white": _short(float(np.clip(1 - remembered / within, 0, 1)))}  # fmt: skip


def _robust(values: Floats) -> float:
    return float(1.4826 * np.median(np.abs(values - np.median(values, axis=0)))) if len(values) else 0.0


def _middle(logits: Floats) -> float:
    """The confidence at the median."""
    return float(1 / (1 + np.exp(-np.median(logits)))) if len(logits) else 0.0


def _share(what: NDArray[np.bool_], of: NDArray[np.bool_]) -> float:
    return _short(float(what[of].mean())) if of.any() else 0.0


def _short(value: float) -> float:
    return float(f"{value:.3g}")
