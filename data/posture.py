"""Postures by what touches and points where, and their solution: the transforms of the body's parts."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from data.body import PARENT, PART, PARTS, Body
from data.kinematics import Floats, about, apply, frame, mix, orthonormal, rotation, two_bone, unit, vec

#: How the bend of the trunk is shared by its five parts from the pelvis up, and by neck and head.
SPINE_SHARES = (0.12, 0.24, 0.28, 0.24, 0.12)
NECK_SHARES = (0.45, 0.55)
SIDES = ("L", "R")


@dataclass(frozen=True)
class Posture:
    """Postures of one person over N frames, world metres; pairs are (left, right).

    root: (N, 3) middle of the hips. pelvis: (N, 3, 3) its rotation. spine, neck: (N, 3) radians of forward
    bend, lean to the left and twist to the left, over the whole trunk and over neck and head.
    wrists, ankles: (N, 2, 3) where those joints should be. elbows, knees: (N, 2, 3) directions in which they
    bend. feet: (N, 2, 3, 3) rotations. fingers: (N, 2, 3) direction of the fingers, zero for straight on
    from the forearm. toes: (N, 2) radians that the toes bend up.
    """

    root: Floats
    pelvis: Floats
    spine: Floats
    neck: Floats
    wrists: Floats
    elbows: Floats
    ankles: Floats
    knees: Floats
    feet: Floats
    fingers: Floats
    toes: Floats

    def __len__(self) -> int:
        return len(self.root)

    def take(self, rows: slice | Floats) -> Posture:
        """Some of the frames."""
        return Posture(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def moved(self, shift: Floats, heading: Floats | float = 0.0) -> Posture:
        """The whole person turned by `heading` (N,) radians to the left about the z axis, then shifted (N, 3)."""
        turn = rotation(twist=np.broadcast_to(heading, len(self)))
        shift = np.broadcast_to(shift, (len(self), 3))
        pair = turn[:, None]
        return replace(
            self,
            root=apply(turn, self.root) + shift,
            pelvis=turn @ self.pelvis,
            wrists=apply(pair, self.wrists) + shift[:, None],
            ankles=apply(pair, self.ankles) + shift[:, None],
            elbows=apply(pair, self.elbows),
            knees=apply(pair, self.knees),
            feet=pair @ self.feet,
            fingers=apply(pair, self.fingers),
        )


def blend(a: Posture, b: Posture, share: Floats, lift: float = 0.0) -> Posture:
    """From a (share 0) to b (share 1), share (N,); feet and hands that move are lifted by up to `lift` m."""
    mixed = {f.name: mix(getattr(a, f.name), getattr(b, f.name), share) for f in fields(Posture)}
    mixed["pelvis"], mixed["feet"] = orthonormal(mixed["pelvis"]), orthonormal(mixed["feet"])
    if lift:  # one foot after the other
        steps = np.clip(np.stack([2 * share, 2 * share - 1], -1), 0, 1)
        way = b.ankles - a.ankles
        high = 4 * steps * (1 - steps) * np.minimum(lift, np.linalg.norm(way[..., :2], axis=-1) / 2)
        mixed["ankles"] = a.ankles + way * steps[..., None] + vec(0, 0, high)
        on_floor = ((a.wrists[..., 2] < 0.15) & (b.wrists[..., 2] < 0.15))[..., None]  # and so do hands that carry
        mixed["wrists"] = np.where(on_floor, a.wrists + (b.wrists - a.wrists) * steps[..., None], mixed["wrists"])
    return Posture(**mixed)


def join(parts: list[Posture]) -> Posture:
    """One posture sequence after the other."""
    return Posture(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Posture)})


@dataclass(frozen=True)
class Solved:
    """The parts' transforms x -> turns x + shifts (N, S, 3, 3), (N, S, 3), and the posed joints (N, S, 3)."""

    turns: Floats
    shifts: Floats
    joints: Floats


def trunk(body: Body, root: Floats, pelvis: Floats, spine: Floats, neck: Floats) -> tuple[Floats, Floats]:
    """Rotations (N, S, 3, 3) and joints (N, S, 3) of pelvis, spine, chest, neck and head; the rest is unset."""
    n = len(root)
    turns = np.broadcast_to(np.eye(3), (n, len(PARTS), 3, 3)).copy()
    joints = np.zeros((n, len(PARTS), 3))
    turns[:, 0], joints[:, 0] = pelvis, root + apply(pelvis, body.heads[0] - body.hip_centre)
    bends = [(name, spine * share) for name, share in zip(PARTS[1:6], SPINE_SHARES, strict=True)]
    bends += [(name, neck * share) for name, share in zip(("neck", "head"), NECK_SHARES, strict=True)]
    for name, bend in bends:
        part = PART[name]
        hang(body, turns, joints, part)
        turns[:, part] = turns[:, PARENT[part]] @ rotation(bend[:, 0], bend[:, 1], bend[:, 2])
    return turns, joints


def hang(body: Body, turns: Floats, joints: Floats, part: int) -> None:
    """Put the joint of `part` where its parent carries it."""
    parent = PARENT[part]
    joints[:, part] = joints[:, parent] + apply(turns[:, parent], body.heads[part] - body.heads[parent])


def shoulders(body: Body, turns: Floats, joints: Floats) -> Floats:
    """The shoulder joints (N, 2, 3) with the girdle at rest, for a solved trunk."""
    chest = PART["chest"]
    offsets = np.stack([body.head(f"upper_arm.{side}") - body.heads[chest] for side in SIDES])
    return joints[:, None, chest] + apply(turns[:, None, chest], offsets[None])


def solve(body: Body, posture: Posture) -> Solved:
    """Forward kinematics of the trunk, then the arms and legs that reach their targets."""
    turns, joints = trunk(body, posture.root, posture.pelvis, posture.spine, posture.neck)
    resting = shoulders(body, turns, joints)
    for i, side in enumerate(SIDES):
        girdle, chest = PART[f"girdle.{side}"], turns[:, PART["chest"]]
        hang(body, turns, joints, girdle)
        turns[:, girdle] = _girdle(body, chest, resting[:, i], posture.wrists[:, i], side)
        names = (f"upper_arm.{side}", f"forearm.{side}", f"hand.{side}")
        _limb(body, turns, joints, names, posture.wrists[:, i], posture.elbows[:, i])
        _hand(body, turns, side, posture.fingers[:, i])
        names = (f"thigh.{side}", f"shin.{side}", f"foot.{side}")
        _limb(body, turns, joints, names, posture.ankles[:, i], posture.knees[:, i], pole=vec(1, 0, 0))
        turns[:, PART[names[2]]] = posture.feet[:, i]
        toes = PART[f"toes.{side}"]
        hang(body, turns, joints, toes)
        turns[:, toes] = posture.feet[:, i] @ rotation(flex=-posture.toes[:, i])
    shifts = joints - apply(turns, body.heads[None])
    return Solved(turns, shifts, joints)


def _girdle(body: Body, chest: Floats, shoulder: Floats, wrist: Floats, side: str) -> Floats:
    """Rotation (N, 3, 3) of the collar bone: up when the arm is raised, forward when it reaches forward.

    The shoulder blade gives about a third of the elevation (Inman, Saunders and Abbott, 1944).
    """
    sign = 1.0 if side == "L" else -1.0
    reach = wrist - shoulder
    share = np.clip(np.linalg.norm(reach, axis=1) / body.arm, 0, 1)
    in_chest = apply(chest.transpose(0, 2, 1), unit(reach))
    raised = np.arccos(np.clip(-in_chest[:, 2], -1, 1))
    up = np.clip(0.3 * (raised - 0.7), 0.0, 0.6) * share
    ahead = np.clip(-0.2 * in_chest[:, 1], -0.1, 0.2) * share
    return np.asarray(chest @ rotation(lean=-sign * up, twist=-sign * ahead), np.float64)


def raised_shoulders(body: Body, turns: Floats, joints: Floats, wrists: Floats) -> Floats:
    """The shoulder joints (N, 2, 3) when the arms reach for `wrists` (N, 2, 3), for a solved trunk."""
    chest = turns[:, PART["chest"]]
    rest = shoulders(body, turns, joints)
    found = []
    for i, side in enumerate(SIDES):
        girdle, arm = body.head(f"girdle.{side}"), body.head(f"upper_arm.{side}")
        at = joints[:, PART["chest"]] + apply(chest, girdle - body.heads[PART["chest"]])
        turn = _girdle(body, chest, rest[:, i], wrists[:, i], side)
        found.append(at + apply(turn, np.broadcast_to(arm - girdle, at.shape)))
    return np.stack(found, 1)


def _limb(
    body: Body,
    turns: Floats,
    joints: Floats,
    names: tuple[str, str, str],
    target: Floats,
    bend: Floats,
    pole: Floats | None = None,
) -> None:
    """Two bones that reach for `target`; `pole` is the direction in which the middle joint bends at rest."""
    upper, lower, end = (PART[name] for name in names)
    hang(body, turns, joints, upper)
    rest_upper = body.heads[lower] - body.heads[upper]
    rest_lower = body.heads[end] - body.heads[lower]
    rest_hinge = np.cross(rest_upper + rest_lower, rest_upper if pole is None else pole)
    a, b = float(np.linalg.norm(rest_upper)), float(np.linalg.norm(rest_lower))
    middle, tip, hinge = two_bone(joints[:, upper], target, bend, a, b)
    turns[:, upper] = frame(middle - joints[:, upper], hinge) @ frame(rest_upper, rest_hinge).T
    turns[:, lower] = frame(tip - middle, hinge) @ frame(rest_lower, rest_hinge).T
    turns[:, end] = turns[:, lower]
    joints[:, lower], joints[:, end] = middle, tip


def _hand(body: Body, turns: Floats, side: str, fingers: Floats) -> None:
    """Bend the wrist so that the fingers point along `fingers`, at most 85 degrees; zero leaves it straight."""
    hand = PART[f"hand.{side}"]
    rest = unit(body.head(f"hand.{side}") - body.head(f"forearm.{side}"))
    now = apply(turns[:, hand], rest)
    axis = np.cross(now, fingers)
    size = np.linalg.norm(axis, axis=1)
    angle = np.where(size > 1e-6, np.arctan2(size, (now * fingers).sum(1)), 0.0)
    turn = about(unit(axis), np.clip(angle, 0.0, 1.48) * np.clip(np.linalg.norm(fingers, axis=1), 0, 1))
    turns[:, hand] = turn @ turns[:, hand]


def keypoints(body: Body, solved: Solved) -> Floats:
    """COCO keypoints (N, 17, 3), world metres."""
    return body.keypoints(solved.turns, solved.shifts)


def lowest(body: Body, solved: Solved) -> Floats:
    """Height (N,) of the lowest point of the body, m."""
    return np.asarray(body.skin(solved.turns, solved.shifts)[..., 2].min(1), np.float64)


def lifted(solved: Solved, height: Floats) -> Solved:
    """The same postures, higher by `height` (N,) m."""
    up = vec(0, 0, height)[:, None]
    return Solved(solved.turns, solved.shifts + up, solved.joints + up)
