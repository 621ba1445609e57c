"""Found once, then followed: where the pose model looks, and whose rep it still is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from configs.schema import Follow
from keypoints.estimator import Image
from keypoints.follow import CLEAR_PX
from keypoints.region import Region, scale, whole
from keypoints.subject import Sight, SubjectWatcher
from keypoints.types import Frame, Pose
from tests.keypoints.people import person

SIZE = (1280, 720)
INPUT = (256, 256)
FPS = 20
#: Nothing of it is looked at by the eyes below, so it takes no memory.
PICTURE = np.broadcast_to(np.uint8(0), (SIZE[1], SIZE[0], 3))

At = Callable[[float], Pose | None]


@dataclass
class Eyes:
    """A pose model without a network: it sees the people whom the test put there, if they are in the region, not cut
    to less than 40 %, and not too small in the input; with cut boxes and joints, as a network gives them."""

    least_px: float = 40.0
    people: list[Pose] = field(default_factory=list)
    regions: list[Region | None] = field(default_factory=list)
    takes_regions: bool = True
    name: str = "eyes"
    path: Path = Path("eyes")
    precision: str = "fp32"
    input_size: tuple[int, int] = INPUT
    input_widths: tuple[int, ...] = ()

    def prepare(self, image: Image, region: Region | None = None) -> Region:
        self.regions.append(region)
        return region or whole((image.shape[1], image.shape[0]))

    def infer(self, prepared: Region) -> list[Pose]:
        return [seen for pose in self.people if (seen := self._seen(pose, prepared)) is not None]

    def estimate(self, image: Image, region: Region | None = None) -> list[Pose]:
        return self.infer(self.prepare(image, region))

    def close(self) -> None: ...

    def _seen(self, pose: Pose, region: Region) -> Pose | None:
        low, high = np.array(region[:2], np.float32), np.array(region[2:], np.float32)
        box = np.concatenate([np.maximum(pose.box[:2], low), np.minimum(pose.box[2:], high)])
        share = np.prod(np.maximum(box[2:] - box[:2], 0)) / np.prod(pose.box[2:] - pose.box[:2])
        if share < 0.4 or (box[2:] - box[:2]).max() * scale(region, self.input_size) < self.least_px:
            return None
        inside = np.all((pose.keypoints[:, :2] >= low) & (pose.keypoints[:, :2] < high), axis=1)
        return Pose(pose.keypoints * inside[:, None], box, pose.score * float(share))


class Scene:
    """Plays people to a watcher, frame by frame, and notes whom it takes for the subject."""

    def __init__(self, fps: float = FPS, eyes: Eyes | None = None, **settings: float | bool) -> None:
        self.eyes, self.fps, self.frame = eyes or Eyes(), fps, 0
        self.watcher = SubjectWatcher(self.eyes, Follow(**settings))
        self.sights: list[Sight] = []

    def play(self, seconds: float, picture: Image = PICTURE, **people: At) -> list[str | None]:
        """The name of the subject in each frame, None where nobody is seen; each is a function of the seconds since
        this call. picture: of which something moves, for somebody who looks at more than the people."""
        answers: list[str | None] = []
        for i in range(round(seconds * self.fps)):
            here = {name: pose for name, at in people.items() if (pose := at(i / self.fps)) is not None}
            self.eyes.people = list(here.values())
            sight = self.watcher.see(Frame(picture, self.frame / self.fps, self.frame))
            self.sights.append(sight)
            answers.append(None if sight.pose is None else min(here, key=lambda name: _apart(sight.pose, here[name])))
            self.frame += 1
        return answers

    @property
    def looks(self) -> list[str]:
        return [sight.look for sight in self.sights]

    def crops(self, since: int = 0) -> list[Region]:
        return [
            r for r, s in zip(self.eyes.regions[since:], self.sights[since:], strict=True) if r and s.look == "crop"
        ]


def _apart(one: Pose | None, other: Pose) -> float:
    assert one is not None
    return float(np.abs(one.box - other.box).sum())


def still(x: float = 640, y: float = 400, height: float = 360, score: float = 0.9) -> At:
    return lambda _: person(x, y, height, score)


def walking(start_x: float, speed: float, height: float = 360, y: float = 400) -> At:
    return lambda t: person(start_x + speed * t, y, height)


def squatting(x: float = 640, y: float = 400, height: float = 360, every_s: float = 2.0) -> At:
    def at(t: float) -> Pose:
        depth = 0.4 * (1 - np.cos(2 * np.pi * t / every_s)) / 2
        body = person(x, y, height)
        foot = y + height / 2
        squeeze = np.array([1, 1 - depth, 1], np.float32)
        points = (body.keypoints - [0, foot, 0]) * squeeze + [0, foot, 0]
        box = body.box.copy()
        box[1] = foot - height * (1 - depth)
        return Pose(points.astype(np.float32), box, body.score)

    return at


def test_a_subject_who_is_locked_is_followed_in_a_crop_and_seen_whole_now_and_then() -> None:
    scene = Scene()
    assert scene.play(4, a=still()) == ["a"] * 80
    assert scene.looks[0] == "whole"
    locked = scene.looks[12:]
    assert set(locked) == {"crop", "whole"}
    wholes = [i for i, look in enumerate(locked) if look == "whole"]
    assert all(19 <= b - a <= 22 for a, b in pairwise(wholes)), "once a second"


def test_a_crop_shows_the_whole_body_larger() -> None:
    scene = Scene()
    scene.play(2, a=still())
    for crop in scene.crops():
        assert not crop.cuts(person(640, 400, 360).box, 0.08 * 360, SIZE)
        assert scale(crop, INPUT) > 1.9 * scale(whole(SIZE), INPUT)


def test_a_model_with_narrower_inputs_looks_at_narrower_crops_of_whoever_stands() -> None:
    square, narrow = Scene(), Scene(eyes=Eyes(input_widths=(128, 160, 192, 224)))
    square.play(2, a=still())
    assert narrow.play(2, a=still()) == ["a"] * 40
    for one, other in zip(square.crops(), narrow.crops(), strict=True):
        assert other.size[0] < 0.8 * one.size[0] and other.size[1] == one.size[1]
        assert not other.cuts(person(640, 400, 360).box, 0.08 * 360, SIZE)


def test_whoever_fills_the_picture_is_seen_whole_in_every_look() -> None:
    scene = Scene()
    lying = Pose(person(640, 400, 300).keypoints, np.array([100, 300, 1200, 700], np.float32), 0.9)
    assert scene.play(3, a=lambda _: lying) == ["a"] * 60
    assert set(scene.looks) == {"whole"}
    assert set(scene.eyes.regions) == {None}


@pytest.mark.parametrize("changes", [{"enabled": False}, {}])
def test_without_following_every_look_is_whole(changes: dict[str, bool]) -> None:
    scene = Scene(eyes=Eyes(takes_regions=bool(changes)), **changes)
    scene.play(1)
    assert scene.play(2, a=still()) == ["a"] * 40
    assert set(scene.eyes.regions) == {None}


def test_the_crop_stays_where_it_is_while_the_subject_does_reps() -> None:
    scene = Scene()
    answers = scene.play(12, a=squatting())
    assert set(answers[:2] + [a for a, look in zip(answers, scene.looks, strict=True) if look == "crop"]) == {"a"}
    assert len(set(scene.crops(since=80))) == 1


@pytest.mark.parametrize("fps", [8, 30])
@pytest.mark.parametrize("height", [90, 300])
def test_a_subject_who_walks_is_followed_across_the_picture(fps: float, height: float) -> None:
    scene = Scene(fps)
    scene.play(4.5, a=still(200, height=height))
    answers = scene.play(6, a=walking(200, 1.2 * height if height < 200 else 150, height))
    assert answers.count("a") >= 0.9 * len(answers)
    assert scene.sights[-1].identity == 1


@pytest.mark.parametrize("fps", [8, 25])
@pytest.mark.parametrize(("x", "y"), [(640, 400), (90, 660), (1200, 200), (330, 470)])
def test_somebody_far_is_found_in_a_tile_and_followed(fps: float, x: float, y: float) -> None:
    scene = Scene(fps, Eyes(least_px=60))
    scene.play(0.5)
    answers = scene.play(8, a=still(x, y, height=90))
    found = answers.index("a")
    assert found <= 28 * 3 / 2, "each tile once, and every third look is whole"
    later = answers[found + round(fps) :]
    assert later.count("a") >= 0.9 * len(later)
    side = max(person(x, y, 90).box[2:] - person(x, y, 90).box[:2])
    assert all(side * scale(crop, INPUT) > 2 * CLEAR_PX for crop in scene.crops()[5:])


def test_while_nobody_is_found_every_third_look_is_whole() -> None:
    scene = Scene()
    assert scene.play(3) == [None] * 60
    assert scene.looks == ["whole", "tile", "tile"] * 20


@pytest.mark.parametrize("fps", [8, 25])
@pytest.mark.parametrize(("x", "y"), [(640, 400), (90, 660), (1200, 200), (330, 470)])
def test_somebody_far_who_moves_is_found_at_once(fps: float, x: int, y: int) -> None:
    scene = Scene(fps, Eyes(least_px=60))
    scene.play(0.5)
    answers: list[str | None] = []
    for i in range(6):
        picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        picture[y - 45 : y + 45, x - 10 + 5 * i : x + 10 + 5 * i] = 200
        answers += scene.play(1 / fps, picture, a=still(x, y, height=90))
    assert "a" in answers


@pytest.mark.parametrize("tiles", [True, False])
def test_what_might_be_somebody_is_looked_at_larger_at_once(tiles: bool) -> None:
    """A model that finds only what it sees large enough, but has a notion of what is half as large."""

    class Dim(Eyes):
        def infer(self, prepared: Region) -> list[Pose]:
            clear = scale(prepared, INPUT) * 90 >= 120
            return [Pose(p.keypoints, p.box, p.score if clear else 0.15) for p in super().infer(prepared)]

    scene = Scene(eyes=Dim(least_px=60), tiles=tiles)
    answers = scene.play(4, a=still(700, 380, height=90))
    assert ("a" in answers) == tiles
    if tiles:
        first = answers.index("a")
        before, then = (scale(region or whole(SIZE), INPUT) for region in scene.eyes.regions[first - 1 : first + 1])
        assert then >= 1.25 * before


def test_what_is_taken_for_somebody_and_is_nobody_does_not_end_the_search() -> None:
    """A coat on a stand: the model is half sure of it, from near and far, again and again."""
    scene = Scene(eyes=Eyes(least_px=20))
    scene.play(20, coat=still(200, 300, height=100, score=0.15))
    looks = {region for region in scene.eyes.regions if region is not None}
    everywhere = np.zeros((SIZE[1], SIZE[0]), bool)
    for region in looks:
        everywhere[region.top : region.bottom, region.left : region.right] = True
    assert everywhere.all()
    assert scene.looks.count("whole") >= 20 * FPS / 5


def test_a_part_of_somebody_at_the_edge_of_a_tile_is_nobody() -> None:
    """Somebody too near for tiles, whom the whole look misses for a while."""

    class Missing(Eyes):
        parts = 0

        def infer(self, prepared: Region) -> list[Pose]:
            seen = super().infer(prepared)
            self.parts += sum(pose.box[3] - pose.box[1] < 300 for pose in seen)
            return [] if prepared == whole(SIZE) else seen

    scene = Scene(eyes=Missing())
    large = still(height=330)
    scene.play(5, a=large)
    assert scene.eyes.parts
    first = next(sight.pose for sight in scene.sights if sight.pose is not None)
    assert np.allclose(first.box, large(0).box), "the first pose is of all of them"


def test_before_the_lock_somebody_nearer_takes_over() -> None:
    scene = Scene()
    scene.play(0.3, far=still(300, 300, height=120))
    answers = scene.play(1, far=still(300, 300, height=120), near=still(height=600))
    assert answers[2:] == ["near"] * 18


def test_after_the_lock_nobody_else_is_the_subject() -> None:
    scene = Scene()
    scene.play(1, a=still(500, height=250))
    answers = scene.play(3, a=still(500, height=250), b=still(620, height=300), c=still(1000, height=650))
    assert set(answers) == {"a", None} and answers.count("a") >= 55


@pytest.mark.parametrize("fps", [8, 20, 60])
@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize(
    ("subject", "speed", "height"), [(500, 500, 500), (500, -800, 620), (500, 250, 560), (200, 300, 220), (90, 120, 95)]
)
def test_a_passer_by_does_not_steal_the_subject(
    fps: float, hidden: bool, subject: float, speed: float, height: float
) -> None:
    """hidden: the subject is not seen while the two overlap."""
    scene = Scene(fps)
    scene.play(2, a=still(height=subject))
    start = -150.0 if speed > 0 else 1430.0

    def behind(t: float) -> Pose | None:
        near = 0.2 * (subject + height) * 0.65
        return None if hidden and abs(start + speed * t - 640) < near else person(640, 400, subject)

    answers = scene.play(1580 / abs(speed), a=behind, passer=walking(start, speed, height))
    answers += scene.play(1, a=still(height=subject))
    assert answers[-1] == "a"
    assert {sight.identity for sight in scene.sights} - {0} == {1}
    stolen = sum(answer == "passer" for answer in answers)
    assert stolen <= 1, f"{stolen} of {len(answers)}"


def test_a_subject_unseen_for_less_than_two_seconds_is_found_again_beside() -> None:
    scene = Scene()
    assert scene.play(3, a=still(400, height=90))[-1] == "a"
    assert set(scene.play(1.5)) == {None}
    assert "tile" not in scene.looks[60:], "whoever is found there could not be the subject"
    assert scene.play(1, a=still(480, height=90))[-1] == "a"
    assert scene.sights[-1].identity == 1


def test_two_seconds_after_the_subject_left_the_next_is_followed() -> None:
    scene = Scene()
    scene.play(2, a=still(400, height=120))
    answers = scene.play(4, b=still(1000, height=400))
    first = answers.index("b")
    assert 38 <= first <= 42
    assert answers[first:] == ["b"] * (80 - first)
    assert scene.sights[-1].identity == 2 and "crop" in scene.looks[-5:]


def test_a_subject_of_whom_the_model_is_unsure_is_looked_at_whole_more_often() -> None:
    scene = Scene()
    scene.play(3, a=still())
    before = scene.looks[20:].count("whole")
    scene.play(2, a=still(score=0.3))
    assert scene.looks[60:].count("whole") >= 2 * before >= 2


def test_joints_too_small_to_be_read_are_not_taken_for_the_subjects() -> None:
    """A whole look that finds somebody far, but roughly, leaves a gap of one frame, and comes seldom."""
    scene = Scene(eyes=Eyes(least_px=10))
    scene.play(1, a=still(height=120))
    scene.play(8, a=still(height=120))
    later = scene.sights[20:]
    assert [s.pose is None for s in later] == [s.look == "whole" for s in later]
    assert sum(s.look == "whole" for s in later) <= 4


def test_a_picture_of_another_size_is_begun_anew() -> None:
    eyes = Eyes()
    watcher = SubjectWatcher(eyes)
    for i in range(30):
        eyes.people = [person(640, 400, 300)]
        watcher.see(Frame(PICTURE, i / FPS, i))
    assert eyes.regions[-1] is not None
    assert watcher.see(Frame(PICTURE[:360, :640], 1.5, 30)).look == "whole"


def test_the_same_pictures_give_the_same_looks() -> None:
    def play() -> list[Region | None]:
        scene = Scene()
        scene.play(1)
        scene.play(2, a=squatting(height=90), b=walking(0, 400))
        return scene.eyes.regions

    assert play() == play()


def test_time_alone_says_when_not_the_number_of_frames() -> None:
    def whole_share(fps: float) -> float:
        scene = Scene(fps)
        scene.play(10, a=still())
        return scene.looks[round(fps) :].count("whole") / 9

    assert whole_share(60) == pytest.approx(whole_share(12), abs=0.25)


def test_where_the_next_looks_go_is_foreseen_and_asking_changes_nothing() -> None:
    def play(asking: bool) -> tuple[list[Region | None], list[Region | None], list[list[Region | None]]]:
        scene, foreseen = Scene(), []
        nobody: At = lambda t: None  # noqa: E731
        for at in (nobody, squatting(height=200), walking(640, 60, height=200), nobody, still(300, height=200)):
            for i in range(2 * FPS):
                if asking:
                    coming = [Frame(PICTURE, (scene.frame + ahead) / FPS, 0) for ahead in range(3)]
                    foreseen.append(scene.watcher.foresee(coming))
                    scene.watcher.foresee(coming)
                scene.play(1 / FPS, a=lambda _, at=at, i=i: at(i / FPS))
        return [s.look for s in scene.sights], scene.eyes.regions, foreseen

    looks, regions, foreseen = play(asking=True)
    assert (looks, regions) == play(asking=False)[:2]
    assert [first for first, *_ in foreseen] == regions
    after_next = [third == regions[i + 2] for i, (*_, third) in enumerate(foreseen[:-2])]
    assert np.mean(after_next) > 0.8
