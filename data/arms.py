"""Ways to hold the arms while the legs or nothing do the work."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from data.draft import Beat, Draft, pair
from data.kinematics import Floats, apply, ease, wander

Arms = Callable[[Draft, Beat], None]
ArmsMaker = Callable[[np.random.Generator], Arms]


def hang(rng: np.random.Generator) -> Arms:
    """Hanging at the sides, as if loose or with dumbbells."""
    out, ahead, elbow = rng.uniform(0.05, 0.3), rng.uniform(-0.05, 0.2), rng.uniform(2.6, 3.05)
    drift = wander(rng, 0.03, 3.0, 2)

    def arms(draft: Draft, beat: Beat) -> None:
        sway = drift(beat.time_s)
        draft.aim_arms(pair(ahead + sway[:, :1], out + sway[:, 1:], -1), elbow, pair(-1, 0.5, 0))

    return arms


def forward(rng: np.random.Generator) -> Arms:
    """Stretched out to the front, all the time or raised as the rep goes down."""
    level, out = rng.uniform(-0.35, 0.25), rng.uniform(-0.3, 0.15)
    elbow, always = rng.uniform(2.3, 3.05), rng.random() < 0.35
    rest = hang(rng)

    def arms(draft: Draft, beat: Beat) -> None:
        rest(draft, beat)
        wrists, elbows = draft.wrists, draft.elbows
        draft.aim_arms(pair(1, out, level), elbow, pair(-0.2, 0.7, -1))
        up = np.ones(draft.n) if always else ease(beat.excursion / 0.7)
        target, poles = draft.wrists, draft.elbows
        draft.wrists, draft.elbows = wrists, elbows
        draft.mix_arms(target, poles, up)

    return arms


def _at(part: str, centre: tuple[float, float, float], spread: float, poles: tuple[float, float, float]) -> ArmsMaker:
    """Hands held at a place of the body: metres forward, out and up from the joint of `part`."""

    def make(rng: np.random.Generator) -> Arms:
        forward, out, up = np.asarray(centre) + rng.normal(0, spread, 3)
        pole = np.asarray(poles) + rng.normal(0, 0.15, 3)

        def arms(draft: Draft, beat: Beat) -> None:
            scale = draft.body.torso / 0.5
            draft.wrists = draft.near(part, forward * scale, out * scale, up * scale)
            turns, _ = draft.chest()
            draft.elbows = apply(turns, np.broadcast_to(pair(*pole), (draft.n, 2, 3)))

        return arms

    return make


on_hips = _at("pelvis", (0.0, 0.2, 0.1), 0.02, (-0.4, 1.0, 0.1))
clasped = _at("chest", (0.3, 0.04, -0.02), 0.04, (-0.2, 0.8, -0.8))
goblet = _at("chest", (0.24, 0.06, 0.0), 0.03, (0.1, 0.5, -1.0))
front_rack = _at("chest", (0.15, 0.17, 0.12), 0.02, (1.0, 0.6, -0.5))
behind_head = _at("head", (-0.07, 0.11, 0.06), 0.02, (0.3, 1.0, 0.1))
behind_back = _at("pelvis", (-0.16, 0.06, 0.05), 0.03, (-0.6, 1.0, 0.0))
pockets = _at("pelvis", (0.05, 0.2, -0.06), 0.02, (-1.0, 0.5, 0.0))
phone = _at("chest", (0.28, 0.05, -0.12), 0.04, (-0.3, 0.5, -1.0))
rails = _at("chest", (0.42, 0.26, -0.3), 0.03, (-0.6, 0.5, -1.0))
on_face = _at("head", (0.12, 0.07, 0.0), 0.03, (0.2, 0.5, -1.0))
crossed_chest = _at("chest", (0.15, -0.1, -0.02), 0.02, (0.3, 0.8, -0.8))


def crossed(rng: np.random.Generator) -> Arms:
    """Arms crossed in front of the chest, one forearm over the other."""
    low, reach = rng.uniform(-0.22, -0.12), rng.uniform(0.05, 0.13)

    def arms(draft: Draft, beat: Beat) -> None:
        scale = draft.body.torso / 0.5
        heights = np.tile([[low + 0.03, low - 0.02]], (draft.n, 1))
        draft.wrists = draft.near("chest", 0.19 * scale, -reach * scale, heights * scale)
        draft.elbows = np.broadcast_to(pair(0.3, 1.0, -0.8), (draft.n, 2, 3)).copy()

    return arms


def barbell(rng: np.random.Generator) -> Arms:
    """A bar on the upper back, gripped wide."""
    grip, back, up = rng.uniform(1.3, 2.3), rng.uniform(-0.12, -0.04), rng.uniform(-0.02, 0.07)

    def arms(draft: Draft, beat: Beat) -> None:
        draft.wrists = draft.near("chest", back, grip * draft.body.shoulder_half, up)
        turns, _ = draft.chest()
        draft.elbows = apply(turns, np.broadcast_to(pair(-0.7, 0.3, -1), (draft.n, 2, 3)))

    return arms


def overhead(rng: np.random.Generator) -> Arms:
    """Stretched overhead, wide or narrow."""
    out, elbow = rng.uniform(0.0, 0.7), rng.uniform(2.7, 3.05)

    def arms(draft: Draft, beat: Beat) -> None:
        draft.aim_arms(pair(0.0, out, 1), elbow, pair(-0.5, 1, 0))

    return arms


def swinging(rng: np.random.Generator) -> Arms:
    """Back at the start posture, forward at the turning point, as in free squats and jumps."""
    back, ahead = rng.uniform(-0.6, 0.0), rng.uniform(0.4, 1.3)
    elbow, out = rng.uniform(2.0, 2.9), rng.uniform(0.0, 0.25)

    def arms(draft: Draft, beat: Beat) -> None:
        angle = back + (ahead - back) * np.clip(beat.excursion, 0, 1.2)[:, None]
        draft.aim_arms(pair(np.sin(angle), out, -np.cos(angle)), elbow, pair(-1, 0.5, -0.5))

    return arms


def pick(rng: np.random.Generator, options: dict[ArmsMaker, float]) -> ArmsMaker:
    """One of the makers, by weight."""
    makers, weights = list(options), np.asarray(list(options.values()))
    return makers[int(rng.choice(len(makers), p=weights / weights.sum()))]


def choose(rng: np.random.Generator, options: dict[ArmsMaker, float]) -> Arms:
    """One of the ways, by weight."""
    return pick(rng, options)(rng)


def elbows_of(turns: Floats, forward: float, out: float, up: float) -> Floats:
    """Elbow directions (N, 2, 3) given along the chest's axes."""
    return apply(turns, np.broadcast_to(pair(forward, out, up), (len(turns), 2, 3)))
