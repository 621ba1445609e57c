"""What people do before, between and after exercises: stretching, tying shoes, picking something up, arm circles."""

from __future__ import annotations

import numpy as np

from data import arms as hold
from data.body import Body
from data.draft import Beat, Draft, pair
from data.kinematics import Floats, ease, mix, rotation, unit, vec, wander
from data.motion import Move, seated_legs, standing_legs
from data.posture import Posture


def stretch(rng: np.random.Generator, body: Body) -> Move:
    """Arm circles, side bends, trunk twists, a heel to the seat, calf raises."""
    kind = str(rng.choice(["circles", "side", "twist", "quad", "calf", "open"],
                          p=[0.26, 0.2, 0.16, 0.14, 0.06, 0.18]))  # fmt: skip
    legs = standing_legs(rng, body)
    hz, shift = np.exp(rng.uniform(np.log(0.15), np.log(1.1))), rng.uniform(0, 1)
    size, sign = rng.uniform(0.4, 1.0), float(rng.choice([-1, 1]))
    both, backwards = rng.random() < 0.7, float(rng.choice([-1, 1]))
    rest = hold.choose(rng, {hold.hang: 3, hold.on_hips: 2, hold.behind_head: 0.5, hold.clasped: 0.5})
    sway = wander(rng, 0.03, 2.5, 3)
    small, half_turn = rng.uniform(0.25, 0.7), float(rng.random() < 0.3)  # as a swimmer: one arm half a turn behind

    def posture(beat: Beat) -> Posture:
        draft = Draft(body, len(beat))
        legs(draft, beat)
        turn = 2 * np.pi * (beat.time_s * hz + shift)
        swing = size * np.sin(turn)
        draft.spine[:, :2] += sway(beat.time_s)[:, :2]
        if kind in ("side", "twist"):
            draft.spine[:, 1 if kind == "side" else 2] += 0.6 * swing
            draft.neck[:, 2] -= 0.3 * swing
        rest(draft, beat)
        wrists, elbows = draft.wrists, draft.elbows
        work = (
            np.ones((draft.n, 2)) if both or kind in ("open", "side") else np.tile([[sign > 0, sign < 0]], (draft.n, 1))
        )
        if kind == "circles":  # whole arms around the shoulders, wide or narrow
            angle = backwards * turn[:, None] + np.pi * half_turn * np.array([0.0, 1.0])
            reach = 1.0 if small > 0.45 else small
            draft.aim_arms(unit(pair(reach * np.sin(angle), 0.25 + (1 - reach), -reach * np.cos(angle))), 2.9)
        elif kind == "open":  # arms swing open and shut at chest height
            out = 0.5 + 0.5 * np.sin(turn)[:, None]
            draft.aim_arms(unit(pair(1.1 - out, 1.4 * out - 0.3, 0.05)), 2.7, pair(-0.3, 0.6, -0.8))
        elif kind == "side":
            up = np.stack([np.clip(-swing, 0, 1), np.clip(swing, 0, 1)], -1) / size
            draft.aim_arms(pair(0.0, 0.1, 1.0), 2.6, pair(-0.3, 1, 0))
            work = ease(1.6 * up) * (small > 0.45)
        elif kind == "twist":
            draft.wrists = draft.near("chest", 0.22, 0.1, -0.05)
            draft.elbows = np.broadcast_to(pair(0.2, 1.0, -0.2), (draft.n, 2, 3)).copy()
            work = work * (small > 0.4)
        else:
            work = np.zeros((draft.n, 2))
        target, poles = draft.wrists, draft.elbows
        draft.wrists, draft.elbows = wrists, elbows
        draft.mix_arms(target, poles, work)
        if kind in ("calf", "open"):
            rise = (0.07 if kind == "calf" else 0.02) * np.clip(np.sin(turn), 0, 1)
            draft.root[:, 2] += rise
            draft.ankles[..., 2] += rise[:, None]
            draft.feet = draft.feet @ rotation(flex=np.repeat(7 * rise[:, None], 2, 1))
        if kind == "quad":
            _heel_up(draft, 0 if sign > 0 else 1, np.clip(ease((np.sin(turn / 2) + 0.4) / 0.6), 0, 1))
        return draft.done()

    return Move("other", posture)


def _heel_up(draft: Draft, i: int, share: Floats) -> None:
    """Bring the heel of leg i up to the seat, and a hand to the foot."""
    body = draft.body
    hip = draft.hips()[:, i]
    sign = 1.0 if i == 0 else -1.0
    draft.ankles[:, i] = mix(draft.ankles[:, i], hip + vec(-0.28, 0.02 * sign, -0.45 * body.thigh), share)
    draft.knees[:, i] = vec(0.3, 0.1 * sign, -1.0)
    draft.feet[:, i] = rotation(flex=1.6 * share)
    draft.wrists[:, i] = mix(draft.wrists[:, i], draft.ankles[:, i] + vec(0, 0.03 * sign, 0.03), share)


def tie_shoes(rng: np.random.Generator, body: Body) -> Move:
    """Down on one knee, bent over or on a seat, both hands at a shoe; up again after a while."""
    kind = str(rng.choice(["knee", "bent", "seat"], p=[0.5, 0.3, 0.2]))
    i = int(rng.random() < 0.5)
    j = 1 - i
    begin, stay, move = rng.uniform(-3.0, 3.0), rng.uniform(2.5, 9.0), rng.uniform(0.9, 1.8)
    fumble, nod = wander(rng, 0.03, 0.5, 6), rng.uniform(0.2, 0.6)
    stand, lean = rng.uniform(2.95, 3.1), rng.uniform(0.9, 1.35)
    seat = seated_legs(rng, body)
    rest = hold.hang(rng)

    def down(time_s: Floats) -> Floats:
        return ease((time_s - begin) / move) - ease((time_s - begin - stay) / move)

    def posture(beat: Beat) -> Posture:
        draft = Draft(body, len(beat))
        e = down(beat.time_s)
        if kind == "seat":
            seat(draft, beat)
            draft.spine[:, 0] += 0.9 * e
            draft.pelvis = draft.pelvis @ rotation(flex=0.5 * e)
        else:
            draft.plant(body.hip_half * 1.1, 0.1)
            knee = np.full(draft.n, stand)
            if kind == "knee":
                draft.ankles[:, i] += e[:, None] * vec(0.32, 0, 0)
                ball = draft.ankles[:, j] + e[:, None] * vec(-0.3, 0, 0)
                ball[:, 2] = draft.ball_height
                ball[:, 1] -= 0.1
                draft.tiptoe(j, ball, 1.2 * e)
                knee = mix(stand, 1.35, e)
            else:
                draft.root[:, 1] += 0.2 * e
                knee = mix(stand, 2.4, e)
            draft.bend(lean * e * (0.7 if kind == "knee" else 1.0), 0.5 * e, nod * e)
            draft.sink(draft.leg_reach(knee), legs=(i,) if kind == "knee" else (0, 1))
        rest(draft, beat)
        shoe = np.repeat((draft.ankles[:, i] + vec(0.1, 0.0, 0.06))[:, None], 2, 1)
        shoe = shoe + pair(0.0, 0.05, 0.0) + fumble(beat.time_s).reshape(-1, 2, 3)
        draft.mix_arms(shoe, draft.elbows, e)
        return draft.done()

    return Move("other", posture, busy=None if kind == "seat" else down)


def pick_up(rng: np.random.Generator, body: Body) -> Move:
    """Squat or stoop once, take something from the floor or lay it down, stand again and hold it for a while."""
    knee, bend = (rng.uniform(1.0, 1.9), rng.uniform(0.5, 1.0)) if rng.random() < 0.5 else (
        rng.uniform(2.2, 2.9), rng.uniform(1.2, 1.7))  # fmt: skip
    begin, stay, down, up = rng.uniform(-1.0, 4.0), rng.uniform(0.1, 1.5), rng.uniform(0.7, 1.5), rng.uniform(0.7, 1.6)
    half, ahead = body.hip_half * rng.uniform(0.8, 2.0), rng.uniform(0.1, 0.4)
    one_hand, side = rng.random() < 0.45, int(rng.random() < 0.5)
    before = hold.hang(rng)
    after = hold.choose(rng, {hold.hang: 2, hold.clasped: 2, hold.goblet: 1.5, hold.phone: 1})
    legs = standing_legs(rng, body)
    back_foot = rng.choice([0.0, rng.uniform(0.1, 0.35)])

    def lowered(time_s: Floats) -> Floats:
        return ease((time_s - begin) / down) - ease((time_s - begin - down - stay) / up)

    def posture(beat: Beat) -> Posture:
        draft = Draft(body, len(beat))
        legs(draft, beat)
        t, e = beat.time_s - begin, lowered(beat.time_s)
        draft.plant(half, 0.2, np.tile([[0.0, -back_foot]], (draft.n, 1)))
        draft.root[:, 1] += 0.22 * np.sin(bend * e) * body.torso + 0.12 * e * (np.pi - knee) / 1.5 + 0.5 * back_foot
        draft.root[:, 2] = body.leg + body.ankle
        draft.bend(0.65 * bend * e, 0.55 * bend * e, -0.15 * e)
        draft.sink(draft.leg_reach(mix(3.05, knee, e)))
        before(draft, beat)
        first, poles = draft.wrists, draft.elbows
        after(draft, beat)
        held, held_poles = draft.wrists, draft.elbows
        draft.wrists, draft.elbows = first, poles
        draft.mix_arms(held, held_poles, ease((t - down - stay) / up))
        floor = draft.root[:, None] * [1, 1, 0] + pair(ahead + 0.1, 0.12, 0.1 + 0.15 * (ahead > 0.3))
        share = np.repeat(e[:, None], 2, 1)
        if one_hand:
            share[:, side] *= 0.25
        draft.mix_arms(floor, draft.elbows, share)
        return draft.done()

    return Move("other", posture, busy=lowered)
