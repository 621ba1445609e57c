"""Squats, lunges, deadlifts and jumping jacks: excursions of the angles in configs/actions.yaml as postures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from data import arms as hold
from data.body import Body
from data.draft import Beat, Draft, centre_of_mass, pair
from data.kinematics import Floats, ease, mix, rotation, vec, wander
from data.motion import Move, bar_plates
from data.posture import Posture, solve

RAD = np.pi / 180
#: The excursion at the top of a jump or with the knee drawn up, see `Move.beyond`.
_JUMP = 0.3


def squat(rng: np.random.Generator, body: Body) -> Move:
    """Feet planted, knee from 172 degrees to 85 (between the keypoints), the centre of mass kept over the feet;
    or with a jump on the way up."""
    jump = rng.uniform(0.12, 0.38) if rng.random() < 0.12 else 0.0
    maker = hold.pick(rng, {
        hold.forward: 3, hold.on_hips: 1, hold.crossed: 0.7, hold.crossed_chest: 0.7, hold.barbell: 3.5 * (not jump),
        hold.goblet: 1.5, hold.front_rack: 0.9 * (not jump), hold.clasped: 2, hold.swinging: 1.5 + 5 * bool(jump),
        hold.behind_head: 1, hold.hang: 1.3, hold.overhead: 0.4,
    })  # fmt: skip
    plates = bar_plates(rng) if maker in (hold.barbell, hold.front_rack) else (0.0, 0.0)
    arms = maker(rng)
    half = body.hip_half * rng.uniform(0.9, 2.6)
    toe_out = rng.uniform(0.0, 0.3) + 0.25 * max(0.0, half / body.hip_half - 1.0)
    lean, round_back = rng.uniform(0.15, 0.95), rng.uniform(-0.15, 0.25)
    track = rng.normal(0, 0.12)  # knees fall in or are pushed out
    look, feet_ahead = rng.uniform(0.2, 1.0), rng.choice([0.03, rng.uniform(0.1, 0.45)], p=[0.88, 0.12])
    sway, hips = wander(rng, 0.008, 2.0, 3), wander(rng, 0.02, 3.0, 2)
    deepest = float(rng.choice([1.03, 1.15, 1.35], p=[0.5, 0.3, 0.2]))

    def draft_at(beat: Beat, shift: Floats | float) -> Draft:
        e = np.maximum(beat.excursion, 0.0)
        draft = Draft(body, len(beat))
        draft.plant(half, toe_out)
        draft.knees[..., 0] += track * np.array([1, -1])
        bend = lean * ease(np.clip(0.15 + e, 0, 1.3) / 1.3) ** 0.8
        draft.bend(bend, round_back * e, -look * bend)
        draft.root[:, 1] += shift
        draft.sink(draft.leg_reach((172 - 95 * e) * RAD))
        arms(draft, beat)
        return draft

    grid = np.linspace(0, 1.4, 15)
    still = Beat(np.zeros(15), grid, np.ones(15), np.zeros(15))
    shift = np.zeros(15)
    for _ in range(5):  # each step moves the hips by most of what the centre of mass is off
        solved = solve(body, draft_at(still, shift).done())
        shift = np.clip(shift - 0.9 * (centre_of_mass(solved)[:, 1] + feet_ahead * np.minimum(1, grid)), -0.3, 0.6)

    def posture(beat: Beat) -> Posture:
        draft = draft_at(beat, np.interp(beat.excursion, grid, shift))
        drift = sway(beat.time_s) * [1, 1, 0]
        draft.root += drift
        draft.pelvis = draft.pelvis @ _small(hips(beat.time_s))
        made = draft.done()
        if not jump:
            return made
        air = np.clip(-beat.excursion / _JUMP, 0, 1)
        toes = rotation(flex=np.repeat(0.6 * ease(air)[:, None], 2, 1))  # feet point down in the air
        return replace(made.moved(vec(0, 0, jump * air)), feet=made.feet @ toes)

    pace = (0.5, 0.8, 1.8, 4.0) if jump else (0.5, 1.5, 4.0, 10.0)
    return Move("squat", posture, pace, deepest=deepest, beyond=_JUMP * bool(jump), shallow=0.22, plates=plates)


def _small(angles: Floats) -> Floats:
    return rotation(lean=angles[:, 0], twist=angles[:, 1])


def lunge(rng: np.random.Generator, body: Body) -> Move:
    """One foot steps out, ahead or back, or both stay split; the working knee goes from 170 degrees to 95.

    `drive` draws the knee of the leg behind up high between the reps; `jump` changes legs in the air.
    """
    kind = str(rng.choice(["forward", "reverse", "walking", "split", "side", "drive", "jump"],
                          p=[0.25, 0.18, 0.22, 0.19, 0.05, 0.06, 0.05]))  # fmt: skip
    maker = hold.pick(rng, {
        hold.on_hips: 2, hold.hang: 3, hold.clasped: 1.2, hold.barbell: 0.8, hold.swinging: 0.6,
        hold.goblet: 0.6, hold.behind_head: 0.5, hold.crossed: 0.3, hold.forward: 0.4,
    })  # fmt: skip
    plates = bar_plates(rng, 0.5) if maker is hold.barbell else (0.0, 0.0)
    arms = maker(rng)
    step = (body.leg + body.ankle) * rng.uniform(0.62, 0.92)
    half = body.hip_half * rng.uniform(0.5, 1.2)
    lean, heel = rng.uniform(-0.05, 0.45), rng.uniform(0.9, 1.35)
    share = rng.uniform(0.42, 0.62)  # how far the hips are from the back foot to the front foot
    hop, first = rng.uniform(0.04, 0.12), rng.uniform(0.5, 0.75)
    look, turn = rng.uniform(0.0, 0.4), wander(rng, 0.04, 2.5, 2)
    if kind in ("forward", "walking") and rng.random() < 0.25:  # the knee comes up high on its way
        hop = body.leg * rng.uniform(0.25, 0.45)
    still = 0.25 if kind in ("split", "jump") else 0.0  # stands in the split, the heel behind already up
    split, up_knee, flight = kind == "split", rng.uniform(0.35, 0.6), rng.uniform(0.05, 0.2)

    def posture(beat: Beat) -> Posture:
        draft = Draft(body, len(beat))
        e, left = np.maximum(beat.excursion, 0.0), beat.side > 0
        above = np.clip(-beat.excursion / _JUMP, 0, 1)
        out = np.ones_like(e) if split else 1 - ease(above) if kind == "jump" else ease(e / first)
        lift = 0.0 if split or kind == "jump" else hop * np.sin(np.pi * np.clip(e / first, 0, 1))
        knee = draft.leg_reach((170 - 82 * e) * RAD)
        draft.plant(half * (1.0 if kind != "side" else 0.8), 0.05)
        rows, lead, rear = np.arange(len(beat)), np.where(left, 0, 1), np.where(left, 1, 0)
        if kind == "side":
            draft.ankles[rows, lead, 0] += np.where(left, 1, -1) * step * out
            draft.root[:, 0] += np.where(left, 1, -1) * step * out * 0.75
            draft.bend(lean + 0.5 * ease(e), 0.1 * e, -0.3 * e)
        else:
            back_step = kind in ("reverse", "drive")
            ahead, behind = (0.0, step) if back_step else (step, 0.0)
            draft.ankles[rows, lead] += vec(ahead * out, 0, lift if ahead else 0.0)
            for i in (0, 1):  # the foot behind stands on its ball
                mine = rear == i
                pitch = heel * ease((e + still * out) / 0.9) * mine
                flat = draft.ankles[:, i] + vec(-behind * out * mine, 0, (lift if behind else 0.0) * mine)
                ball = flat + _ball(body, i)
                draft.tiptoe(i, ball, pitch)
            front, back = draft.ankles[rows, lead, 1], draft.ankles[rows, rear, 1]
            at = back + (front - back) * mix(0.5, share, out)
            draft.root[:, 1] = at
            draft.bend(lean * ease(e) + 0.02, 0.05, -look * ease(e))
        reach = np.stack([np.where(left, knee, 9.0), np.where(left, 9.0, knee)], -1)
        hips_up = np.where(left[:, None], [[1.0, 0.0]], [[0.0, 1.0]])
        _sink_by(draft, np.minimum(reach, body.leg * 0.9995), hips_up)
        draft.pelvis = draft.pelvis @ _small(turn(beat.time_s))
        if kind == "drive":
            raised = ease(above)[:, None]
            high = draft.hips()[rows, rear] + vec(0.5 * body.thigh, 0.0, -body.shin * (1.3 - up_knee))
            draft.ankles[rows, rear] += raised * (high - draft.ankles[rows, rear])
        arms(draft, beat)
        made = draft.done()
        if kind == "jump":
            made = made.moved(vec(-share * step * out, 0, flight * above))
        if kind == "walking":
            made = made.moved(vec(step * (beat.done + _walk_on(beat, first)), 0, 0) - vec(step * out, 0, 0))
        return made

    alternating = kind in ("forward", "walking", "side", "jump") or (kind == "reverse" and rng.random() < 0.7)
    side = 0 if alternating else int(rng.choice([-1, 1]))
    pace = (0.6, 0.8, 1.8, 4.0) if kind == "jump" else (0.7, 1.6, 3.5, 10.0)
    return Move("lunge", posture, pace, alternating=alternating, one_side=side, deepest=1.12,
                beyond=_JUMP * (kind in ("drive", "jump")), idle="lunge" if kind in ("split", "jump") else "stand",
                plates=plates)  # fmt: skip


def _walk_on(beat: Beat, first: float) -> Floats:
    """How far (N,) the body has gone on in this rep of a walking lunge, 0 to 1: all of it on the way down."""
    return ease(beat.excursion / first)


def _ball(body: Body, i: int) -> Floats:
    """From the ankle of a flat foot to its ball (3,)."""
    side = "LR"[i]
    return np.asarray(body.head(f"toes.{side}") - body.head(f"foot.{side}"), np.float64)


def _sink_by(draft: Draft, reach: Floats, legs: Floats) -> None:
    """Set the root's height by the one working leg (legs (N, 2) is 1 there), as long as the other can follow."""
    gap = draft.ankles - draft.hips()
    flat = (gap[..., :2] ** 2).sum(-1)
    down = gap[..., 2] + np.sqrt(np.maximum(reach**2 - flat, 1e-4))
    limit = gap[..., 2] + np.sqrt(np.maximum((draft.body.leg * 0.998) ** 2 - flat, 1e-4))
    draft.root[:, 2] += np.minimum((down * legs).sum(1), limit.min(1))


def deadlift(rng: np.random.Generator, body: Body) -> Move:
    """Hip from 75 degrees to 170: conventional, sumo, Romanian or with dumbbells; e = 1 is the lock-out."""
    kind = str(rng.choice(["conventional", "sumo", "romanian"], p=[0.55, 0.2, 0.25]))
    legs_share = {"conventional": rng.uniform(0.3, 0.5), "sumo": rng.uniform(0.45, 0.6),
                  "romanian": rng.uniform(0.04, 0.25)}[kind]  # fmt: skip
    half = body.hip_half * (rng.uniform(2.0, 3.2) if kind == "sumo" else rng.uniform(0.7, 1.6))
    toe_out = rng.uniform(0.5, 0.9) if kind == "sumo" else rng.uniform(0.0, 0.3)
    grip = body.shoulder_half * (rng.uniform(0.6, 1.0) if kind == "sumo" else rng.uniform(0.95, 1.6))
    round_back, look = rng.uniform(-0.1, 0.5), rng.uniform(-0.1, 0.9)
    knee_first = rng.uniform(1.0, 2.0)
    shin0 = rng.uniform(0.0, 0.25) * (kind != "romanian")
    sway = wander(rng, 0.006, 2.0, 3)
    lockout = rng.uniform(0.0, 5.0) * RAD
    plates = bar_plates(rng, 0.75)

    def posture(beat: Beat) -> Posture:
        e = np.clip(beat.excursion, -0.25, 1.05)
        draft = Draft(body, len(beat))
        draft.plant(half, toe_out)
        bend = (105 - 95 * e) * RAD - lockout * np.clip(e, 0, 1)  # what hip and thigh together are off straight
        thigh = legs_share * 105 * RAD * np.clip(1 - e, 0, 1.25) ** knee_first + 3 * RAD
        torso = bend - thigh
        shin = shin0 * np.clip(1 - e, 0, 1.25) ** knee_first
        knee = np.pi - thigh - shin
        # The hips are behind the ankles by what the thigh leans back and the shin leans forward.
        draft.root[:, 1] = body.thigh * np.sin(thigh) - body.shin * np.sin(shin)
        draft.bend(torso * 0.88, round_back * np.clip(1 - e, 0, 1) + 0.12 * torso, -look * np.clip(torso, 0, 2) * 0.6)
        draft.root += sway(beat.time_s) * [1, 1, 0]
        draft.sink(draft.leg_reach(knee))
        _, joints = draft.chest()
        straight = draft.arm_reach(3.05)
        reach = np.full((draft.n, 2), straight)
        line = -(joints[..., 1])  # the bar hangs under the shoulders but not behind the shins and thighs
        bar = np.maximum(0.75 * line, 0.1 * body.torso / 0.5 + np.maximum(-draft.root[:, 1:2], -0.04))
        out = np.broadcast_to(grip, (draft.n, 2))
        flat = (bar - line) ** 2 + (out - joints[..., 0] * [1, -1]) ** 2
        drop = np.sqrt(np.maximum(reach**2 - flat, 0.01))
        draft.wrists = pair(bar, out, np.maximum(joints[..., 2] - drop, 0.16))
        draft.elbows = np.broadcast_to(pair(-0.5, 1, 0), (draft.n, 2, 3)).copy()
        return draft.done()

    return Move(
        "deadlift",
        posture,
        (0.7, 1.8, 4.5, 10.0),
        deepest=1.02,
        view="lift",
        lowest=0.3 if kind == "romanian" else 0.1,
        plates=plates,
    )


def jumping_jack(rng: np.random.Generator, body: Body) -> Move:
    """Arms from 15 degrees off the trunk to 150, feet hop apart: full, half, low-impact or with the arms in front."""
    kind = str(rng.choice(["jump", "step", "arms_front"], p=[0.82, 0.12, 0.06]))
    closed = body.hip_half * rng.uniform(0.3, 1.0)
    opened = body.hip_half * rng.uniform(1.9, 4.2)
    hop, dip = rng.uniform(0.02, 0.12), rng.uniform(0.05, 0.6)
    elbow_down, elbow_up = rng.uniform(2.3, 3.05), rng.uniform(2.2, 3.05)
    forward = rng.uniform(-0.05, 0.35)
    lead = rng.uniform(0.8, 1.3)  # arms ahead of the legs or behind
    turn, toe = wander(rng, 0.03, 2.0, 2), rng.uniform(0.0, 0.5)
    lean = rng.normal(0.03, 0.05)

    def posture(beat: Beat) -> Posture:
        e = beat.excursion
        draft = Draft(body, len(beat))
        apart = ease(np.clip(e, 0, 1)) ** lead
        if kind == "step":
            wide = np.stack([apart * (beat.side > 0), apart * (beat.side < 0)], -1)
        else:
            wide = np.repeat(apart[:, None], 2, 1)
        draft.plant(closed + (opened - closed) * wide, 0.1 + toe * wide)
        draft.root[:, 0] += (draft.ankles[:, 0, 0] + draft.ankles[:, 1, 0]) / 2
        draft.bend(lean, 0.02, -0.05)
        landing = np.cos(np.pi * np.clip(e, 0, 1)) ** 4
        draft.sink(draft.leg_reach(3.05 - dip * landing))
        if kind != "step":
            air = hop * np.sin(np.pi * np.clip(e, 0, 1)) ** 2
            draft.root[:, 2] += air
            draft.ankles[..., 2] += air[:, None]
        angle = (5 + 143 * np.clip(e, -0.05, 1.2))[:, None] * RAD
        inward = np.clip(e, 0, 1)[:, None]
        if kind == "arms_front":
            upper, towards = pair(np.sin(angle), 0.15, -np.cos(angle)), pair(0.2, -0.4, 1.0)
        else:
            upper = pair(forward * np.sin(angle), np.sin(angle), -np.cos(angle))
            towards = pair(0.8 - 0.7 * inward, -0.2 - 0.8 * inward, 0.6 * inward)
        draft.fold_arms(upper, towards, mix(elbow_down, elbow_up, inward[:, 0]))
        draft.pelvis = draft.pelvis @ _small(turn(beat.time_s))
        return draft.done()

    return Move("jumping_jack", posture, (0.5, 0.75, 1.5, 6.0), deepest=1.15, view="front", contact="free",
                alternating=kind == "step")  # fmt: skip
