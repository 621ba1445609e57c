"""A posture in the making: plant the feet, set the height, place the hands, then take the `Posture`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from data.body import PART, Body
from data.kinematics import Floats, apply, chord, mix, rotation, unit, vec
from data.posture import Posture, Solved, raised_shoulders, shoulders, trunk

SIGN = np.array([1.0, -1.0])  # left is +x, right is -x


@dataclass(frozen=True)
class Beat:
    """What drives a motion at N moments.

    time_s: (N,) seconds. excursion: (N,) share of a full rep, 0 at the start posture, 1 at the turning point;
    a deep rep goes above 1. side: (N,) +1 where the rep belongs to the left side, -1 to the right.
    done: (N,) reps begun before this moment. origin_s: when a person who travels is at the middle of the floor.
    """

    time_s: Floats
    excursion: Floats
    side: Floats
    done: Floats
    origin_s: float = 0.0

    def __len__(self) -> int:
        return len(self.time_s)

    @classmethod
    def still(cls, time_s: Floats, origin_s: float = 0.0) -> Beat:
        """No reps at all."""
        zero = np.zeros_like(time_s)
        return cls(time_s, zero, np.ones_like(time_s), zero, origin_s)


def pair(forward: ArrayLike, out: ArrayLike, up: ArrayLike) -> Floats:
    """Mirrored points (..., 2, 3) for left and right; `out` is away from the body's middle. Values are
    scalars, (N, 1) for both sides alike, or (N, 2)."""
    forward, out, up = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (forward, out, up)))
    if forward.ndim == 0 or forward.shape[-1] == 1:
        forward, out, up = (np.repeat(np.atleast_1d(v), 2, -1) for v in (forward, out, up))
    return vec(forward, out * SIGN, up)


class Draft:
    """N frames of one person, standing upright at first; every field is that of `Posture` and may be set."""

    def __init__(self, body: Body, n: int) -> None:
        self.body, self.n = body, n
        self.root = np.tile(vec(0, 0, body.leg + body.ankle), (n, 1))
        self.pelvis = rotation(np.zeros(n))
        self.spine, self.neck = np.zeros((n, 3)), np.zeros((n, 3))
        self.feet = rotation(np.zeros((n, 2)))
        self.ankles = np.tile(pair(0, body.hip_half, body.ankle), (n, 1, 1))
        self.knees = np.tile(pair(1, 0.1, 0), (n, 1, 1))
        self.wrists, self.elbows = np.zeros((n, 2, 3)), np.tile(pair(-1, 0.4, 0), (n, 1, 1))
        self.fingers, self.toes = np.zeros((n, 2, 3)), np.zeros((n, 2))

    def column(self, value: ArrayLike) -> Floats:
        """A scalar, (N,) or (N, 2) as (N, 1) or (N, 2), to go with left and right."""
        value = np.asarray(value, np.float64)
        return value[:, None] if value.ndim == 1 else value

    def plant(self, half_width: ArrayLike, toe_out: ArrayLike = 0.1, ahead: ArrayLike = 0.0) -> None:
        """Both soles flat on the floor: metres out from the middle and ahead, toes turned out by radians."""
        half_width, toe_out, ahead = (self.column(v) for v in (half_width, toe_out, ahead))
        self.ankles = np.broadcast_to(pair(ahead, half_width, self.body.ankle), (self.n, 2, 3)).copy()
        turned = np.broadcast_to(toe_out * SIGN, (self.n, 2))
        self.feet = rotation(twist=turned)
        self.knees = apply(self.feet, np.broadcast_to(vec(1, 0, 0), (self.n, 2, 3)))

    def tiptoe(self, i: int, ball: Floats, pitch: ArrayLike, heading: ArrayLike = 0.0) -> None:
        """Foot i on its ball at `ball` (N, 3), the heel lifted by `pitch` radians, toes flat."""
        side = "LR"[i]
        pitch = np.broadcast_to(np.asarray(pitch, np.float64), (self.n,))
        foot = rotation(flex=pitch, twist=np.broadcast_to(heading, (self.n,)))
        self.feet[:, i] = foot
        back = self.body.head(f"foot.{side}") - self.body.head(f"toes.{side}")
        self.ankles[:, i] = ball + apply(foot, np.broadcast_to(back, (self.n, 3)))
        self.toes[:, i] = np.clip(pitch, 0.0, 1.3)

    @property
    def ball_height(self) -> float:
        """Height of the toes' joint over the floor when the sole is flat, m."""
        return float(self.body.ankle - (self.body.head("foot.L") - self.body.head("toes.L"))[2])

    def bend(self, pelvis: ArrayLike = 0.0, spine: ArrayLike = 0.0, neck: ArrayLike = 0.0) -> None:
        """Forward bend in radians of the pelvis, of the whole trunk over it, and of neck and head over that."""
        self.pelvis = rotation(np.broadcast_to(pelvis, (self.n,)))
        self.spine = np.broadcast_to(vec(0, 0, 0), (self.n, 3)).copy()
        self.spine[:, 0], self.neck[:, 0] = spine, neck

    def hips(self) -> Floats:
        """The hip joints (N, 2, 3)."""
        offsets = np.stack([self.body.head(f"thigh.{side}") for side in "LR"]) - self.body.hip_centre
        return self.root[:, None] + apply(self.pelvis[:, None], offsets[None])

    def sink(self, reach: ArrayLike, legs: Sequence[int] = (0, 1)) -> None:
        """Set the height of the root so that the nearer of `legs` is `reach` m from hip to ankle."""
        gap = self.ankles[:, legs] - self.hips()[:, legs]
        flat = (gap[..., :2] ** 2).sum(-1)
        down = np.sqrt(np.maximum(self.column(reach) ** 2 - flat, 1e-4))
        self.root[:, 2] += (gap[..., 2] + down).min(1)

    def leg_reach(self, knee: ArrayLike) -> Floats:
        """Hip to ankle, m, for a knee of `knee` radians (pi is straight)."""
        return chord(self.body.thigh, self.body.shin, knee)

    def arm_reach(self, elbow: ArrayLike) -> Floats:
        """Shoulder to wrist, m, for an elbow of `elbow` radians (pi is straight)."""
        return chord(self.body.upper_arm, self.body.forearm, elbow)

    def trunk(self) -> tuple[Floats, Floats]:
        """Rotations and joints of the trunk's parts, see `posture.trunk`."""
        return trunk(self.body, self.root, self.pelvis, self.spine, self.neck)

    def chest(self) -> tuple[Floats, Floats]:
        """Rotation of the chest (N, 1, 3, 3) and the shoulder joints (N, 2, 3)."""
        turns, joints = self.trunk()
        return turns[:, None, PART["chest"]], shoulders(self.body, turns, joints)

    def near(self, part: str, forward: ArrayLike, out: ArrayLike, up: ArrayLike) -> Floats:
        """Points (N, 2, 3), in metres from the joint of `part` along that part's own axes."""
        turns, joints = self.trunk()
        offset = np.broadcast_to(pair(forward, out, up), (self.n, 2, 3))
        return joints[:, None, PART[part]] + apply(turns[:, None, PART[part]], offset)

    def shoulders_for(self, wrists: Floats) -> Floats:
        """The shoulder joints (N, 2, 3) when the arms reach for `wrists` (N, 2, 3)."""
        turns, joints = self.trunk()
        return raised_shoulders(self.body, turns, joints, wrists)

    def aim_arms(self, direction: Floats, elbow: ArrayLike, poles: Floats | None = None) -> None:
        """Wrists from the shoulders along `direction` (N, 2, 3), as far as an `elbow` of so many radians."""
        turns, joints = self.trunk()
        reach = np.broadcast_to(self.column(self.arm_reach(elbow)), (self.n, 2))
        gap = reach[..., None] * unit(np.broadcast_to(direction, (self.n, 2, 3)))
        self.wrists = shoulders(self.body, turns, joints) + gap
        for _ in range(2):  # the collar bone follows the arm
            self.wrists = raised_shoulders(self.body, turns, joints, self.wrists) + gap
        if poles is not None:
            self.elbows = np.broadcast_to(poles, (self.n, 2, 3)).copy()

    def fold_arms(self, upper: Floats, towards: Floats, elbow: ArrayLike) -> None:
        """Upper arms along `upper` (N, 2, 3), forearms bent out of that line towards `towards`."""
        turns, joints = self.trunk()
        body, upper = self.body, unit(np.broadcast_to(upper, (self.n, 2, 3)))
        side = unit(towards - (towards * upper).sum(-1, keepdims=True) * upper)
        turn = np.pi - np.broadcast_to(self.column(elbow), (self.n, 2))[..., None]
        gap = body.upper_arm * upper + body.forearm * (np.cos(turn) * upper + np.sin(turn) * side)
        start = shoulders(body, turns, joints)
        for _ in range(2):
            start = raised_shoulders(body, turns, joints, start + gap)
        self.wrists = start + gap
        self.elbows = body.upper_arm * upper - gap / 2
        flat = np.linalg.norm(self.elbows, axis=-1, keepdims=True) < 0.01
        self.elbows = np.where(flat, -side, self.elbows)

    def mix_arms(self, wrists: Floats, elbows: Floats, share: ArrayLike) -> None:
        """Move the arms from where they are (share 0) to others (share 1); share (N,) or (N, 2)."""
        share = np.broadcast_to(self.column(share), (self.n, 2))
        self.wrists = mix(self.wrists, wrists, share)
        self.elbows = mix(unit(self.elbows), unit(elbows), share)

    def done(self) -> Posture:
        """The posture."""
        names = (
            "root",
            "pelvis",
            "spine",
            "neck",
            "wrists",
            "elbows",
            "ankles",
            "knees",
            "feet",
            "fingers",
            "toes",
        )
        return Posture(**{name: getattr(self, name) for name in names})


def centre_of_mass(solved: Solved) -> Floats:
    """Centre of mass (N, 3) m from the joints; shares of Winter, Biomechanics of Human Movement, table 4.1."""

    def between(a: str, b: str, share: float) -> Floats:
        p, q = solved.joints[:, PART[a]], solved.joints[:, PART[b]]
        return np.asarray(p + share * (q - p), np.float64)

    total = 0.497 * between("pelvis", "neck", 0.5) + 0.081 * solved.joints[:, PART["head"]]
    for s in "LR":
        total = total + 0.028 * between(f"upper_arm.{s}", f"forearm.{s}", 0.436)
        total = total + 0.022 * between(f"forearm.{s}", f"hand.{s}", 0.682)
        total = total + 0.1 * between(f"thigh.{s}", f"shin.{s}", 0.433)
        total = total + 0.061 * between(f"shin.{s}", f"foot.{s}", 0.606)
    return np.asarray(total, np.float64)
