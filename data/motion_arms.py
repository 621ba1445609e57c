"""Biceps curls, shoulder presses and pull-ups: excursions of the elbow's angle as postures."""

from __future__ import annotations

import numpy as np

from data import arms as hold
from data.body import Body
from data.draft import Beat, Draft, pair
from data.kinematics import apply, ease, rotation, unit, vec, wander
from data.motion import Move, active, bar_plates, seated_legs, standing_legs
from data.posture import Posture, shoulders

RAD = np.pi / 180


def biceps_curl(rng: np.random.Generator, body: Body) -> Move:
    """Elbow from 160 degrees to 50: both arms, in turns or one; standing or seated; upper arm still or cheating."""
    kind = str(rng.choice(["both", "alternating", "single"], p=[0.55, 0.27, 0.18]))
    seated = rng.random() < 0.18
    legs = (seated_legs if seated else standing_legs)(rng, body)
    ahead, out = rng.normal(0.05, 0.12), rng.uniform(0.02, 0.3)
    if rng.random() < 0.1:
        ahead = rng.uniform(0.4, 0.9)  # preacher bench
    swing, raise_elbow = rng.uniform(0.0, 0.25), rng.uniform(-0.05, 0.5)
    inward = rng.normal(0.0, 0.25)
    straight = rng.uniform(158, 172)
    side = int(rng.choice([-1, 1])) if kind == "single" else 0
    rest_elbow = rng.uniform(2.7, 3.05)
    drift = wander(rng, 0.03, 2.5, 4)
    hand_on_hip = kind == "single" and rng.random() < 0.3
    plates = bar_plates(rng, 0.3) if kind == "both" else (0.0, 0.0)

    def posture(beat: Beat) -> Posture:
        draft = Draft(body, len(beat))
        legs(draft, beat)
        e = active(beat, side, kind == "alternating")
        noise = drift(beat.time_s)
        back = swing * np.sin(np.pi * np.clip(beat.excursion, 0, 1))
        draft.spine[:, 0] -= back
        lift = ahead + raise_elbow * ease(e) + noise[:, :2]
        upper = pair(np.sin(lift), out + noise[:, 2:3], -np.cos(lift))
        bend = (straight - (straight - 50) * e) * RAD
        resting = np.repeat((np.asarray([1, -1]) * side < 0)[None], draft.n, 0)
        bend = np.where(resting, rest_elbow, bend)
        draft.fold_arms(upper, np.broadcast_to(pair(1, inward, 0.15), (draft.n, 2, 3)), np.clip(bend, 0.55, 3.1))
        if hand_on_hip:
            hips = draft.near("pelvis", 0.0, 0.2, 0.1)
            draft.mix_arms(hips, np.broadcast_to(pair(-0.4, 1, 0.1), hips.shape), resting.astype(float))
        return draft.done()

    return Move("biceps_curl", posture, (0.5, 1.5, 3.5, 10.0), alternating=kind == "alternating", one_side=side,
                deepest=1.08, idle="other" if seated else "stand",
                idle_after_s=1.5 if seated else 1.0, view="arms", plates=plates)  # fmt: skip


def shoulder_press(rng: np.random.Generator, body: Body) -> Move:
    """Elbow from 70 degrees to 165, hands from the shoulders to overhead: dumbbells, bar, Arnold, push press,
    in turns, one arm alone, or a ball or one dumbbell between the hands."""
    kind = str(rng.choice(["dumbbell", "bar", "arnold", "push_press", "alternating", "single", "ball"],
                          p=[0.34, 0.22, 0.08, 0.1, 0.12, 0.06, 0.08]))  # fmt: skip
    seated = kind != "push_press" and rng.random() < 0.38
    legs = (seated_legs if seated else standing_legs)(rng, body)
    low_out, high_out = rng.uniform(0.25, 0.9), rng.uniform(-0.15, 0.3)
    low_ahead, high_ahead = rng.uniform(0.05, 0.5), rng.uniform(-0.12, 0.12)
    low_up = rng.uniform(0.25, 0.9)
    if kind == "bar":
        low_out, low_ahead = rng.uniform(0.1, 0.5), rng.uniform(0.3, 0.8)
    if kind == "arnold":
        low_out, low_ahead, low_up = rng.uniform(-0.3, 0.0), rng.uniform(0.7, 1.0), rng.uniform(0.2, 0.6)
    if kind == "ball":  # both hands on one thing
        low_out, low_ahead, low_up = rng.uniform(-0.75, -0.4), rng.uniform(0.6, 1.0), rng.uniform(0.0, 0.5)
        high_out = rng.uniform(-0.35, -0.15)
    dip, arch = rng.uniform(0.15, 0.5), rng.uniform(0.0, 0.25)
    wide = body.shoulder_half * rng.uniform(0.0, 0.25)
    drift = wander(rng, 0.03, 2.0, 3)
    elbows_ahead = rng.uniform(0.1, 0.9)
    plates = bar_plates(rng) if kind in ("bar", "push_press") else (0.0, 0.0)
    side = int(rng.choice([-1, 1])) if kind == "single" else 0
    free = (hold.on_hips if rng.random() < 0.4 else hold.hang)(rng)  # the other arm, when one works alone

    def posture(beat: Beat) -> Posture:
        draft = Draft(body, len(beat))
        legs(draft, beat)
        e = active(beat, side, kind == "alternating")
        main = beat.excursion
        if kind == "push_press":
            down = np.clip(main / 0.25, 0, 1)
            draft.root[:, 2] -= dip * body.leg * 0.25 * np.sin(np.pi * down) ** 2
        draft.spine[:, 0] -= arch * ease(main)
        turns, joints = draft.chest()
        noise = drift(beat.time_s)
        way = np.clip(e, 0, 1)
        low, high = pair(low_ahead, low_out, low_up), pair(high_ahead, high_out, 1.0)
        aim = (
            unit(np.broadcast_to(low, (draft.n, 2, 3))) * (1 - way[..., None])
            + unit(np.broadcast_to(high, (draft.n, 2, 3))) * way[..., None]
        )
        aim = apply(turns, unit(aim)) + 0.3 * pair(noise[:, :1], noise[:, 1:2], 0)
        elbow = (70 + 95 * np.clip(e, -0.12, 1.12)) * RAD
        reach = draft.arm_reach(elbow)
        gap = reach[..., None] * unit(aim)
        draft.wrists = joints + gap
        for _ in range(2):  # the collar bone follows the arm
            draft.wrists = draft.shoulders_for(draft.wrists) + gap
        draft.wrists = draft.wrists + pair(0, wide * ease(way), 0)
        poles = pair(elbows_ahead * (1 - 0.7 * way), 0.3 + 0.7 * way, -1 + 0.6 * way)
        if kind == "arnold":
            poles = pair(0.6 * (1 - way), 0.1 + way, -1 + 0.4 * way)
        draft.elbows = apply(turns, poles)
        if side:
            wrists, elbows = draft.wrists, draft.elbows
            free(draft, beat)
            draft.mix_arms(wrists, elbows, np.tile([[float(side > 0), float(side < 0)]], (draft.n, 1)))
        return draft.done()

    return Move("shoulder_press", posture, (0.6, 1.5, 3.5, 10.0), alternating=kind == "alternating", one_side=side,
                deepest=1.08, idle="shoulder_press", view="arms", plates=plates)  # fmt: skip


def pull_up(rng: np.random.Generator, body: Body) -> Move:
    """Hands fixed on a bar, elbow from 165 degrees to 65, the body rises: wide, narrow, kipping, assisted."""
    half = body.shoulder_half * (rng.uniform(0.4, 1.0) if rng.random() < 0.2 else rng.uniform(1.0, 2.3))
    height = body.leg + body.ankle + body.torso + body.arm + rng.uniform(-0.15, 0.5)
    lean, chest_to_bar = rng.uniform(-0.05, 0.2), rng.uniform(0.0, 0.45)
    legs = str(rng.choice(["straight", "bent", "crossed", "ahead", "kneel"], p=[0.32, 0.25, 0.2, 0.13, 0.1]))
    knee = {"straight": rng.uniform(2.7, 3.1), "bent": rng.uniform(1.2, 2.2), "crossed": rng.uniform(1.5, 2.5),
            "ahead": rng.uniform(2.5, 3.1), "kneel": rng.uniform(1.3, 1.8)}[legs]  # fmt: skip
    hip = {"straight": rng.normal(0, 0.1), "bent": rng.normal(0.05, 0.15), "crossed": rng.normal(0, 0.15),
           "ahead": rng.uniform(0.3, 1.4), "kneel": rng.uniform(0.0, 0.9)}[legs]  # fmt: skip
    tuck = rng.uniform(-0.2, 0.8) if rng.random() < 0.4 else 0.0  # knees drawn up on the way
    kip = rng.uniform(0.1, 0.5) if rng.random() < 0.2 else rng.uniform(0, 0.06)
    swing, twist = wander(rng, 0.025, 2.2, 2), wander(rng, 0.05, 3.0)
    look = rng.uniform(-0.7, 0.1)
    flare = rng.uniform(0.2, 1.5)
    spread = rng.uniform(0.3, 1.2)
    deepest = float(rng.choice([1.05, 1.25, 1.38]))

    def posture(beat: Beat) -> Posture:
        e = np.clip(beat.excursion, -0.05, 1.4)
        draft = Draft(body, len(beat))
        draft.wrists = np.broadcast_to(pair(0, half, height), (draft.n, 2, 3)).copy()
        sway = swing(beat.time_s)
        moving = np.sin(np.pi * np.clip(e, 0, 1))
        back = -lean - chest_to_bar * ease(e) + sway[:, 0] + kip * moving
        draft.bend(back, -0.15 * ease(e), look * ease(e))
        draft.spine[:, 2] = twist(beat.time_s)
        reach = draft.arm_reach((165 - 100 * e) * RAD)
        want = reach
        for _ in range(3):  # the collar bones give way: hang until the arms are as long as they should be
            up = np.sqrt(np.maximum(reach**2 - (half - body.shoulder_half * 1.02) ** 2, 0.002))
            behind = 0.35 * chest_to_bar * ease(e) * up + 0.02
            turns, joints = draft.trunk()
            middle = shoulders(body, turns, joints).mean(1)
            drop = np.sqrt(np.maximum(up**2 - behind**2, 0))
            draft.root += vec(-behind + 0.15 * sway[:, 1], 0, height - drop) - middle
            now = np.linalg.norm(draft.wrists - draft.shoulders_for(draft.wrists), axis=-1).mean(1)
            reach = reach + (want - now)
        bent = hip + tuck * ease(e) + kip * np.cos(np.pi * np.clip(e, 0, 1)) + sway[:, 0]
        leg = draft.leg_reach(knee - 0.3 * tuck * ease(e))
        # Direction hip to ankle: the thigh is turned forward by `bent`, the shin back from there.
        a, b = body.thigh, body.shin
        angle = np.arcsin(np.clip(b * np.sin(np.pi - knee) / leg, -1, 1))
        line = bent - angle
        cross = 0.25 if legs == "crossed" else spread
        draft.ankles = draft.hips() + leg[:, None, None] * unit(
            pair(np.sin(line)[:, None], 0.0, -np.cos(line)[:, None])
        )
        draft.ankles[..., 0] = draft.root[:, 0:1] + (draft.ankles[..., 0] - draft.root[:, 0:1]) * cross
        draft.knees = np.broadcast_to(pair(1, 0.15, 0.3), (draft.n, 2, 3)).copy()
        shin = line - np.arcsin(np.clip(a * np.sin(np.pi - knee) / leg, -1, 1))
        foot = rotation(flex=np.repeat((-shin + 0.5)[:, None], 2, 1))
        draft.feet = foot
        draft.elbows = np.broadcast_to(pair(0.35, flare, -1), (draft.n, 2, 3)).copy()
        return draft.done()

    return Move("pull_up", posture, (0.7, 1.5, 3.5, 10.0), contact="free", upright=False, idle="pull_up",
                idle_after_s=99.0, deepest=deepest, view="hang")  # fmt: skip
