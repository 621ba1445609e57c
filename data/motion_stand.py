"""Standing: idle, arms in every usual place, shifting weight, turning, looking around."""

from __future__ import annotations

import numpy as np

from data import arms as hold
from data.body import Body
from data.draft import Beat, Draft
from data.kinematics import ease, rotation, vec, wander
from data.motion import Move
from data.posture import Posture


def stand(rng: np.random.Generator, body: Body, quiet: bool = False) -> Move:
    """Idle; `quiet` keeps the arms down and the body facing ahead, as before and between exercises."""
    options: dict[hold.ArmsMaker, float] = {hold.hang: 5.0}
    if not quiet:
        options |= {hold.crossed: 1.5, hold.on_hips: 1.8, hold.phone: 1.3, hold.behind_back: 0.7, hold.pockets: 1.2,
                    hold.clasped: 1.0, hold.on_face: 0.4, hold.behind_head: 0.3}  # fmt: skip
    arms = hold.choose(rng, options)
    other = hold.choose(rng, options)
    change = rng.uniform(1.0, 20.0)
    one_arm = rng.random() < 0.35
    half, out = body.hip_half * rng.uniform(0.5, 1.8), rng.uniform(0.0, 0.5)
    stagger = rng.normal(0, 0.06)
    size = rng.uniform(0.3, 1.0 if quiet else 1.6)
    sway, lean = wander(rng, 0.02 * size, 4.0, 3), wander(rng, 0.03 * size, 4.0, 3)
    look, shift = wander(rng, 0.2 * size, 3.0, 3), wander(rng, 0.03 * size, 5.0)
    fidget = wander(rng, 0.02 * size, 2.0, 6)
    turn = 0.0 if quiet or rng.random() < 0.6 else float(rng.uniform(-2.5, 2.5))
    turn_s, turn_at = rng.uniform(2.0, 6.0), rng.uniform(0.0, 8.0)
    knee, spine, neck = rng.uniform(2.9, 3.12), rng.normal(0.08, 0.08), rng.normal(0.1, 0.15)

    def posture(beat: Beat) -> Posture:
        t = beat.time_s
        draft = Draft(body, len(beat))
        draft.plant(half, out, np.tile([[stagger, -stagger]], (draft.n, 1)))
        bend, drift = lean(t), sway(t)
        draft.bend(bend[:, 0], spine + bend[:, 1], neck + look(t)[:, 0])
        draft.pelvis = draft.pelvis @ rotation(lean=bend[:, 2], twist=0.5 * bend[:, 1])
        draft.spine[:, 1] = -bend[:, 2]
        draft.neck[:, 2] = 2 * look(t)[:, 1]
        draft.root[:, 0] += shift(t)
        draft.root[:, :2] += 0.5 * drift[:, :2]
        draft.sink(draft.leg_reach(np.minimum(knee + drift[:, 2], 3.12)))
        arms(draft, beat)
        first, poles = draft.wrists, draft.elbows
        other(draft, beat)
        share = np.repeat(ease((t - change) / 0.9)[:, None], 2, 1)
        if one_arm:
            share[:, 1] = 0.0
        second, second_poles = draft.wrists, draft.elbows
        draft.wrists, draft.elbows = first, poles
        draft.mix_arms(second, second_poles, share)
        draft.wrists = draft.wrists + fidget(t).reshape(-1, 2, 3)
        made = draft.done()
        if turn:
            made = made.moved(vec(0, 0, 0), turn * ease((t - turn_at) / turn_s))
        return made

    return Move("stand", posture)


def ready(rng: np.random.Generator, body: Body) -> Move:
    """Standing before, between and after exercises: mostly quiet."""
    return stand(rng, body, quiet=rng.random() < 0.6)
