"""What a motion is, and the ways in which legs hold a body that works with its arms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from data.body import Body
from data.draft import Beat, Draft
from data.kinematics import Floats, Signal, wander
from data.posture import Posture

#: How a body meets the floor: its motion plants it; its lowest point is put on the floor; or it hangs or flies.
Contact = Literal["planted", "lowest", "free"]


@dataclass(frozen=True)
class Move:
    """One way to do one action, with its style drawn.

    posture: the N postures of N beats. rep_s: the shortest, a usual short, a usual long and the longest rep, s.
    alternating: sides take turns. upright: begun from standing. idle: what a long pause in the start posture
    is called, after idle_after_s. view: how people film it, see `camera.VIEWS`. lowest, deepest: how far from
    0 a rep may begin, and the largest excursion. beyond: how far below 0 the way back swings (a jump, a knee
    drive) before the next rep. shallow: share of the sets that are less than 70 % deep. plates: radius of the
    weight plates on a bar in the hands and their distance from its middle, m; (0, 0) without.
    busy: how far (N,) from standing a move is at moments (N,), 0 to 1; while it is 0 it is called `stand`.
    """

    action: str
    posture: Callable[[Beat], Posture]
    rep_s: tuple[float, float, float, float] = (0.6, 1.5, 3.5, 10.0)
    contact: Contact = "planted"
    alternating: bool = False
    one_side: int = 0
    upright: bool = True
    idle: str = "stand"
    idle_after_s: float = 1.0
    view: str = "any"
    deepest: float = 1.05
    lowest: float = 0.0
    beyond: float = 0.0
    shallow: float = 0.15
    plates: tuple[float, float] = (0.0, 0.0)
    busy: Signal | None = None


Maker = Callable[[np.random.Generator, Body], Move]


def bar_plates(rng: np.random.Generator, loaded: float = 0.7) -> tuple[float, float]:
    """Plates on a bar, see `Move.plates`: gym bars with 45 cm discs, smaller ones at home; none on 1 - `loaded`."""
    if rng.random() > loaded:
        return 0.0, 0.0
    return (0.225, float(rng.uniform(0.6, 0.72))) if rng.random() < 0.6 else (
        float(rng.uniform(0.08, 0.2)), float(rng.uniform(0.4, 0.65)))  # fmt: skip


def sit(draft: Draft, rng: np.random.Generator) -> None:
    """Put the draft on a seat: thighs about level, feet on the floor. Style from `rng`."""
    body = draft.body
    seat = body.shin + body.ankle + rng.uniform(-0.06, 0.08)
    ahead = body.thigh * rng.uniform(0.75, 1.15)
    draft.plant(body.hip_half * rng.uniform(0.8, 2.4), rng.uniform(0, 0.5), ahead)
    draft.root = np.broadcast_to([0.0, 0.0, seat], (draft.n, 3)).copy()


Legs = Callable[[Draft, Beat], None]


def standing_legs(rng: np.random.Generator, body: Body) -> Legs:
    """Nearly straight legs that carry a body at work: stance, sway and lean from `rng`."""
    half = body.hip_half * rng.uniform(0.6, 2.2)
    out, stagger = rng.uniform(0.0, 0.5), rng.normal(0, 0.05)
    lean, spine = rng.normal(0.0, 0.05), rng.normal(0.05, 0.06)
    knee = rng.uniform(2.85, 3.1)
    sway, turn = wander(rng, 0.012, 3.0, 3), wander(rng, 0.05, 4.0, 3)
    neck = rng.normal(0.1, 0.15)

    def legs(draft: Draft, beat: Beat) -> None:
        drift, twist = sway(beat.time_s), turn(beat.time_s)
        draft.plant(half, out, np.tile([[stagger, -stagger]], (draft.n, 1)))
        draft.bend(lean + 0.3 * twist[:, 0], spine, neck + twist[:, 1])
        draft.neck[:, 2] = 2 * twist[:, 2]
        draft.root[:, :2] += drift[:, :2]
        draft.sink(draft.leg_reach(knee + 0.5 * drift[:, 2]))

    return legs


def seated_legs(rng: np.random.Generator, body: Body) -> Legs:
    """Sitting on a bench or chair."""
    seed = int(rng.integers(1 << 30))
    lean, spine = rng.uniform(-0.35, 0.1), rng.uniform(-0.05, 0.2)
    turn = wander(rng, 0.04, 3.0, 3)

    def legs(draft: Draft, beat: Beat) -> None:
        sit(draft, np.random.default_rng(seed))
        twist = turn(beat.time_s)
        draft.bend(lean + twist[:, 0], spine, 0.1 - 0.6 * lean + twist[:, 1])
        draft.neck[:, 2] = 2 * twist[:, 2]

    return legs


def active(beat: Beat, one_side: int, alternating: bool) -> Floats:
    """The excursion of each side (N, 2), left and right, when sides take turns or one rests."""
    both = np.repeat(beat.excursion[:, None], 2, 1)
    if alternating:
        return np.asarray(both * np.stack([beat.side > 0, beat.side < 0], -1), np.float64)
    if one_side:
        return np.asarray(both * (np.array([1, -1]) == one_side), np.float64)
    return both
