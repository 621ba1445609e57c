"""Whose rep: one person is followed, whoever else is in the picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from keypoints.tracker import SubjectTracker
from keypoints.types import Pose
from tests.keypoints.people import person

SIZE = (1280, 720)
FPS = 20


class Scene:
    """Plays people to a tracker, frame by frame, and notes which of them it takes for the subject."""

    def __init__(self, fps: float = FPS) -> None:
        self.tracker = SubjectTracker()
        self.fps = fps
        self.frame = 0

    def play(self, seconds: float, people: dict[str, Callable[[float], Pose | None]]) -> list[str | None]:
        """The name of the subject in each frame; each person is a function of the seconds since this call."""
        answers: list[str | None] = []
        for i in range(round(seconds * self.fps)):
            poses = {name: pose for name, at in people.items() if (pose := at(i / self.fps)) is not None}
            found = self.tracker.update(list(poses.values()), self.frame / self.fps, SIZE)
            answers.append(next((name for name, pose in poses.items() if pose is found), None))
            self.frame += 1
        return answers


def still(x: float = 640, y: float = 400, height: float = 500, score: float = 0.9) -> Callable[[float], Pose]:
    return lambda _: person(x, y, height, score)


def walking(start_x: float, speed: float, height: float = 500, score: float = 0.9) -> Callable[[float], Pose]:
    return lambda t: person(start_x + speed * t, 400, height, score)


def test_somebody_alone_is_the_subject_at_once_and_locked_after_half_a_second() -> None:
    scene = Scene()
    assert scene.tracker.lost and scene.tracker.identity == 0
    assert scene.play(0.45, {"a": still()}) == ["a"] * 9
    assert not scene.tracker.locked
    scene.play(0.1, {"a": still()})
    assert scene.tracker.locked and not scene.tracker.lost and scene.tracker.identity == 1


@pytest.mark.parametrize(
    ("one", "other", "subject"),
    [
        (still(640, height=500), still(300, height=300), "one"),
        (still(640, height=400), still(60, height=440), "one"),  # as large nearly, but at the edge
        (still(640, height=200), still(300, height=500), "other"),
    ],
)
def test_the_largest_person_near_the_middle_is_the_subject(one, other, subject) -> None:  # type: ignore[no-untyped-def]
    answers = Scene().play(1, {"one": one, "other": other})
    assert answers == [subject] * 20


def test_before_the_lock_somebody_more_prominent_takes_over() -> None:
    scene = Scene()
    scene.play(0.3, {"bystander": still(200, height=250)})
    answers = scene.play(1, {"bystander": still(200, height=250), "athlete": still(height=600)})
    assert answers == ["athlete"] * 20
    assert scene.tracker.identity == 2


def test_after_the_lock_a_larger_person_is_ignored() -> None:
    scene = Scene()
    scene.play(1, {"a": still(500, height=350)})
    assert scene.play(3, {"a": still(500, height=350), "b": still(900, height=650)}) == ["a"] * 60


@pytest.mark.parametrize("fps", [8, 20, 60])
@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize(("speed", "height"), [(500, 500), (-800, 620), (250, 560)])
def test_a_passer_by_who_crosses_in_front_does_not_steal_the_subject(
    fps: float, hidden: bool, speed: float, height: float
) -> None:
    """hidden: the detector loses the subject while the two overlap."""
    scene = Scene(fps)
    scene.play(1, {"a": still()})
    start = -150.0 if speed > 0 else 1430.0
    seconds = 1600 / abs(speed)

    def subject(t: float) -> Pose | None:
        return None if hidden and abs(start + speed * t - 640) < 130 else person(640, 400, 500)

    answers = scene.play(seconds, {"a": subject, "passer-by": walking(start, speed, height)})
    assert "passer-by" not in answers
    assert answers[-1] == "a"
    assert scene.tracker.identity == 1


def test_a_subject_unseen_for_less_than_two_seconds_is_still_the_subject() -> None:
    scene = Scene()
    scene.play(1, {"a": still()})
    assert scene.play(1.8, {"b": still(1100, height=300)}) == [None] * 36
    assert not scene.tracker.lost
    assert scene.play(1, {"a": still(), "b": still(1100, height=300)}) == ["a"] * 20
    assert scene.tracker.identity == 1


def test_after_two_seconds_without_the_subject_the_next_is_taken() -> None:
    scene = Scene()
    scene.play(1, {"a": still()})
    answers = scene.play(3, {"b": still(1100, height=300)})
    first = answers.index("b")
    assert answers == [None] * first + ["b"] * (60 - first)
    assert first in (38, 39, 40)  # two seconds after the last frame with the subject
    assert scene.tracker.identity == 2 and scene.tracker.locked


def test_the_subject_is_lost_two_seconds_after_the_last_sight() -> None:
    scene = Scene()
    scene.play(1, {"a": still()})
    scene.play(1.9, {})
    assert not scene.tracker.lost
    scene.play(0.2, {})
    assert scene.tracker.lost and not scene.tracker.locked


@pytest.mark.parametrize(
    "stranger", [still(520, height=650), still(1000, height=200)], ids=["far larger", "too far away"]
)
def test_somebody_who_can_not_be_the_lost_subject_is_not_taken_for_them(stranger: Callable[[float], Pose]) -> None:
    scene = Scene()
    scene.play(1, {"child": still(300, height=200)})
    scene.play(0.8, {})
    assert scene.play(1, {"stranger": stranger}) == [None] * 20


def test_the_lost_subject_may_come_back_a_step_further() -> None:
    scene = Scene()
    scene.play(1, {"child": still(300, height=200)})
    scene.play(0.8, {})
    assert scene.play(1, {"child": still(480, height=200)}) == ["child"] * 20
    assert scene.tracker.identity == 1


@pytest.mark.parametrize("fps", [8, 30])
def test_a_body_that_lies_down_stays_the_subject(fps: float) -> None:
    def pose(t: float) -> Pose:
        """Upright, then down to the floor within a second: the box turns on its side."""
        share = min(max(t - 1, 0), 1)
        body = person(640, 400, 500)
        centre = np.array([640, 400 + 150 * share], np.float32)
        angle = share * np.pi / 2
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
        points = body.keypoints.copy()
        points[:, :2] = (points[:, :2] - [640, 400]) @ turn.T + centre
        box = np.concatenate([points[:, :2].min(0) - 10, points[:, :2].max(0) + 10]).astype(np.float32)
        return Pose(points, box, 0.9 if not 0.3 < share < 0.9 else 0.15)

    scene = Scene(fps)
    answers = scene.play(4, {"a": pose})
    assert answers.count("a") >= 0.9 * len(answers)
    assert scene.tracker.identity == 1


def test_weak_detections_carry_the_subject_on_but_begin_nobody() -> None:
    scene = Scene()
    assert scene.play(1, {"ghost": still(score=0.15)}) == [None] * 20
    scene.play(1, {"a": still()})
    assert scene.play(1, {"a": still(score=0.15)}) == ["a"] * 20


def test_somebody_alone_is_followed_by_their_box_while_no_joint_is_seen() -> None:
    scene = Scene()
    scene.play(1, {"a": still()})
    hidden = person(640, 400, 500, score=0.15, confidence=0.0)
    assert scene.play(1, {"a": lambda _: hidden}) == ["a"] * 20
    assert scene.play(1, {"a": still()}) == ["a"] * 20
    assert scene.tracker.identity == 1


def test_a_second_detection_of_the_same_body_changes_nothing() -> None:
    def half(_: float) -> Pose:
        """The same joints, the box cut off at the hips."""
        body = person(640, 400, 500, score=0.6)
        return Pose(body.keypoints, body.box * np.array([1, 1, 1, 0.6], np.float32), body.score)

    scene = Scene()
    scene.play(1, {"a": still()})
    assert scene.play(2, {"half": half, "a": still()}) == ["a"] * 40
    answers = scene.play(1, {"half": half})
    assert answers == ["half"] * 20  # it is the same person
    assert scene.tracker.identity == 1


def test_the_order_of_the_poses_does_not_matter() -> None:
    def identities(turned: bool) -> list[float]:
        tracker, random, seen = SubjectTracker(), np.random.default_rng(3), []
        for i in range(120):
            poses = [person(400 + 6 * i, 400, 400), person(900 - 5 * i, 380, 420), person(640, 400, 380)]
            poses = [pose for pose in poses if random.random() > 0.2]
            found = tracker.update(poses[::-1] if turned else poses, i / 20, SIZE)
            seen.append(-1.0 if found is None else float(found.box[0]))
        return seen

    assert identities(False) == identities(True)


def test_a_gap_in_the_frames_longer_than_two_seconds_begins_anew() -> None:
    tracker = SubjectTracker()
    for i in range(20):
        tracker.update([person(640, 400, 500)], i / 20, SIZE)
    other = person(1000, 400, 300)
    assert tracker.update([other], 10.0, SIZE) is other
    assert tracker.identity == 2 and not tracker.locked
