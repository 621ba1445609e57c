"""Whose rep: follow one person, the subject, through a picture with others in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from keypoints.oks import oks_each
from keypoints.types import FloatArray, Pose

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


@dataclass(slots=True, eq=False)
class _Person:
    """Somebody who is followed. speed: of the box's centre, px/s."""

    pose: Pose
    seen_s: float
    speed: FloatArray = field(default_factory=lambda: np.zeros(2, np.float32))

    def seen(self, pose: Pose, time_s: float) -> None:
        gap_s = time_s - self.seen_s
        if gap_s > 0:
            share = np.float32(1 - np.exp(-gap_s / SPEED_S))
            self.speed += share * ((_centre(pose) - _centre(self.pose)) / np.float32(gap_s) - self.speed)
        self.pose, self.seen_s = pose, time_s


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
        self._follow(sorted(poses, key=lambda pose: -pose.score), time_s)
        if self._subject is not None and self._subject not in self._people:
            self._subject, self._locked = None, False
        if not self._locked:
            self._choose(time_s, size)
        seen = self._subject is not None and self._subject.seen_s == time_s
        return self._subject.pose if seen and self._subject is not None else None

    def _follow(self, poses: list[Pose], time_s: float) -> None:
        """Give each pose to the person it is most like; the rest are new people or second detections."""
        self._people = [
            person
            for person in self._people
            if time_s - person.seen_s < (LOST_S if person is self._subject else FORGET_S)
        ]
        free = dict(enumerate(poses))
        if self._people and poses:
            like = _likeness(self._people, poses, time_s)
            taken: set[int] = set()
            for i, j in sorted(np.argwhere(like > 0).tolist(), key=lambda pair: (-like[tuple(pair)], pair)):
                if i not in taken and j in free:
                    taken.add(i)
                    self._people[i].seen(free.pop(j), time_s)
        for pose in free.values():
            if pose.score >= START_SCORE and not _same_body([person.pose for person in self._people], pose):
                self._people.append(_Person(pose, time_s))

    def _choose(self, time_s: float, size: tuple[int, int]) -> None:
        """Keep or change the favourite, and lock the one who stayed it for long enough."""
        here = [person for person in self._people if time_s - person.seen_s <= BLINK_S]
        if not here:
            return
        best = max(here, key=lambda person: prominence(person.pose, size))
        kept = self._subject if self._subject in here else None
        if kept is not None and prominence(best.pose, size) <= RIVAL * prominence(kept.pose, size):
            self._locked = time_s - self._favourite_since_s >= LOCK_S
            return
        self._subject, self._favourite_since_s = best, time_s
        self._identity += 1


def prominence(pose: Pose, size: tuple[int, int]) -> float:
    """How much a person is the one in the picture: box area x score, and half of it at the picture's edge."""
    half = np.array(size, np.float32) / 2
    away = float(np.abs((_centre(pose) - half) / half).max())
    return float(_area(pose)) * pose.score * (1 - 0.5 * min(away, 1.0))


def _likeness(people: Sequence[_Person], poses: Sequence[Pose], time_s: float) -> NDArray[np.float64]:
    """How much each pose looks like each person where they should be by now, 0-1; 0 when it can't be them: (P, Q).

    All at once: one by one, eight people would take longer than the pose model.
    """
    gap_s = time_s - np.array([person.seen_s for person in people])
    shift = np.array([person.speed for person in people]) * np.minimum(gap_s, AHEAD_S).astype(np.float32)[:, None]
    known, found = _Bodies.of([person.pose for person in people]), _Bodies.of(poses)
    moved = known.moved(shift)
    shared = _shared(moved, found)
    union = known.areas[:, None] + found.areas - shared
    like = (shared / np.maximum(union, np.float32(1e-9)) + oks_each(found.keypoints, moved.keypoints, known.areas)) / 2
    # Too far for an overlap: a fast move, or a return after frames without a detection.
    side, other = known.sides[:, None], found.sides
    apart = found.centres - moved.centres[:, None]
    distance = np.hypot(apart[..., 0], apart[..., 1]) / np.maximum(side, 1.0)
    near = distance < (REACH + REACH_PER_S * gap_s)[:, None]
    near &= np.maximum(side, other) < RESIZE * np.minimum(side, other)
    near |= _inside(known, found) > SAME_INSIDE
    weak = np.array([pose.score for pose in poses]) < START_SCORE
    otherwise = np.where(near & ~weak, LIKE / (1 + distance), 0.0)
    answer: NDArray[np.float64] = np.where(like > np.where(weak, LIKE_WEAK, LIKE), like, otherwise)
    return answer


def _same_body(known: Sequence[Pose], pose: Pose) -> bool:
    """Whether a detection is a second one of one of these people, or somebody just behind."""
    if not known:
        return False
    bodies, other = _Bodies.of(known), _Bodies.of([pose])
    if (_inside(bodies, other) > SAME_INSIDE).any():
        return True
    areas = np.maximum(bodies.areas, other.areas)
    return bool((oks_each(other.keypoints, bodies.keypoints, areas) > SAME_OKS).any())


class _Bodies:
    """Some people as arrays: keypoints float32 (N, 17, 3), boxes float32 (N, 4) and what follows from them."""

    def __init__(self, keypoints: FloatArray, boxes: FloatArray) -> None:
        self.keypoints, self.boxes = keypoints, boxes
        self.low, self.high = boxes[:, :2], boxes[:, 2:]
        extent = self.high - self.low
        self.areas: FloatArray = extent[:, 0] * extent[:, 1]
        self.sides: FloatArray = np.maximum(extent[:, 0], extent[:, 1])
        self.centres: FloatArray = np.asarray((self.low + self.high) / 2, np.float32)

    @classmethod
    def of(cls, poses: Sequence[Pose]) -> _Bodies:
        """Of at least one pose."""
        return cls(np.array([pose.keypoints for pose in poses]), np.array([pose.box for pose in poses]))

    def moved(self, shift: FloatArray) -> _Bodies:
        """Everybody where they are after their own shift (N, 2)."""
        keypoints = self.keypoints.copy()
        keypoints[..., :2] += shift[:, None]
        return _Bodies(keypoints, self.boxes + np.concatenate([shift, shift], axis=1))


def _shared(bodies: _Bodies, others: _Bodies) -> FloatArray:
    """The area that the boxes (P) and (Q) have in common: (P, Q)."""
    extent = np.minimum(bodies.high[:, None], others.high) - np.maximum(bodies.low[:, None], others.low)
    extent = np.maximum(extent, np.float32(0))
    shared: FloatArray = extent[..., 0] * extent[..., 1]
    return shared


def _inside(bodies: _Bodies, others: _Bodies) -> FloatArray:
    """The share of the smaller box that lies in the other, 0-1: (P, Q)."""
    smaller = np.maximum(np.minimum(bodies.areas[:, None], others.areas), np.float32(1e-6))
    return np.asarray(_shared(bodies, others) / smaller, np.float32)


def _centre(pose: Pose) -> FloatArray:
    return np.asarray((pose.box[:2] + pose.box[2:]) / 2, np.float32)


def _area(pose: Pose) -> np.float32:
    return np.float32(np.prod(pose.box[2:] - pose.box[:2]))
