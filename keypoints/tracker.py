"""Whose rep: follow one person, the subject, through a picture with others in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from keypoints.decode import overlap
from keypoints.oks import oks
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

    @property
    def centre(self) -> FloatArray:
        return _centre(self.pose)

    def likeness(self, pose: Pose, time_s: float) -> float:
        """How much `pose` looks like this person where they should be by now, 0-1; 0 when it can't be them."""
        gap_s = time_s - self.seen_s
        shift = self.speed * np.float32(min(gap_s, AHEAD_S))
        box = self.pose.box + np.tile(shift, 2)
        keypoints = self.pose.keypoints + np.append(shift, np.float32(0)) * (self.pose.keypoints[:, 2:] > 0)
        shared = overlap(box, pose.box[None], _area(self.pose), np.array([_area(pose)]))[0]
        like = (float(shared) + oks(pose.keypoints, keypoints, float(_area(self.pose)))) / 2
        if pose.score < START_SCORE:
            return like if like > LIKE_WEAK else 0.0
        if like > LIKE:
            return like
        # Too far for an overlap: a fast move, or a return after frames without a detection.
        side, other = _side(self.pose), _side(pose)
        distance = float(np.linalg.norm(_centre(pose) - self.centre - shift)) / max(side, 1.0)
        near = distance < REACH + REACH_PER_S * gap_s and max(side, other) < RESIZE * min(side, other)
        return LIKE / (1 + distance) if near or _inside(self.pose, pose) > SAME_INSIDE else 0.0

    def seen(self, pose: Pose, time_s: float) -> None:
        gap_s = time_s - self.seen_s
        if gap_s > 0:
            share = np.float32(1 - np.exp(-gap_s / SPEED_S))
            self.speed += share * ((_centre(pose) - self.centre) / np.float32(gap_s) - self.speed)
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
        claims = [
            (person.likeness(pose, time_s), -i, -j)
            for i, person in enumerate(self._people)
            for j, pose in enumerate(poses)
        ]
        free_people, free_poses = dict(enumerate(self._people)), dict(enumerate(poses))
        for likeness, i, j in sorted(claims, reverse=True):
            if likeness > 0 and -i in free_people and -j in free_poses:
                free_people.pop(-i).seen(free_poses.pop(-j), time_s)
        for pose in free_poses.values():
            if pose.score >= START_SCORE and not any(_same_body(person.pose, pose) for person in self._people):
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


def _same_body(one: Pose, other: Pose) -> bool:
    area = float(max(_area(one), _area(other)))
    return _inside(one, other) > SAME_INSIDE or oks(other.keypoints, one.keypoints, area) > SAME_OKS


def _inside(one: Pose, other: Pose) -> float:
    """The share of the smaller box that lies in the other, 0-1."""
    low, high = np.maximum(one.box[:2], other.box[:2]), np.minimum(one.box[2:], other.box[2:])
    return float(np.prod(np.maximum(high - low, 0)) / max(min(_area(one), _area(other)), np.float32(1e-6)))


def _centre(pose: Pose) -> FloatArray:
    return np.asarray((pose.box[:2] + pose.box[2:]) / 2, np.float32)


def _area(pose: Pose) -> np.float32:
    return np.float32(np.prod(pose.box[2:] - pose.box[:2]))


def _side(pose: Pose) -> float:
    return float((pose.box[2:] - pose.box[:2]).max())
