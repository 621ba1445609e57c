"""Whose rep: follow one person, the subject, through a picture with others in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keypoints.oks import oks, oks_each
from keypoints.types import Pose

#: The rule: the largest person near the middle for LOCK_S becomes the subject, and stays it until lost for LOST_S.
LOCK_S, LOST_S = 0.5, 2.0

#: A person begins to be followed above this score, and is followed on below it: a hard posture lowers the score
#: for some frames, but rarely puts a person where there was none (the two thresholds of ByteTrack, Zhang et al. 2022).
START_SCORE = 0.25

#: While nobody is locked, a rival must look this much larger than the favourite to take its place.
RIVAL = 1.2

#: A favourite may be unseen for this long before it stops being one.
BLINK_S = 0.2

#: A detection with this keypoint similarity to a person's, or with this much of the smaller box in the other, is a
#: second one of the same body, or somebody just behind it: it begins nobody new. On video, second detections (legs
#: cut off, say) have a similarity of 0.4 to 0.98, other people 0.00 to 0.04.
SAME_OKS, SAME_INSIDE = 0.4, 0.7

#: Others are followed for the moment of a crossing, not remembered for longer.
FORGET_S = 0.5

#: Likeness (mean of box overlap and keypoint similarity, 0-1) above which a detection can be a known person; one
#: below START_SCORE, which may be half a body or none, has to fit better.
LIKE, LIKE_WEAK = 0.1, 0.3

#: How far a person gets while unseen, in box sides: at once, and for each second; and the change of size allowed.
REACH, REACH_PER_S, RESIZE = 0.35, 1.0, 1.8

#: Time constant of a person's speed, and how far ahead it is trusted.
SPEED_S, AHEAD_S = 0.15, 0.3


class _Body:
    """A pose, and what follows from its box, in plain numbers: arrays of two would take ten times as long.

    side: the longer one: the person's size, whether they stand or lie.
    """

    __slots__ = ("area", "box", "centre", "pose", "side")

    def __init__(self, pose: Pose) -> None:
        self.pose = pose
        self.box: tuple[float, float, float, float] = tuple(pose.box.tolist())
        left, top, right, bottom = self.box
        self.centre = (left + right) / 2, (top + bottom) / 2
        self.area = (right - left) * (bottom - top)
        self.side = max(right - left, bottom - top)

    def shared(self, other: _Body, shift: tuple[float, float] = (0.0, 0.0)) -> float:
        """The area that the other's box has in common with this one where it is after a shift."""
        (left, top, right, bottom), (x, y) = self.box, shift
        other_left, other_top, other_right, other_bottom = other.box
        width = min(right + x, other_right) - max(left + x, other_left)
        height = min(bottom + y, other_bottom) - max(top + y, other_top)
        return width * height if width > 0 and height > 0 else 0.0

    def inside(self, other: _Body) -> float:
        """The share of the smaller box that lies in the other, 0-1."""
        return self.shared(other) / max(min(self.area, other.area), 1e-6)


@dataclass(slots=True, eq=False)
class _Person:
    """Somebody who is followed. speed: of the box's centre, px/s."""

    body: _Body
    seen_s: float
    speed: tuple[float, float] = (0.0, 0.0)

    def seen(self, body: _Body, time_s: float) -> None:
        gap_s = time_s - self.seen_s
        if gap_s > 0:
            share = 1 - math.exp(-gap_s / SPEED_S)
            (x, y), (new_x, new_y), (speed_x, speed_y) = self.body.centre, body.centre, self.speed
            self.speed = (
                speed_x + share * ((new_x - x) / gap_s - speed_x),
                speed_y + share * ((new_y - y) / gap_s - speed_y),
            )
        self.body, self.seen_s = body, time_s

    def shift(self, time_s: float) -> tuple[float, float]:
        """How far they should have got by then, px."""
        ahead_s = min(time_s - self.seen_s, AHEAD_S)
        return self.speed[0] * ahead_s, self.speed[1] * ahead_s


class SubjectTracker:
    """Picks the subject out of each frame's people.

    Everybody is followed, so that a passer-by who hides the subject is known as somebody else. Until a person
    was the favourite (the largest near the middle) for 0.5 s nobody is locked, but the favourite is returned at
    once: a recording may begin with the first rep.
    """

    def __init__(self) -> None:
        self._people: list[_Person] = []
        self._subject: _Person | None = None
        self._favourite_since_s = 0.0
        self._locked = False
        self._identity = 0

    @property
    def lost(self) -> bool:
        """Whether there is nobody to count for: never seen anybody, or the subject is gone for 2 s."""
        return self._subject is None

    @property
    def locked(self) -> bool:
        """Whether the subject is sure: others are ignored."""
        return self._locked

    @property
    def identity(self) -> int:
        """Which person the returned poses belong to: 0 before the first, and one more with every change."""
        return self._identity

    def update(self, poses: Sequence[Pose], time_s: float, size: tuple[int, int]) -> Pose | None:
        """The subject's pose in this frame, or None when they are not seen in it.

        poses: everybody in the frame. time_s: the frame's time, never falling. size: (width, height) px.
        """
        self._follow([_Body(pose) for pose in sorted(poses, key=lambda pose: -pose.score)], time_s)
        if self._subject is not None and self._subject not in self._people:
            self._subject, self._locked = None, False
        if not self._locked:
            self._choose(time_s, size)
        seen = self._subject is not None and self._subject.seen_s == time_s
        return self._subject.body.pose if seen and self._subject is not None else None

    def _follow(self, bodies: list[_Body], time_s: float) -> None:
        """Give each body to the person it is most like; the rest are new people or second detections."""
        self._people = [
            person
            for person in self._people
            if time_s - person.seen_s < (LOST_S if person is self._subject else FORGET_S)
        ]
        free = dict(enumerate(bodies))
        if self._people and bodies:
            taken: set[int] = set()
            for _, i, j in sorted(_likeness(self._people, bodies, time_s)):
                if i not in taken and j in free:
                    taken.add(i)
                    self._people[i].seen(free.pop(j), time_s)
        for body in free.values():
            if body.pose.score >= START_SCORE and not _same_body([person.body for person in self._people], body):
                self._people.append(_Person(body, time_s))

    def _choose(self, time_s: float, size: tuple[int, int]) -> None:
        """Keep or change the favourite, and lock the one who stayed it for long enough."""
        here = [person for person in self._people if time_s - person.seen_s <= BLINK_S]
        if not here:
            return
        best = max(here, key=lambda person: _prominence(person.body, size))
        kept = self._subject if self._subject in here else None
        if kept is not None and _prominence(best.body, size) <= RIVAL * _prominence(kept.body, size):
            self._locked = time_s - self._favourite_since_s >= LOCK_S
            return
        self._subject, self._favourite_since_s = best, time_s
        self._identity += 1


def _prominence(body: _Body, size: tuple[int, int]) -> float:
    """How much a person is the one in the picture: box area x score, and half of it at the picture's edge."""
    half_x, half_y = size[0] / 2, size[1] / 2
    x, y = body.centre
    away = max(abs(x - half_x) / half_x, abs(y - half_y) / half_y)
    return body.area * body.pose.score * (1 - 0.5 * min(away, 1.0))


def _likeness(people: Sequence[_Person], bodies: Sequence[_Body], time_s: float) -> list[tuple[float, int, int]]:
    """How much each body looks like each person where they should be by now: (minus 0-1, person, body), and nothing
    where it can't be them.

    Keypoints all at once: one by one, eight people would take longer than the pose model.
    """
    shifts = [person.shift(time_s) for person in people]
    overlaps = [[_overlap(person.body, body, shift) for body in bodies]
                for person, shift in zip(people, shifts, strict=True)]  # fmt: skip
    if len(people) == len(bodies) == 1 and overlaps[0][0] / 2 > LIKE_WEAK:
        return [(-overlaps[0][0], 0, 0)]  # as mostly: there is nobody else, and the boxes alone say enough
    known = np.array([person.body.pose.keypoints for person in people])
    known[..., :2] += np.array(shifts, np.float32)[:, None]
    found = np.array([body.pose.keypoints for body in bodies])
    similar = oks_each(found, known, np.array([person.body.area for person in people])).tolist()
    alike = []
    for i, (person, shift) in enumerate(zip(people, shifts, strict=True)):
        for j, body in enumerate(bodies):
            weak = body.pose.score < START_SCORE
            like = (overlaps[i][j] + similar[i][j]) / 2
            if like <= (LIKE_WEAK if weak else LIKE):
                like = 0.0 if weak else _far_likeness(person, body, shift, time_s)
            if like > 0:
                alike.append((-like, i, j))
    return alike


def _overlap(known: _Body, body: _Body, shift: tuple[float, float]) -> float:
    """Intersection over union of a box that was known, where it is after a shift, and another."""
    shared = known.shared(body, shift)
    return shared / max(known.area + body.area - shared, 1e-9)


def _far_likeness(person: _Person, body: _Body, shift: tuple[float, float], time_s: float) -> float:
    """How much a body that is too far for an overlap can be them, 0-1: after a fast move, or after frames without a
    detection."""
    before = person.body
    (x, y), (body_x, body_y) = before.centre, body.centre
    distance = math.hypot(body_x - x - shift[0], body_y - y - shift[1]) / max(before.side, 1.0)
    near = distance < REACH + REACH_PER_S * (time_s - person.seen_s)
    near = near and max(before.side, body.side) < RESIZE * min(before.side, body.side)
    return LIKE / (1 + distance) if near or before.inside(body) > SAME_INSIDE else 0.0


def _same_body(known: Sequence[_Body], body: _Body) -> bool:
    """Whether a detection is a second one of one of these people, or somebody just behind."""
    if any(other.inside(body) > SAME_INSIDE for other in known):
        return True
    return any(oks(body.pose.keypoints, other.pose.keypoints, max(other.area, body.area)) > SAME_OKS for other in known)
