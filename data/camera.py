"""Cameras as people place them: pinhole projection from a random place, with shake and pan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.kinematics import Floats, unit, vec, wander

#: Frame sizes (width, height) px and how frequent they are.
SIZES = {(480, 270): 4, (1280, 720): 4, (640, 480): 3, (640, 360): 2, (1920, 1080): 2, (270, 480): 4,
         (720, 1280): 3, (480, 480): 0.5, (480, 360): 1.5}  # fmt: skip

#: How an action is filmed: weights of yaw bands (0 front, 45, 90 side, 135, 180 back), both sides alike.
VIEWS = {
    "any": (3.0, 3.0, 3.0, 1.0, 1.0),
    "front": (5.0, 2.0, 1.0, 0.5, 1.0),
    "side": (1.5, 3.0, 4.5, 1.0, 0.4),
    "floor": (2.6, 3.2, 4.6, 1.2, 0.3),
    "hang": (2.0, 1.5, 1.2, 1.5, 3.0),
    "arms": (3.0, 3.0, 3.0, 0.7, 0.5),
    "cross": (1.5, 2.0, 4.0, 1.0, 0.8),
}

#: How often the legs are cut off on purpose, where the arms do the work.
CLOSE = {"arms": 0.36, "hang": 0.32, "floor": 0.12, "any": 0.06}

#: How often a camera stands at chest height, anywhere, or on or near the floor, as it does for floor exercises.
USUAL, LOW = (0.5, 0.3, 0.2), (0.25, 0.3, 0.45)


@dataclass(frozen=True)
class Camera:
    """One camera over N frames.

    place: (N, 3) m. turn: (N, 3, 3) rows are the picture's right, down and the viewing direction in the world.
    focal: px. size: (width, height) px. centre: (2,) px where the optical axis meets the picture.
    """

    place: Floats
    turn: Floats
    focal: float
    size: tuple[int, int]
    centre: Floats

    def project(self, points: Floats) -> Floats:
        """World points (N, J, 3) to pixels and depth (N, J, 3): x px, y px, metres in front of the camera."""
        local = np.einsum("nij,nkj->nki", self.turn, points - self.place[:, None])
        depth = np.maximum(local[..., 2], 0.05)
        pixels = self.focal * local[..., :2] / depth[..., None] + self.centre
        return np.concatenate([pixels, depth[..., None]], -1)


def look_at(place: Floats, target: Floats, roll: Floats | float = 0.0) -> Floats:
    """Rotations (N, 3, 3) of cameras at `place` (N, 3) that see `target` (N, 3) in the middle."""
    ahead = unit(target - place)
    right = unit(np.cross(ahead, np.broadcast_to(vec(0, 0, 1), ahead.shape)))
    down = np.cross(ahead, right)
    c, s = np.cos(roll), np.sin(roll)
    c, s = (np.broadcast_to(v, (len(ahead),))[:, None] for v in (c, s))
    return np.stack([c * right + s * down, c * down - s * right, ahead], -2)


def pick_size(rng: np.random.Generator) -> tuple[int, int]:
    """A frame size."""
    weights = np.asarray(list(SIZES.values()))
    return list(SIZES)[int(rng.choice(len(weights), p=weights / weights.sum()))]


def pick_yaw(rng: np.random.Generator, view: str) -> float:
    """Radians around the person: 0 in front, pi behind."""
    weights = np.asarray(VIEWS[view])
    band = int(rng.choice(5, p=weights / weights.sum()))
    return float(np.deg2rad(45 * band + rng.normal(0, 11)) * rng.choice([-1, 1]))


def place(
    rng: np.random.Generator, points: Floats, time_s: Floats, view: str, size: tuple[int, int] | None = None
) -> Camera:
    """A camera that films the keypoints `points` (N, 17, 3) of a person, of which it may cut some off."""
    size = size or pick_size(rng)
    yaw = pick_yaw(rng, view)
    fov = np.deg2rad(rng.uniform(35, 90))  # of the longer side
    focal = max(size) / 2 / np.tan(fov / 2)
    travels = np.ptp(points[..., :2].mean(1), axis=0).max() > 1.0
    follow = travels and rng.random() < 0.5
    middle = points.mean(1)
    low, high = points.min((0, 1)), points.max((0, 1))
    target = (low + high) / 2
    n = len(points)
    targets = np.tile(target, (n, 1))
    if follow:
        targets = _smooth(middle, 15)
    fill = float(np.exp(rng.uniform(np.log(0.38), np.log(1.06))))
    close = rng.random() < CLOSE.get(view, 0.0)
    if close:
        fill = rng.uniform(1.15, 1.9)
    elif rng.random() < 0.1:
        fill *= rng.uniform(1.2, 1.8)  # cut off by bad luck
    heights = [rng.normal(1.1, 0.35), rng.uniform(0.1, 2.2), rng.uniform(0.05, 0.6)]
    height = float(np.clip(rng.choice(heights, p=LOW if view == "floor" else USUAL), 0.05, 2.4))
    direction = vec(np.cos(yaw), np.sin(yaw), 0)
    distance = 3.0
    near = 0.45 * float(np.linalg.norm((high - low)[:2])) + 0.45
    for _ in range(4):
        at = targets + direction * distance
        at[:, 2] = height
        camera = Camera(at, look_at(at, targets), focal, size, np.asarray(size) / 2)
        pixels = camera.project(points)[..., :2]
        spread = np.ptp(pixels, axis=1) if follow else np.ptp(pixels.reshape(1, -1, 2), axis=1)
        ratio = (spread.max(0) * 1.12 / np.asarray(size)).max() / fill
        distance = float(np.clip(distance * ratio, max(near, 0.9), 14.0))
    at = targets + direction * distance
    at[:, 2] = height
    shake, pan = wander(rng, 1.0, 0.8, 3), wander(rng, 1.0, 6.0, 2)
    hand_held, slow = (
        (rng.random() < 0.3) * rng.uniform(0.001, 0.006),
        (rng.random() < 0.25) * rng.uniform(0.005, 0.04),
    )
    turn = look_at(at, targets, np.deg2rad(np.clip(rng.normal(0, 2.0), -8, 8)) + hand_held * shake(time_s)[:, 2])
    sway = distance * (hand_held * shake(time_s)[:, :2] + slow * pan(time_s))
    off = np.asarray(size) * rng.normal(0, 0.07 if fill < 0.85 else 0.04, 2)
    if close:  # the top of the body stays in the picture
        off[1] += size[1] * 0.5 * (fill - rng.uniform(0.95, 1.1))
    elif fill > 1.1:
        off[1] += size[1] * rng.choice([0.25, -0.2, 0.0], p=[0.65, 0.15, 0.2]) * (fill - 0.8)
    moved = at + turn[:, 0] * sway[:, :1] + turn[:, 1] * sway[:, 1:]
    return Camera(moved, turn, focal, size, np.asarray(size) / 2 + off)


def _smooth(path: Floats, width: int) -> Floats:
    padded = np.pad(path, ((width, width), (0, 0)), mode="edge")
    kernel = np.ones(2 * width + 1) / (2 * width + 1)
    return np.stack([np.convolve(padded[:, i], kernel, "valid") for i in range(path.shape[1])], -1)
