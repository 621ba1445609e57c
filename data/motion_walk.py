"""Walking, running and their like: gaits in place, on a treadmill, across the picture or in a circle."""

from __future__ import annotations

import numpy as np

from data import arms as hold
from data.body import Body
from data.draft import Beat, Draft, pair
from data.kinematics import rotation, unit, vec, wander
from data.motion import Move
from data.posture import Posture

_Range = tuple[float, float]
#: Of each gait: strides a second, half a stride in leg lengths, how high the foot swings (m), how far the arms
#: swing, the elbow's angle, how much it bends as the arm comes forward, and the lean (radians).
_GAITS: dict[str, tuple[_Range, _Range, _Range, _Range, _Range, _Range, _Range]] = {
    "walk": ((0.6, 1.1), (0.18, 0.36), (0.05, 0.14), (0.05, 0.6), (2.4, 3.0), (0.0, 0.5), (0.0, 0.15)),
    "run": ((1.1, 1.6), (0.2, 0.5), (0.12, 0.4), (0.3, 0.9), (1.3, 1.9), (0.0, 0.6), (0.05, 0.3)),
    "march": ((0.7, 1.6), (0.03, 0.03), (0.2, 0.5), (0.1, 1.1), (1.4, 2.9), (0.0, 0.7), (-0.05, 0.1)),
    "rope": ((1.6, 2.6), (0.0, 0.0), (0.03, 0.1), (0.05, 0.05), (1.5, 2.3), (0.0, 0.0), (-0.05, 0.1)),
}
_BOUNCE = {"walk": 0.015, "run": 0.04, "march": 0.03, "rope": 0.05}


def gait(rng: np.random.Generator, body: Body, kind: str = "walk", travel: bool = True) -> Move:
    """`walk`, `run`, `march` (high knees) or `rope` (skipping); `travel` moves the person, else in place.

    Arms swing and elbows bend with them, or the hands hold a phone, the rails or nothing.
    """
    ranges = _GAITS[kind]
    hz, high, arm, elbow, pump, lean = (rng.uniform(*ranges[i]) for i in (0, 2, 3, 4, 5, 6))
    stride, bounce = rng.uniform(*ranges[1]) * body.leg * 2, _BOUNCE[kind]
    crouch = 0.0
    if kind == "walk":  # strolling, with bent elbows, sneaking
        hz = rng.uniform(0.35, 0.6) if rng.random() < 0.2 else hz
        elbow = rng.uniform(1.4, 2.4) if rng.random() < 0.25 else elbow
        crouch = rng.uniform(0.02, 0.08) if rng.random() < 0.15 else 0.0
        lean += 4 * crouch
    hands = hold.choose(rng, {hold.phone: 2, hold.pockets: 2, hold.rails: 4, hold.on_hips: 1, hold.hang: 1})
    still_hands = kind in ("walk", "run") and rng.random() < (0.12 if travel else 0.25)
    half = body.hip_half * rng.uniform(0.5, 1.1)
    spread = rng.uniform(0.05, 0.35)
    look, sway = wander(rng, 0.12, 3.0, 3), wander(rng, 0.01, 2.0, 3)
    speed = 2 * hz * stride * 0.9 * (1 if rng.random() < 0.93 else -1)
    curve = rng.normal(0, 0.35) if travel and rng.random() < 0.3 else 0.0
    together = kind == "rope"
    phase0 = rng.uniform(0, 1)

    def posture(beat: Beat) -> Posture:
        t = beat.time_s
        draft = Draft(body, len(beat))
        cycle = (t * hz + phase0)[:, None] + (np.array([0.0, 0.0]) if together else np.array([0.0, 0.5]))
        share = cycle % 1.0
        stance = 0.6 if kind == "walk" else 0.4
        swing = np.clip((share - stance) / (1 - stance), 0, 1)
        ahead = np.where(share < stance, 0.5 - share / stance, -0.5 + 0.5 * (1 - np.cos(np.pi * swing)))
        up = high * np.sin(np.pi * swing) ** 1.2
        push = np.clip((share / stance - 0.75) / 0.25, 0, 1) * (share < stance) + (swing > 0) * (1 - swing) ** 2
        draft.plant(half, 0.1, ahead * stride)
        draft.feet = rotation(flex=0.9 * push * (kind != "rope") - 0.25 * (swing > 0.75) * (kind != "rope"))
        draft.ankles[..., 2] += up + 0.07 * push
        step = np.cos(4 * np.pi * cycle[:, 0])
        draft.bend(lean + 0.02 * step, 0.05, 0.05 - 0.5 * lean + look(t)[:, 0])
        yaw = 0.1 * ahead[:, 0]
        draft.pelvis = draft.pelvis @ rotation(twist=-yaw)
        draft.spine[:, 2], draft.neck[:, 2] = 2 * yaw, 2 * look(t)[:, 1]
        draft.root += sway(t) * [1, 1, 0]
        draft.root[:, 2] = body.ankle + body.leg * (0.975 - crouch if kind != "run" else 0.94) - bounce * step
        if kind == "rope":
            draft.root[:, 2] += high * np.sin(np.pi * swing[:, 0])
        back = -ahead * 2 * arm
        upper = pair(np.sin(back), spread, -np.cos(back))
        draft.fold_arms(upper, np.broadcast_to(pair(1.0, -0.2, 0.3), (draft.n, 2, 3)),
                        np.clip(elbow - pump * np.clip(-2 * ahead, -0.6, 1.0), 0.9, 3.05))  # fmt: skip
        if still_hands:
            hands(draft, beat)
        made = draft.done()
        if not travel:
            return made
        since = t - beat.origin_s
        heading = curve * since
        if abs(curve) < 1e-3:
            path = vec(speed * since, 0, 0)
        else:  # along a circle
            path = vec(np.sin(heading), 1 - np.cos(heading), 0) * (speed / curve)
        return made.moved(path, heading)

    return Move("other", posture, contact="lowest" if kind == "walk" else "free",
                view="cross" if travel else "side" if kind in ("walk", "run") else "any")  # fmt: skip


def walk(rng: np.random.Generator, body: Body) -> Move:
    """Walking: across the picture, towards or away from the camera, or on a treadmill."""
    return gait(rng, body, "walk", travel=rng.random() < 0.65)


def run(rng: np.random.Generator, body: Body) -> Move:
    """Running across the picture, on a treadmill, or in place."""
    return gait(rng, body, "run", travel=rng.random() < 0.4)


def march(rng: np.random.Generator, body: Body) -> Move:
    """High knees in place."""
    return gait(rng, body, "march", travel=False)


def rope(rng: np.random.Generator, body: Body) -> Move:
    """Jumping rope."""
    return gait(rng, body, "rope", travel=False)


def kick(rng: np.random.Generator, body: Body) -> Move:
    """Kicks and knee strikes, again and again, one leg or in turns."""
    period, height = rng.uniform(1.0, 2.8), rng.uniform(0.3, 1.0)
    left, in_turn, side = rng.random() < 0.5, rng.random() < 0.4, rng.random() < 0.3
    guard, sway = rng.random() < 0.6, wander(rng, 0.03, 1.5, 3)
    share = rng.uniform(0.35, 0.7)

    def posture(beat: Beat) -> Posture:
        t = beat.time_s
        draft = Draft(body, len(beat))
        draft.plant(body.hip_half * 1.2, 0.2, np.tile([[0.12, -0.12]], (draft.n, 1)))
        turn = (t / period).astype(int)
        x = np.clip((t / period % 1) / share, 0, 1)
        kicking = np.where(in_turn, turn % 2 == 0, left)
        up = np.sin(np.pi * x) ** 2
        legs = np.stack([kicking, ~kicking], -1) * up[:, None]
        reach = body.leg * 0.93
        angle = height * 1.6 * legs
        hips = draft.hips()
        out = pair(np.sin(angle) * (not side) + 0.2, np.sin(angle) * side + 0.15, -np.cos(angle))
        draft.bend(-0.3 * height * up, 0.1 * up, 0.1)
        draft.root += sway(t) * [1, 1, 0]
        draft.sink(draft.leg_reach(np.full(draft.n, 2.9)))
        draft.ankles = np.where(legs[..., None] > 0.02, hips + reach * unit(out) * np.minimum(1, 0.8 + legs[..., None]),
                                draft.ankles)  # fmt: skip
        if guard:
            draft.wrists = draft.near("chest", 0.25, 0.12, 0.12)
            draft.elbows = np.broadcast_to(pair(0.1, 0.4, -1.0), (draft.n, 2, 3)).copy()
        else:
            draft.aim_arms(pair(-0.3 * up[:, None], 0.3 + 0.4 * up[:, None], -1.0), 2.7, pair(-1, 0.4, 0))
        return draft.done()

    return Move("other", posture, contact="free")
