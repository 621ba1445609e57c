"""Push-ups, planks and sit-ups: bodies that lie, lean and press on the floor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from data.body import Body
from data.draft import Beat, Draft, pair
from data.kinematics import Floats, chord, ease, rotation, unit, vec, wander
from data.motion import Move
from data.posture import Posture

RAD = np.pi / 180
#: Height of the wrist's joint over a flat palm, and of the elbow's over a forearm on the floor, m.
PALM, ELBOW = 0.055, 0.05


def _line(
    body: Body,
    draft: Draft,
    style: dict[str, float],
    shoulder: Floats,
    sag: ArrayLike,
    knees: bool,
    foot: float,
) -> None:
    """Stretch the body from its toes (or knees) to the shoulders (N, 2): metres forward and up.

    The pivot is at the origin, `foot` m up. `sag` (N,) m lets the hips hang below the line.
    """
    n = draft.n
    ankle_up = foot + (0.06 if knees else draft.ball_height + 0.13)
    pivot = np.array([0.0, ankle_up])
    gap = shoulder - pivot
    length = np.linalg.norm(gap, axis=1)
    along = gap / length[:, None]
    normal = np.stack([-along[:, 1], along[:, 0]], -1)
    below = (body.thigh if knees else body.leg) * 0.995
    share = below / (below + body.torso)
    sag = np.broadcast_to(np.asarray(sag, np.float64), (n,))
    hip = pivot + gap * share - sag[:, None] * normal
    draft.root = vec(hip[:, 0], 0.0, hip[:, 1])
    torso = shoulder - hip
    pitch = np.pi / 2 - np.arctan2(torso[:, 1], torso[:, 0])
    spine = style["round"]
    draft.bend(pitch - 0.5 * spine, spine, style["look"])
    half = body.hip_half * style["feet"]
    if knees:
        lift = style["shin"]
        knee = pair(0.0, half, ankle_up)
        ankle = knee + body.shin * pair(-np.cos(lift), 0.0, np.sin(lift))
        draft.ankles = np.broadcast_to(ankle, (n, 2, 3)).copy()
        draft.knees = np.broadcast_to(pair(0.3, 0.0, -1.0), (n, 2, 3)).copy()
        draft.feet = rotation(flex=np.full((n, 2), np.pi / 2 + lift + 0.6))
        return
    for i, sign in enumerate((1, -1)):
        ball = np.broadcast_to(vec(0.0, sign * half, foot + draft.ball_height), (n, 3))
        leg = np.arctan2(along[:, 1], along[:, 0])
        draft.tiptoe(i, ball, np.clip(1.45 - leg - style["heel"], 0.3, 1.6))
    draft.knees = np.broadcast_to(pair(0.4, 0.1, -1.0), (n, 2, 3)).copy()


def _shoulder(body: Body, length: float, pivot_up: float, hand: ArrayLike, hand_up: float, reach: Floats) -> Floats:
    """Where the shoulders (N, 2) are: `length` m from the pivot and `reach` (N,) m from the hands."""
    a = np.array([0.0, pivot_up])
    b = np.stack(np.broadcast_arrays(np.asarray(hand, np.float64), np.float64(hand_up)), -1)
    gap = b - a
    d = np.linalg.norm(gap, axis=-1)
    along = gap / d[..., None]
    x = np.clip((d * d + length**2 - reach**2) / (2 * d), -length, length)
    height = np.sqrt(np.maximum(length**2 - x * x, 0.0))
    up = np.stack([-along[..., 1], along[..., 0]], -1)
    return np.asarray(a + x[..., None] * along + height[..., None] * up, np.float64)


def _style(rng: np.random.Generator) -> dict[str, float]:
    return {
        "round": float(rng.normal(0.05, 0.1)),
        "look": float(rng.uniform(-0.75, 0.25)),
        "feet": float(rng.uniform(0.3, 2.0)),
        "heel": float(rng.uniform(0.0, 0.35)),
        "shin": float(rng.choice([rng.uniform(0.0, 0.25), rng.uniform(0.3, 1.5)])),
    }


def push_up(rng: np.random.Generator, body: Body) -> Move:
    """Hands and toes planted, elbow from 165 degrees to 85: on the floor, on knees, inclined, declined, fast."""
    kind = str(rng.choice(["floor", "knees", "incline", "decline"], p=[0.6, 0.22, 0.09, 0.09]))
    knees = kind == "knees"
    style = _style(rng)
    hand_up = PALM + {"incline": rng.uniform(0.2, 0.6)}.get(kind, float(rng.choice([0.0, 0.12], p=[0.85, 0.15])))
    foot = rng.uniform(0.2, 0.45) if kind == "decline" else 0.0
    half = body.shoulder_half * (rng.uniform(0.2, 0.75) if rng.random() < 0.16 else rng.uniform(0.85, 2.0))
    below = body.thigh if knees else body.leg
    length = 0.995 * below + body.torso
    pivot_up = foot + (0.06 if knees else 0.19)
    flare = rng.uniform(0.1, 1.4)
    sag, sag_down = rng.normal(-0.04 if knees else 0.0, 0.04), rng.normal(0.0, 0.04)
    deepest = float(rng.choice([1.05, 1.25, 1.5], p=[0.25, 0.35, 0.4]))  # the table asks for less than most do
    lateral = half - body.shoulder_half
    top_flat = np.sqrt(np.maximum(chord(body.upper_arm, body.forearm, 165 * RAD) ** 2 - lateral**2, 0.01))
    rise = float(np.clip((hand_up + top_flat - pivot_up) / length, -0.9, 0.95))
    hand = float(length * np.sqrt(1 - rise**2) + rng.normal(0.0, 0.05) - 0.02)
    shake, drift = wander(rng, 0.004, 0.8, 3), wander(rng, 0.01, 3.0, 3)
    nod = rng.normal(0, 0.25)

    def posture(beat: Beat) -> Posture:
        e = np.clip(beat.excursion, -0.05, 1.5)
        draft = Draft(body, len(beat))
        elbow = (165 - 80 * e) * RAD
        want = draft.arm_reach(elbow)
        reach = want
        draft.wrists = np.broadcast_to(pair(hand, half, hand_up), (draft.n, 2, 3)).copy()
        trembling = shake(beat.time_s)[:, :2]
        for _ in range(3):  # the collar bones give way: sink until the arms are as long as they should be
            flat = np.sqrt(np.maximum(reach**2 - lateral**2, 0.003))
            shoulder = _shoulder(body, length, pivot_up, hand, hand_up, flat) + trembling
            _line(body, draft, style, shoulder, sag + sag_down * np.sin(e * np.pi / 2), knees, foot)
            now = np.linalg.norm(draft.wrists - draft.shoulders_for(draft.wrists), axis=-1).mean(1)
            reach = reach + (want - now)
        draft.neck[:, 0] += nod * e
        moved = drift(beat.time_s)
        draft.neck[:, 1:] += 2 * moved[:, :2]
        draft.elbows = np.broadcast_to(pair(-1.0, flare, 0.25), (draft.n, 2, 3)).copy()
        draft.fingers = np.broadcast_to(pair(1.0, rng_out, -0.05), (draft.n, 2, 3)).copy()
        return draft.done()

    rng_out = rng.uniform(-0.2, 0.3)
    return Move("push_up", posture, (0.5, 1.0, 2.8, 10.0), contact="lowest", upright=False, idle="plank",
                idle_after_s=2.0, deepest=deepest, view="floor")  # fmt: skip


def plank(rng: np.random.Generator, body: Body) -> Move:
    """Held straight on forearms or hands, on toes or knees; it sags, shakes and breathes, and never reps."""
    forearm, knees = rng.random() < 0.62, rng.random() < 0.1
    style = _style(rng)
    below = body.thigh if knees else body.leg
    length = 0.995 * below + body.torso
    half = body.shoulder_half * rng.uniform(0.8, 1.4)
    height = (ELBOW + body.upper_arm) if forearm else PALM + 0.985 * body.arm
    pivot_up = 0.06 if knees else 0.19
    hand = length * np.sqrt(1 - np.clip((height - pivot_up) / length, -0.9, 0.9) ** 2) + rng.normal(0, 0.05)
    sag = rng.normal(-0.01, 0.05)
    breathe, shake, drift = wander(rng, 0.006, 4.0), wander(rng, 0.0025, 0.5, 2), wander(rng, 0.02, 6.0, 3)
    inward, look = rng.uniform(-0.7, 0.2), wander(rng, 0.12, 5.0, 3)
    flare = rng.uniform(0.1, 0.5)

    def posture(beat: Beat) -> Posture:
        draft = Draft(body, len(beat))
        t = beat.time_s
        want = body.upper_arm if forearm else 0.985 * body.arm
        reach = np.full(draft.n, want)
        support = np.broadcast_to(pair(hand, half, ELBOW if forearm else PALM), (draft.n, 2, 3))
        for _ in range(3):  # see push_up
            shoulder = _shoulder(body, length, pivot_up, hand, support[0, 0, 2], reach) + shake(t)
            shoulder += drift(t)[:, :2] * [1, 0.3]
            _line(body, draft, style, shoulder, sag + breathe(t), knees, 0.0)
            now = np.linalg.norm(support - draft.shoulders_for(support), axis=-1).mean(1)
            reach = reach + (want - now)
        draft.neck += look(t) * [1, 0.3, 1]
        if forearm:
            forward = unit(pair(1.0, inward, 0.0))
            draft.wrists = support + body.forearm * forward
            draft.elbows = np.broadcast_to(pair(-1.0, 0.1, -1.0), (draft.n, 2, 3)).copy()
        else:
            draft.wrists = support.copy()
            draft.elbows = np.broadcast_to(pair(-1.0, flare, 0.0), (draft.n, 2, 3)).copy()
            draft.fingers = np.broadcast_to(pair(1.0, 0.1, -0.05), (draft.n, 2, 3)).copy()
        return draft.done()

    return Move("plank", posture, contact="lowest", upright=False, idle="plank", view="floor")


SitArms = Callable[[Draft, Floats], None]


def sit_up(rng: np.random.Generator, body: Body) -> Move:
    """On the back, feet down; the hip goes from 125 degrees to 60: full, crunch, straight legs, legs raised."""
    legs = str(rng.choice(["bent", "straight", "raised", "butterfly"], p=[0.72, 0.1, 0.12, 0.06]))
    crunch = rng.random() < 0.2
    thigh = {"bent": rng.uniform(40, 65), "straight": rng.uniform(2, 15), "raised": rng.uniform(70, 95),
             "butterfly": rng.uniform(15, 25)}[legs] * RAD  # fmt: skip
    knee = {"bent": rng.uniform(65, 110), "straight": rng.uniform(160, 176), "raised": rng.uniform(80, 110),
            "butterfly": rng.uniform(60, 90)}[legs] * RAD  # fmt: skip
    half = body.hip_half * rng.uniform(0.5, 1.8)
    arms = str(rng.choice(["head", "crossed", "reach", "swing", "side"], p=[0.4, 0.2, 0.2, 0.12, 0.08]))
    curl = rng.uniform(0.5, 1.1)
    nod, sway = rng.uniform(0.1, 0.6), wander(rng, 0.02, 2.0, 3)
    elbows_in = rng.uniform(-0.3, 1.0)
    opened = rng.uniform(0.0, 1.0) * (legs == "butterfly") * 0.8

    def posture(beat: Beat) -> Posture:
        e = np.clip(beat.excursion, 0, 1.35)
        draft = Draft(body, len(beat))
        rise = 65 * e * RAD + 0.02  # of the line hip to shoulder over the floor
        bend = curl * ease(np.clip(e / 0.7, 0, 1)) * (1.0 if not crunch else 1.1)
        roll = np.maximum(rise - 0.55 * bend, 0.0)
        draft.bend(-np.pi / 2 + roll, bend, nod * ease(e / 0.4) - 0.1)
        drift = sway(beat.time_s)
        draft.spine[:, 1:] += drift[:, :2]
        draft.root = np.tile(vec(0, 0, 0.11 * body.torso / 0.5), (draft.n, 1))
        draft.ankles = draft.root[:, None] + np.broadcast_to(_leg(body, thigh, knee, half), (draft.n, 2, 3))
        if legs != "raised":
            draft.ankles[..., 2] = np.where(legs == "straight", 0.06, body.ankle)
        draft.knees = np.broadcast_to(pair(-0.2 if legs != "raised" else 1.0, opened * 1.5 + 0.05, 1.0),
                                      (draft.n, 2, 3)).copy()  # fmt: skip
        tilt = {"straight": -1.0, "raised": -0.4}.get(legs, 0.0)
        draft.feet = rotation(flex=np.full((draft.n, 2), tilt))
        _sit_up_arms(draft, arms, e, elbows_in)
        return draft.done()

    return Move("sit_up", posture, (0.6, 1.3, 3.2, 10.0), contact="lowest", upright=False, idle="other",
                idle_after_s=2.0, deepest=0.62 if crunch else 1.25, view="mat")  # fmt: skip


def _leg(body: Body, thigh: float, knee: float, half: float) -> Floats:
    """From the hips' middle to the ankles (2, 3) of a body on its back: thigh raised from the floor by radians."""
    turn = thigh - (np.pi - knee)
    ahead = body.thigh * np.cos(thigh) + body.shin * np.cos(turn)
    up = body.thigh * np.sin(thigh) + body.shin * np.sin(turn)
    return pair(ahead, half, up)


def _sit_up_arms(draft: Draft, kind: str, e: Floats, elbows_in: float) -> None:
    turns, joints = draft.chest()
    scale = draft.body.torso / 0.5

    def chest(forward: float, out: float, up: float) -> Floats:
        return np.asarray((turns @ pair(forward, out, up)[..., None])[..., 0], np.float64) + np.zeros((draft.n, 2, 3))

    if kind == "head":
        draft.wrists = draft.near("head", -0.03 * scale, 0.12 * scale, 0.06 * scale)
        draft.elbows = chest(0.2 + max(elbows_in, 0), 1.0, 0.2)
    elif kind == "crossed":
        draft.wrists = draft.near("chest", 0.14 * scale, -0.08 * scale, -0.02 * scale)
        draft.elbows = chest(0.4, 0.7, -0.8)
    elif kind == "side":
        draft.aim_arms(unit(pair(1.0, 0.2, 0.0)), 2.9, pair(0, 1, 0.3))
    else:
        draft.aim_arms(unit(pair(1.0, 0.1, 0.4)), 2.8, pair(0, 1, -0.4))
        if kind == "swing":
            ahead, poles = draft.wrists, draft.elbows
            draft.wrists = joints + 0.95 * draft.body.arm * unit(chest(0.25, 0.2, 1.0))
            draft.elbows = chest(0.3, 1.0, 0.0)
            draft.mix_arms(ahead, poles, ease(e / 0.8))
    low = draft.wrists[..., 2]
    draft.wrists[..., 2] = np.maximum(low, 0.03)
