"""What is none of the exercises, upright: sitting, waving, dancing, swinging, and exercises that have no name here."""

from __future__ import annotations

import numpy as np

from data import arms as hold
from data.body import Body
from data.draft import Beat, Draft, pair
from data.kinematics import Floats, Signal, ease, mix, rotation, unit, vec, wander
from data.motion import Move, seated_legs, sit, standing_legs
from data.posture import Posture, blend


def _pulse(rng: np.random.Generator, period_s: tuple[float, float], idle: float) -> Signal:
    """A repeated push from 0 to 1 and back, with rests of random length: seconds (N,) to (N,)."""
    count = 40
    periods = rng.uniform(*period_s) * np.exp(rng.normal(0, 0.12, count))
    rests = rng.exponential(idle + 1e-3, count) * (idle > 0)
    begin = np.concatenate([[0.0], np.cumsum(periods + rests)[:-1]]) - rng.uniform(0, periods[0])
    peak = rng.uniform(0.6, 1.1, count)
    rise = rng.uniform(0.35, 0.65)

    def signal(time_s: Floats) -> Floats:
        i = np.clip(np.searchsorted(begin, time_s, side="right") - 1, 0, count - 1)
        x = np.clip((time_s - begin[i]) / periods[i], 0, 1)
        return np.asarray(peak[i] * np.where(x < rise, ease(x / rise), 1 - ease((x - rise) / (1 - rise))))

    return signal


def seated(rng: np.random.Generator, body: Body) -> Move:
    """Sitting on a chair, a sofa or the floor's edge; hands in the lap, on the table, at the phone; fidgeting."""
    seed = int(rng.integers(1 << 30))
    arms = hold.choose(rng, {hold.phone: 2, hold.crossed: 1, hold.clasped: 1, hold.hang: 0.4, hold.behind_head: 0.4,
                             hold.on_face: 0.5, _lap: 4})  # fmt: skip
    lean, spine = rng.uniform(-0.5, 0.45), rng.uniform(-0.05, 0.45)
    turn, look, fidget = wander(rng, 0.06, 4.0, 3), wander(rng, 0.2, 3.0, 2), wander(rng, 0.03, 1.5, 6)
    cross = rng.random() < 0.15
    nod = rng.uniform(-0.1, 0.4)

    def posture(beat: Beat) -> Posture:
        draft = Draft(body, len(beat))
        sit(draft, np.random.default_rng(seed))
        twist = turn(beat.time_s)
        draft.bend(lean + twist[:, 0], spine + 0.5 * twist[:, 1], nod - 0.5 * lean + look(beat.time_s)[:, 0])
        draft.spine[:, 2], draft.neck[:, 2] = twist[:, 2], 2 * look(beat.time_s)[:, 1]
        if cross:
            draft.ankles[:, 0] = draft.ankles[:, 1] + vec(0.2, -0.12, 0.32)
        arms(draft, beat)
        draft.wrists = draft.wrists + fidget(beat.time_s).reshape(-1, 2, 3)
        return draft.done()

    return Move("other", posture, contact="planted")


def _lap(rng: np.random.Generator) -> hold.Arms:
    ahead, out = rng.uniform(0.12, 0.4), rng.uniform(0.0, 0.16)

    def arms(draft: Draft, beat: Beat) -> None:
        draft.wrists = draft.root[:, None] + np.broadcast_to(pair(ahead, out, 0.12), (draft.n, 2, 3))
        draft.elbows = np.broadcast_to(pair(-0.6, 1.0, -0.3), (draft.n, 2, 3)).copy()

    return arms


def chair(rng: np.random.Generator, body: Body) -> Move:
    """Sitting down and standing up again and again, with pauses on the seat: near a squat, and none."""
    seed = int(rng.integers(1 << 30))
    period, rest_s = rng.uniform(2.5, 6.0), rng.uniform(0.8, 4.0)
    pulse_t = rng.uniform(0, period + rest_s)
    lean = rng.uniform(0.5, 0.9)
    arms_down = (hold.hang if rng.random() < 0.5 else _lap)(rng)
    up_arms = hold.hang(rng)
    sway = wander(rng, 0.03, 3.0, 3)

    def sitting(time_s: Floats) -> Floats:
        x = (time_s + pulse_t) % (period + 2 * rest_s)
        return ease((x - rest_s) / (period / 2)) - ease((x - 2 * rest_s - period / 2) / (period / 2))

    def posture(beat: Beat) -> Posture:
        down = sitting(beat.time_s)
        low, high = Draft(body, len(beat)), Draft(body, len(beat))
        sit(low, np.random.default_rng(seed))
        high.ankles, high.feet, high.knees = low.ankles.copy(), low.feet, low.knees
        high.root[:, 1] = low.ankles[:, :, 1].mean(1) + 0.02
        high.sink(high.leg_reach(3.05))
        bend = lean * np.sin(np.pi * np.clip(down, 0, 1))
        drift = sway(beat.time_s)
        for draft in (low, high):
            draft.bend(bend + drift[:, 0], 0.1 + 0.2 * bend, 0.1 - 0.4 * bend)
        low.sink(np.minimum(np.linalg.norm(low.ankles - low.hips(), axis=-1).min(1), body.leg * 0.99))
        arms_down(low, beat)
        up_arms(high, beat)
        return blend(high.done(), low.done(), down)

    return Move("other", posture, busy=sitting)


def arm_work(rng: np.random.Generator, body: Body) -> Move:
    """One or both arms go somewhere and back: waving, drinking, lateral and front raises, rows, punches, clapping."""
    kind = str(rng.choice(["wave", "drink", "raise", "front", "punch", "clap", "stretch", "point", "triceps"]))
    legs = (seated_legs if rng.random() < 0.25 else standing_legs)(rng, body)
    both = kind in ("raise", "front", "clap", "stretch", "triceps") and rng.random() < 0.85
    side = 0 if both else int(rng.choice([1, -1]))
    periods = {"wave": (0.4, 0.9), "punch": (0.4, 1.0), "clap": (0.3, 0.8), "drink": (2.0, 5.0), "stretch": (3.0, 8.0)}
    pulse = _pulse(rng, periods.get(kind, (1.2, 3.5)), 0.6 if kind in ("drink", "point") else 0.1)
    rest = (hold.phone if kind == "clap" else hold.hang)(rng)
    jitter = wander(rng, 0.03, 1.5, 6)
    level, inward = rng.uniform(-0.1, 0.5), rng.normal(0.1, 0.2)
    turn = wander(rng, 0.06, 3.0, 3)

    def posture(beat: Beat) -> Posture:
        draft = Draft(body, len(beat))
        legs(draft, beat)
        e = pulse(beat.time_s)
        draft.spine[:, 2] = turn(beat.time_s)[:, 0] + (0.3 * e * -side if kind == "punch" else 0)
        rest(draft, beat)
        wrists, elbows = draft.wrists, draft.elbows
        share = np.stack([e * (side >= 0), e * (side <= 0)], -1)
        if kind == "wave":
            swing = np.stack([0.25 * np.sin(2 * np.pi * e)] * 2, -1)
            draft.wrists = draft.near("chest", 0.2, 0.4 + swing, 0.35 + level)
            draft.elbows = np.broadcast_to(pair(0.1, 1, -1), (draft.n, 2, 3)).copy()
            share = np.broadcast_to(ease(beat.time_s / 0.8)[:, None] * [side > 0, side < 0], (draft.n, 2))
        elif kind == "drink":
            draft.wrists = draft.near("head", 0.2, 0.05, -0.02)
            draft.elbows = np.broadcast_to(pair(0.5, 0.7, -0.6), (draft.n, 2, 3)).copy()
        elif kind in ("raise", "front", "point"):
            direction = pair(0.15, 1.0, level - 0.1) if kind == "raise" else pair(1.0, inward, level)
            draft.aim_arms(direction, 2.85, pair(-0.5, 0.2, -0.6))
        elif kind == "punch":
            draft.aim_arms(pair(1.0, -0.15, 0.1), 2.9, pair(0, 1, -0.4))
        elif kind == "clap":
            draft.wrists = draft.near("chest", 0.35, 0.02, level - 0.1)
            draft.elbows = np.broadcast_to(pair(0, 1, -0.7), (draft.n, 2, 3)).copy()
        elif kind == "stretch":
            draft.aim_arms(pair(-0.1, 0.3 * level, 1.0), 2.9, pair(-0.3, 1, 0))
            draft.spine[:, 1] = 0.6 * turn(beat.time_s)[:, 1]
        else:
            draft.wrists = draft.near("head", -0.16, 0.08, 0.1 + 0.3 * level)
            draft.elbows = np.broadcast_to(pair(0.3, 0.3, 1.0), (draft.n, 2, 3)).copy()
        target, poles = draft.wrists, draft.elbows
        draft.wrists, draft.elbows = wrists, elbows
        draft.mix_arms(target, poles, np.clip(share, 0, 1.1))
        draft.wrists = draft.wrists + jitter(beat.time_s).reshape(-1, 2, 3)
        return draft.done()

    return Move("other", posture)


def dance(rng: np.random.Generator, body: Body) -> Move:
    """Smooth random motion of everything, feet mostly on the floor: dancing, gestures, play."""
    size, period = rng.uniform(0.3, 1.2), rng.uniform(0.8, 3.0)
    arm, trunk = wander(rng, 0.35 * size, period, 6), wander(rng, 0.16 * size, period, 6)
    foot, dip = wander(rng, 0.12 * size, 1.5 * period, 4), wander(rng, 0.12 * size, period)
    yaw = wander(rng, rng.choice([0.2, 1.2]) * size, 2.5 * period)
    base = pair(rng.uniform(0.0, 0.7), rng.uniform(0.2, 1.0), rng.uniform(-1.0, 0.7))
    elbow = wander(rng, 0.5, period, 2)
    hop = wander(rng, 0.05 * size, period, 2)

    def posture(beat: Beat) -> Posture:
        t = beat.time_s
        draft = Draft(body, len(beat))
        steps = foot(t)
        draft.plant(body.hip_half * 1.3 + np.maximum(steps[:, :2], -body.hip_half), 0.2, steps[:, 2:])
        draft.ankles[..., 2] += np.maximum(hop(t) - 0.03, 0.0)
        bend = trunk(t)
        draft.bend(0.05 + bend[:, 0], bend[:, 1], bend[:, 2])
        draft.spine[:, 1:], draft.neck[:, 1:] = bend[:, 3:5], bend[:, 4:6]
        draft.root[:, :2] += draft.ankles[:, :, :2].mean(1)
        draft.sink(draft.leg_reach(2.9 - np.abs(dip(t)) * 2))
        direction = base + arm(t).reshape(-1, 2, 3) * 2.2
        draft.aim_arms(direction, np.clip(2.0 + elbow(t), 0.8, 3.05), pair(-0.6, 0.6, -0.5))
        return draft.done().moved(vec(0, 0, 0), yaw(t))

    return Move("other", posture)


def swing(rng: np.random.Generator, body: Body) -> Move:
    """Both hands swing a bat or club across the body, or one hand throws, bowls or serves."""
    two_hands = rng.random() < 0.6
    pulse = _pulse(rng, (0.7, 2.0), 1.5)
    low, high = rng.uniform(-1.2, 0.3), rng.uniform(-0.2, 0.9)
    turn, lean = rng.uniform(0.6, 1.4), rng.uniform(0.0, 0.5)
    legs = standing_legs(rng, body)
    sign = float(rng.choice([1, -1]))

    def posture(beat: Beat) -> Posture:
        draft = Draft(body, len(beat))
        legs(draft, beat)
        e = pulse(beat.time_s)
        yaw = sign * turn * (1 - 2 * e)
        draft.pelvis = draft.pelvis @ rotation(twist=0.4 * yaw)
        draft.spine[:, 2], draft.neck[:, 2] = 0.6 * yaw, -0.7 * yaw
        draft.spine[:, 0] += lean
        turns, _ = draft.chest()
        height = high + (low - high) * np.sin(np.pi * np.clip(e, 0, 1))
        inner = -0.35 if two_hands else 0.3
        aim = np.asarray(pair(1.0, inner, height[:, None]))
        aim[..., 0] += (0.8 * sign * (1 - 2 * e))[:, None]
        direction = (turns @ unit(aim)[..., None])[..., 0]
        draft.aim_arms(direction, 2.3 + 0.6 * np.clip(e, 0, 1), pair(-0.1, 0.8, -0.8))
        if not two_hands:
            wrists, elbows = draft.wrists, draft.elbows
            draft.aim_arms(pair(0.2, 0.4, -1), 2.4, pair(-1, 0.4, 0))
            draft.mix_arms(wrists, elbows, np.tile([[float(sign > 0), float(sign < 0)]], (draft.n, 1)))
        return draft.done()

    return Move("other", posture)


def bend_down(rng: np.random.Generator, body: Body) -> Move:
    """Picking things up, tying shoes, rowing bent over, good mornings of daily life: down for a while, and up."""
    pulse = _pulse(rng, (1.5, 5.0), 1.0)
    bend, knee = rng.uniform(0.7, 1.7), rng.uniform(1.6, 3.0)
    half, twist = body.hip_half * rng.uniform(0.8, 2.0), rng.normal(0, 0.3)
    stay = rng.random() < 0.35
    one_arm = rng.random() < 0.5
    sway = wander(rng, 0.05, 1.5, 6)
    rest = hold.hang(rng)

    def posture(beat: Beat) -> Posture:
        draft = Draft(body, len(beat))
        e = np.full(draft.n, 1.0) if stay else np.clip(pulse(beat.time_s), 0, 1)
        draft.plant(half, 0.2, np.tile([[0.1, -0.1]], (draft.n, 1)) * (twist > 0))
        draft.bend(0.7 * bend * e, 0.6 * bend * e, -0.1 * e)
        draft.spine[:, 2] = twist * e
        draft.root[:, 1] += 0.25 * np.sin(bend * e) * body.torso + 0.1 * e * (np.pi - knee)
        draft.sink(draft.leg_reach(mix(3.05, knee, e)))
        rest(draft, beat)
        wrists, elbows = draft.wrists, draft.elbows
        draft.aim_arms(pair(0.15, -0.1, -1.0), 2.8, pair(-0.3, 1, 0))
        down = draft.wrists + sway(beat.time_s).reshape(-1, 2, 3)
        poles = draft.elbows
        draft.wrists, draft.elbows = wrists, elbows
        draft.mix_arms(down, poles, np.stack([e, e * (not one_arm)], -1))
        draft.wrists[..., 2] = np.maximum(draft.wrists[..., 2], 0.05)
        return draft.done()

    return Move("other", posture, busy=None if stay else pulse)
