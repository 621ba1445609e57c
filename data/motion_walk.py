"""Walking, running and their like: gaits in place, on a treadmill, across the picture or in a circle."""

from __future__ import annotations

import numpy as np

from data.body import Body
from data.draft import Beat, Draft, pair
from data.kinematics import rotation, unit, vec, wander
from data.motion import Move
from data.posture import Posture


def gait(rng: np.random.Generator, body: Body, kind: str = "walk", travel: bool = True) -> Move:
    """`walk`, `run`, `march` (high knees) or `rope` (skipping); `travel` moves the person, else in place."""
    hz = {"walk": rng.uniform(0.6, 1.1), "run": rng.uniform(1.1, 1.6), "march": rng.uniform(0.7, 1.6),
          "rope": rng.uniform(1.6, 2.6)}[kind]  # fmt: skip
    stride = {"walk": rng.uniform(0.18, 0.36), "run": rng.uniform(0.2, 0.5), "march": 0.03, "rope": 0.0}[kind]
    stride *= body.leg * 2
    high = {"walk": rng.uniform(0.05, 0.14), "run": rng.uniform(0.12, 0.4), "march": rng.uniform(0.2, 0.5),
            "rope": rng.uniform(0.03, 0.1)}[kind]  # fmt: skip
    bounce = {"walk": 0.015, "run": 0.04, "march": 0.03, "rope": 0.05}[kind]
    arm = {"walk": rng.uniform(0.05, 0.6), "run": rng.uniform(0.3, 0.9), "march": rng.uniform(0.1, 0.8),
           "rope": 0.05}[kind]  # fmt: skip
    elbow = {"walk": rng.uniform(2.4, 3.0), "run": rng.uniform(1.3, 1.9), "march": rng.uniform(1.4, 2.8),
             "rope": rng.uniform(1.5, 2.3)}[kind]  # fmt: skip
    lean = {"walk": rng.uniform(0.0, 0.15), "run": rng.uniform(0.05, 0.3)}.get(kind, rng.uniform(-0.05, 0.1))
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
        draft.root[:, 2] = body.ankle + body.leg * (0.975 if kind != "run" else 0.94) - bounce * step
        if kind == "rope":
            draft.root[:, 2] += high * np.sin(np.pi * swing[:, 0])
        back = -ahead * 2 * arm
        upper = pair(np.sin(back), spread, -np.cos(back))
        draft.fold_arms(upper, np.broadcast_to(pair(1.0, -0.2, 0.3), (draft.n, 2, 3)), elbow)
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
                view="cross" if travel else "any")  # fmt: skip


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
