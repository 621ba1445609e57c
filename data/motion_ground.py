"""What is none of the exercises, near the floor: yoga, lying, bench press, bridges, getting down and up."""

from __future__ import annotations

import numpy as np

from data.body import Body
from data.draft import Beat, Draft, pair
from data.kinematics import Floats, ease, rotation, unit, vec, wander
from data.motion import Move, bar_plates
from data.posture import Posture


def _kneel(draft: Draft, up: Floats | float, half: float) -> None:
    """Knees on the floor under the hips, or behind them; `up` m from the knees to the hips."""
    body = draft.body
    knee = np.broadcast_to(pair(0.0, half, 0.06), (draft.n, 2, 3))
    draft.ankles = knee + body.shin * unit(pair(-1.0, 0.0, 0.02))
    draft.knees = np.broadcast_to(pair(1.0, 0.0, -0.4), (draft.n, 2, 3)).copy()
    draft.feet = rotation(flex=np.full((draft.n, 2), np.pi / 2 + 0.5))
    reach = np.broadcast_to(np.minimum(up, body.thigh * 0.995), (draft.n,))
    back = np.sqrt(np.maximum((body.thigh * 0.998) ** 2 - reach**2, 0.0))
    draft.root = vec(-back, 0.0, 0.06 + reach)


def yoga(rng: np.random.Generator, body: Body) -> Move:
    """Static poses: downward dog, table, child's pose, kneeling, cobra, warrior, tree, forward fold, squat sit."""
    kind = str(rng.choice(["dog", "table", "child", "kneel", "cobra", "warrior", "tree", "fold", "deep", "half_kneel"]))
    drift, sway = wander(rng, 0.012, 3.0, 3), wander(rng, 0.03, 3.0, 4)
    half = body.hip_half * rng.uniform(0.7, 1.5)
    a, b, c = rng.uniform(0, 1, 3)
    flip = rng.random() < 0.5

    def posture(beat: Beat) -> Posture:
        t = beat.time_s
        draft = Draft(body, len(beat))
        small = sway(t)
        if kind == "dog":
            draft.plant(half, 0.0)
            draft.root = np.tile(vec(body.leg * (0.45 + 0.2 * a), 0, body.leg * 0.8), (draft.n, 1))
            draft.bend(2.3 + 0.25 * b + small[:, 0], 0.1 - 0.2 * c, 0.2 * c)
            draft.aim_arms(unit(pair(1.0, 0.05, -1.1)), 3.05, pair(0, 1, -0.5))
            draft.wrists[..., 2] = 0.06
        elif kind in ("table", "child", "kneel"):
            up = {"table": 0.99, "child": 0.35 + 0.2 * a, "kneel": 0.6 + 0.4 * a}[kind] * body.thigh
            _kneel(draft, up + 0.01 * small[:, 0], half)
            draft.bend({"table": 1.55, "child": 1.7, "kneel": 0.1}[kind] + 0.3 * small[:, 1], 0.15, -0.2 * b)
            if kind == "kneel":
                draft.aim_arms(pair(0.4 * b, 0.2, -1), 2.5 + 0.4 * c, pair(-1, 0.4, 0))
            else:
                direction = pair(0.0, 0.05, -1) if kind == "table" else pair(1, 0.1, -0.3)
                draft.aim_arms(unit(direction), 3.0, pair(-1, 0.5, 0))
                draft.wrists[..., 2] = 0.06
        elif kind == "cobra":
            draft.root = np.tile(vec(0, 0, 0.12), (draft.n, 1))
            draft.bend(1.45 - 0.2 * a, -0.5 - 0.5 * b, -0.4 * c)
            draft.ankles = np.broadcast_to(pair(-body.leg * 0.99, half, 0.06), (draft.n, 2, 3)).copy()
            draft.feet = rotation(flex=np.full((draft.n, 2), 2.4))
            draft.knees = np.broadcast_to(pair(0, 0.1, -1), (draft.n, 2, 3)).copy()
            draft.aim_arms(unit(pair(0.2, 0.1, -1)), 2.7, pair(-1, 0.5, 0))
            draft.wrists[..., 2] = 0.06
        elif kind in ("warrior", "half_kneel"):
            step = body.leg * (0.75 + 0.35 * a)
            draft.plant(half * 0.8, 0.1)
            i, j = (0, 1) if flip else (1, 0)
            draft.ankles[:, i] += vec(0.5 * step, 0, 0)
            ball = draft.ankles[:, j] + vec(-0.5 * step + 0.12, 0, draft.ball_height - body.ankle)
            draft.tiptoe(j, ball, 0.0 if kind == "warrior" else 1.2)
            draft.bend(0.05 + small[:, 0], -0.05 * b, -0.1 * c)
            knee = (1.6 + 0.7 * b) if kind == "warrior" else 1.5
            draft.sink(np.full(draft.n, float(draft.leg_reach(knee))), legs=(i,))
            draft.aim_arms(unit(pair(0.05, 1.0, 0.05) if c < 0.6 else pair(0, 0.1, 1.0)) if kind == "warrior" else
                           unit(pair(0.5, 0.1, -1.0)), 3.0, pair(-0.5, 0.3, -0.5))  # fmt: skip
        elif kind == "tree":
            draft.plant(half * 0.4, 0.1)
            i = int(flip)
            draft.sink(draft.leg_reach(np.full(draft.n, 3.05)))
            draft.ankles[:, i] += vec(0.0, 0.0, body.leg * (0.3 + 0.3 * a))
            draft.knees[:, i] = vec(0.6, 1.0 if i == 0 else -1.0, 0)
            draft.bend(small[:, 0], 0.0, 0.0)
            draft.aim_arms(pair(0.1, -0.15, 1.0) if b < 0.6 else pair(0, 1, 0), 2.8, pair(-0.3, 1, 0))
        elif kind == "fold":
            draft.plant(half, 0.1)
            draft.root[:, 1] += 0.1 + 0.1 * a
            draft.sink(draft.leg_reach(np.full(draft.n, 2.9)))
            draft.bend(1.3 + 0.5 * b + small[:, 0], 0.7 * c, 0.2)
            draft.aim_arms(pair(0.1, 0.05, -1), 2.9, pair(-0.2, 1, 0))
            draft.wrists[..., 2] = np.maximum(draft.wrists[..., 2], 0.06)
        else:
            draft.plant(half * 1.6, 0.5)
            draft.root[:, 1] += 0.12
            draft.sink(draft.leg_reach(np.full(draft.n, 0.7 + 0.4 * a)))
            draft.bend(0.6 + 0.2 * b + small[:, 0], 0.3, -0.5)
            draft.aim_arms(pair(1, -0.1, -0.2), 2.0, pair(0, 1, -0.5))
        moved = drift(t)
        draft.root += moved * [1, 1, 0.3]
        draft.neck[:, 1:] += small[:, 2:]
        return draft.done()

    prone = kind in ("dog", "table", "cobra", "child")  # from the front they would be the stillness of a plank
    return Move("other", posture, contact="lowest", upright=kind in ("warrior", "tree", "fold", "deep"),
                view="side" if prone else "any")  # fmt: skip


def lying(rng: np.random.Generator, body: Body) -> Move:
    """On the back: still, bench press, leg raises, bridges, twists - with reps that are none of ours."""
    kind = str(rng.choice(["still", "bench", "legs", "bridge", "twist"], p=[0.2, 0.35, 0.17, 0.15, 0.13]))
    bench = 0.45 if kind == "bench" else 0.0
    period, shift = rng.uniform(1.2, 4.0), rng.uniform(0, 1)
    half, knee_up = body.hip_half * rng.uniform(0.7, 1.6), rng.uniform(0.0, 1.0)
    grip, a = rng.uniform(0.0, 0.6), rng.uniform(0, 1)
    sway = wander(rng, 0.02, 2.0, 3)

    def posture(beat: Beat) -> Posture:
        t = beat.time_s
        e = 0.5 - 0.5 * np.cos(2 * np.pi * (t / period + shift))
        draft = Draft(body, len(beat))
        draft.root = np.tile(vec(0, 0, 0.11 + bench), (draft.n, 1))
        sitting = 0.75 if kind == "twist" else 0.0
        draft.bend(-np.pi / 2 + sitting, 0.1 + 0.5 * sitting, 0.1)
        ahead, height = body.leg * 0.985, 0.07
        if kind == "bench":
            ahead, height = body.thigh * 1.05, body.ankle
        elif kind != "legs" and (kind in ("bridge", "twist") or knee_up > 0.5):
            ahead, height = body.thigh * 0.95, body.ankle + (0.25 if kind == "twist" and a > 0.5 else 0.0)
        draft.ankles = np.broadcast_to(pair(ahead, half, height), (draft.n, 2, 3)).copy()
        if kind == "legs":
            angle = (0.1 + 1.35 * e)[:, None]
            draft.ankles = draft.root[:, None] + body.leg * 0.985 * pair(np.cos(angle), 0.09, np.sin(angle))
        if kind == "bridge":
            draft.root[:, 2] += 0.28 * e
            draft.pelvis = rotation(flex=-np.pi / 2 - 0.55 * e)
            draft.spine[:, 0] = -0.1 * e
        draft.knees = np.broadcast_to(pair(-0.2 if kind != "bench" else 0.7, 0.1, 1.0), (draft.n, 2, 3)).copy()
        draft.feet = rotation(flex=np.full((draft.n, 2), -1.1 if ahead > body.leg * 0.9 else 0.0))
        if kind == "bench":
            elbow = 1.2 + 1.75 * e
            draft.aim_arms(unit(pair(0.05, 0.2 + grip, 1.0)), elbow, pair(0.6, 1.0, -0.6))
        elif kind == "twist":
            draft.spine[:, 2] = 0.7 * np.sin(2 * np.pi * t / period)
            draft.wrists = draft.near("chest", 0.28, 0.02, -0.15)
            draft.elbows = np.broadcast_to(pair(0, 1, -0.6), (draft.n, 2, 3)).copy()
        else:
            out = 0.3 + 0.8 * a * (kind == "still")
            draft.aim_arms(unit(pair(1.0 - a * (kind == "still"), out, -0.1)), 2.9, pair(0, 1, -0.3))
        draft.wrists[..., 2] = np.maximum(draft.wrists[..., 2], 0.03)
        draft.neck += sway(t)
        return draft.done()

    return Move("other", posture, contact="free" if kind == "bench" else "lowest", upright=False, view="mat",
                plates=bar_plates(rng, 0.6) if kind == "bench" else (0.0, 0.0))  # fmt: skip


def climber(rng: np.random.Generator, body: Body) -> Move:
    """Mountain climbers, shoulder taps and hip dips in the push-up position: busy, and no push-up."""
    period, kind = rng.uniform(0.5, 2.0), str(rng.choice(["knees", "taps", "pike"]))
    half, look = body.hip_half, rng.uniform(-0.5, 0.1)
    sway = wander(rng, 0.012, 1.0, 3)

    def posture(beat: Beat) -> Posture:
        t = beat.time_s
        draft = Draft(body, len(beat))
        swing = np.sin(2 * np.pi * t / period)
        reach = 0.985 * body.arm
        rise = np.arcsin(np.clip((reach - 0.13) / (body.leg + body.torso), -0.9, 0.9))
        pike = 0.5 * np.maximum(swing, 0) ** 2 if kind == "pike" else np.zeros(draft.n)
        draft.root = vec(body.leg * np.cos(rise + pike), 0, 0.19 + body.leg * np.sin(rise + pike))
        draft.bend(np.pi / 2 - rise + 1.6 * pike, 0.05, look)
        balls = [np.broadcast_to(vec(0, s * half, draft.ball_height), (draft.n, 3)) for s in (1, -1)]
        for i in (0, 1):
            draft.tiptoe(i, balls[i], 1.1)
        if kind == "knees":
            up = ease(np.maximum(np.stack([swing, -swing], -1), 0))
            draft.ankles = draft.ankles + up[..., None] * vec(body.leg * 0.55, 0, 0.1)
        draft.knees = np.broadcast_to(pair(0.6, 0.1, -1.0), (draft.n, 2, 3)).copy()
        _, joints = draft.chest()
        flat = joints.copy()
        flat[..., 2] = 0.055
        draft.wrists = flat
        draft.elbows = np.broadcast_to(pair(-1, 0.5, 0), (draft.n, 2, 3)).copy()
        if kind == "taps":
            across = draft.near("chest", 0.1, -0.15, 0.0)
            draft.mix_arms(across, draft.elbows, ease(np.maximum(np.stack([swing, -swing], -1), 0) * 1.4))
        draft.root += sway(t)
        return draft.done()

    return Move("other", posture, contact="lowest", upright=False, view="side")


def crouch(rng: np.random.Generator, body: Body, hands: float) -> Posture:
    """One frame on the way between standing and the floor: squatting, the hands on the floor `hands` m ahead."""
    draft = Draft(body, 1)
    draft.plant(body.hip_half * 1.2, 0.1)
    draft.root[:, 1] += 0.05
    draft.sink(draft.leg_reach(np.full(1, rng.uniform(0.9, 1.5))))
    draft.bend(rng.uniform(0.8, 1.2), 0.4, -0.3)
    draft.wrists = np.broadcast_to(pair(hands, body.shoulder_half * 1.1, 0.06), (1, 2, 3)).copy()
    draft.elbows = np.broadcast_to(pair(-1, 0.6, 0), (1, 2, 3)).copy()
    return draft.done()


def all_fours(rng: np.random.Generator, body: Body) -> Posture:
    """One frame on hands and knees, on the way between the floor and standing."""
    draft = Draft(body, 1)
    _kneel(draft, body.thigh * 0.99, body.hip_half)
    draft.bend(rng.uniform(1.35, 1.6), 0.1, -0.2)
    draft.aim_arms(unit(pair(0.0, 0.1, -1.0)), 3.0, pair(-1, 0.5, 0))
    draft.wrists[..., 2] = 0.06
    return draft.done()


def sitting_floor(rng: np.random.Generator, body: Body) -> Posture:
    """One frame sitting on the floor, on the way to lying on the back."""
    draft = Draft(body, 1)
    draft.root = vec(0, 0, np.full(1, 0.11))
    draft.bend(rng.uniform(-0.3, 0.1), 0.2, 0.0)
    draft.ankles = np.broadcast_to(pair(body.thigh * 0.95, body.hip_half, body.ankle), (1, 2, 3)).copy()
    draft.knees = np.broadcast_to(pair(0, 0.1, 1), (1, 2, 3)).copy()
    draft.aim_arms(unit(pair(rng.uniform(-0.6, 0.3), 0.4, -1.0)), 2.6, pair(-1, 0.5, 0))
    draft.wrists[..., 2] = np.maximum(draft.wrists[..., 2], 0.04)
    return draft.done()
