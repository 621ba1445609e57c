"""Cameras as people place them: pinhole projection from a random place, with shake and pan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.kinematics import Floats, unit, vec, wander

#: Frame sizes (width, height) px and how frequent they are.
SIZES = {(480, 270): 4, (1280, 720): 4, (640, 480): 3, (640, 360): 2, (1920, 1080): 2, (270, 480): 4,
         (720, 1280): 3, (480, 480): 0.5, (480, 360): 1.5, (1080, 1920): 0.5}  # fmt: skip

#: How an action is filmed: weights of yaw bands (0 front, 45, 90 side, 135, 180 back), both sides alike.
VIEWS = {
    "any": (3.2, 3.0, 3.0, 1.0, 1.0),
    "front": (5.0, 2.0, 1.0, 0.5, 1.0),
    "side": (1.0, 2.0, 5.5, 1.0, 0.4),
    "floor": (3.6, 3.0, 4.2, 1.0, 0.3),
    "mat": (2.2, 3.0, 4.2, 1.6, 1.4),
    "lift": (2.4, 3.4, 3.8, 0.9, 0.5),
    "hang": (2.0, 1.5, 1.2, 1.5, 3.4),
    "arms": (3.4, 3.0, 3.0, 0.7, 0.5),
    "cross": (2.0, 2.0, 4.0, 1.0, 0.8),
}

#: How often the legs are cut off on purpose: often where the arms do the work, now and then everywhere.
CLOSE = {"arms": 0.36, "hang": 0.36, "floor": 0.26, "any": 0.09, "mat": 0.1, "side": 0.1, "cross": 0.06, "front": 0.08}

#: How often a camera stands at chest height, anywhere, or on or near the floor, as phones do for floor exercises.
HEIGHTS = {"floor": (0.25, 0.28, 0.47), "mat": (0.3, 0.3, 0.4), "hang": (0.4, 0.27, 0.33)}
_USUAL = (0.47, 0.28, 0.25)

#: Views of bodies whose hands bear them: a close picture shows arms and shoulders, and hips by luck.
_HANDS = ("floor", "hang", "arms")


@dataclass(frozen=True)
class Camera:
    """One camera over N frames.

    place: (N, 3) m. turn: (N, 3, 3) rows are the picture's right, down and the viewing direction in the world.
    focal: px. size: (width, height) px. centre: (2,) px where the optical axis meets the picture.
    barrel: how much of its distance from the centre a point at the end of the longer side loses to the lens.
    """

    place: Floats
    turn: Floats
    focal: float
    size: tuple[int, int]
    centre: Floats
    barrel: float = 0.0

    def project(self, points: Floats) -> Floats:
        """World points (N, J, 3) to pixels and depth (N, J, 3): x px, y px, metres in front of the camera."""
        local = np.einsum("nij,nkj->nki", self.turn, points - self.place[:, None])
        depth = np.maximum(local[..., 2], 0.05)
        flat = self.focal * local[..., :2] / depth[..., None]
        if self.barrel:  # Brown's first radial term; beyond 1.6 half sides it would fold back
            far = np.minimum((flat**2).sum(-1, keepdims=True) / (max(self.size) / 2) ** 2, 1.6**2)
            flat = flat * (1 - min(self.barrel, 0.12) * far)
        pixels = flat + self.centre
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
    rng: np.random.Generator,
    points: Floats,
    time_s: Floats,
    view: str,
    size: tuple[int, int] | None = None,
    lens: bool = False,
) -> Camera:
    """A camera that films the keypoints `points` (N, 17, 3) of a person, of which it may cut some off.

    size: of the frame, else a usual one. lens: wide-angle lenses may bend straight lines.
    """
    size = size or pick_size(rng)
    sides = np.asarray(size, np.float64)
    yaw = pick_yaw(rng, view)
    kind = rng.random()
    fov = np.deg2rad(
        rng.uniform(45, 85) if kind < 0.7 else rng.uniform(80, 112) if kind < 0.88 else rng.uniform(28, 45)
    )
    focal = max(size) / 2 / np.tan(fov / 2)  # of the longer side
    barrel = float(rng.uniform(0, 0.1)) if lens and kind >= 0.7 and fov > 1 else 0.0
    close = rng.random() < CLOSE.get(view, 0.0)
    framed = points[:, : 11 if close and view in _HANDS and rng.random() < 0.45 else 13] if close else points
    fill = _pick_fill(rng, close)
    low, high = points.min((0, 1)), points.max((0, 1))
    travels = np.ptp(points[..., :2].mean(1), axis=0).max() > 1.0
    follow = travels and rng.random() < 0.5
    targets = np.tile((framed.min((0, 1)) + framed.max((0, 1))) / 2, (len(points), 1))
    if follow:
        targets = _smooth(framed.mean(1), 15)
    heights = [rng.normal(1.1, 0.35), rng.uniform(0.1, 2.2), rng.uniform(0.03, 0.6)]
    height = float(np.clip(rng.choice(heights, p=HEIGHTS.get(view, _USUAL)), 0.03, 2.4))
    direction = vec(np.cos(yaw), np.sin(yaw), 0)
    distance = 3.0
    near = 0.45 * float(np.linalg.norm((high - low)[:2])) + 0.45
    for _ in range(4):
        at = targets + direction * distance
        at[:, 2] = height
        camera = Camera(at, look_at(at, targets), focal, size, sides / 2)
        pixels = camera.project(framed)[..., :2]
        spread = np.ptp(pixels, axis=1) if follow else np.ptp(pixels.reshape(1, -1, 2), axis=1)
        ratio = (spread.max(0) * 1.12 / sides).max() / fill
        distance = float(np.clip(distance * ratio, max(near, 0.95), 16.0))
    at = targets + direction * distance
    at[:, 2] = height
    shake, pan = wander(rng, 1.0, 0.8, 3), wander(rng, 1.0, 6.0, 2)
    hand_held, slow = (
        (rng.random() < 0.3) * rng.uniform(0.001, 0.006),
        (rng.random() < 0.25) * rng.uniform(0.005, 0.04),
    )
    turn = look_at(at, targets, np.deg2rad(np.clip(rng.normal(0, 2.5), -12, 12)) + hand_held * shake(time_s)[:, 2])
    sway = distance * (hand_held * shake(time_s)[:, :2] + slow * pan(time_s))
    moved = at + turn[:, 0] * sway[:, :1] + turn[:, 1] * sway[:, 1:]
    off = _pick_off(rng, sides, spread.max(0), fill, close)
    return Camera(moved, turn, focal, size, sides / 2 + off, barrel)


def _pick_fill(rng: np.random.Generator, close: bool) -> float:
    """The share of the picture that what is framed fills: all of it, a usual part, or little, far away."""
    kind = rng.random()
    if close:
        return float(rng.uniform(0.7, 1.1))
    if kind < 0.14:
        return float(np.exp(rng.uniform(np.log(0.16), np.log(0.4))))
    usual = float(np.exp(rng.uniform(np.log(0.38), np.log(1.06))))
    return usual * float(rng.uniform(1.2, 1.8)) if kind > 0.92 else usual


def _pick_off(rng: np.random.Generator, sides: Floats, spread: Floats, fill: float, close: bool) -> Floats:
    """How far (2,) px the middle of what is framed is from the middle of the picture."""
    off = sides * rng.normal(0, 0.07 if fill < 0.85 else 0.04, 2)
    if rng.random() < 0.05:  # half of the body is beyond the border
        axis = int(rng.random() < 0.35)
        off[axis] = rng.choice([-1, 1]) * (sides[axis] / 2 - rng.uniform(0, 0.3) * min(spread[axis], sides[axis]))
    elif fill > 1.1 and not close:
        off[1] += sides[1] * rng.choice([0.25, -0.2, 0.0], p=[0.65, 0.15, 0.2]) * (fill - 0.8)
    return np.asarray(off, np.float64)


def _smooth(path: Floats, width: int) -> Floats:
    padded = np.pad(path, ((width, width), (0, 0)), mode="edge")
    kernel = np.ones(2 * width + 1) / (2 * width + 1)
    return np.stack([np.convolve(padded[:, i], kernel, "valid") for i in range(path.shape[1])], -1)
