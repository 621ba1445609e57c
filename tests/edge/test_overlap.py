"""Decode, look and draw at the same time: the same readings as one after the other, and every end as clean."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from classifier.head import OnnxHead
from classifier.reader import ActionReader
from edge.ahead import Ahead, Scout
from edge.eyes import in_turn, overlapped
from edge.outcome import Outcome
from edge.pipeline import Pipeline
from edge.report import Report
from edge.run import Runner, load_settings, run
from edge.screens import Screen
from edge.sources import Item, Lost
from keypoints.estimator import Image
from keypoints.region import Region
from keypoints.subject import Sight
from keypoints.types import Frame, Pose
from tests.keypoints.people import STANDING

FPS = 20


@dataclass
class Eyes:
    """A pose model without a network: it finds the bright rectangle in what it is shown."""

    takes_regions: bool = True
    before: Callable[[], None] = lambda: None
    looks: list[Region | None] = field(default_factory=list)
    name: str = "eyes"
    path: Path = Path("eyes")
    precision: str = "fp32"
    input_size: tuple[int, int] = (64, 64)

    def prepare(self, image: Image, region: Region | None = None) -> tuple[Image, Region]:
        self.looks.append(region)
        where = region or Region(0, 0, image.shape[1], image.shape[0])
        return image[where.top : where.bottom, where.left : where.right, 0], where

    def infer(self, prepared: tuple[Image, Region]) -> list[Pose]:
        self.before()
        picture, where = prepared
        rows, columns = (np.flatnonzero((picture > 128).any(axis)) for axis in (1, 0))
        if len(rows) < 4:
            return []
        box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32) + np.tile(where[:2], 2)
        points = box[:2] + STANDING / [0.4, 1] * (box[2:] - box[:2])
        keypoints = np.concatenate([points, np.full((17, 1), 0.9)], 1).astype(np.float32)
        return [Pose(keypoints, box.astype(np.float32), 0.9)]

    def estimate(self, image: Image, region: Region | None = None) -> list[Pose]:
        return self.infer(self.prepare(image, region))

    def close(self) -> None: ...


class Film:
    """Pictures of somebody who squats, walks off to the right, is gone for three seconds, and comes back."""

    live, name, size, fps, decode_ms = False, "film", (640, 360), float(FPS), 0.1

    def __init__(self, frames: int = 160, trouble: Exception | None = None) -> None:
        self.frames, self.trouble, self.given = frames, trouble, 0
        self.notice: str | None = None

    def __iter__(self) -> Iterator[Item]:
        for index in range(self.frames):
            time_s, self.given = index / FPS, index + 1
            top = 60 + 85 * (1 - np.cos(np.pi * time_s))
            left = int(200 + max(0.0, 120 * (time_s - 2))) % 560
            image = np.zeros((360, 640, 3), np.uint8)
            if not 3.5 < time_s < 6.5:
                image[int(top) : 330, left : left + 80] = 255
            yield Frame(image, time_s, index)
        if self.trouble is not None:
            raise self.trouble
        self.notice = "ends early"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class Camera(Film):
    """A live source: a frame whenever it is asked, and in between it is lost."""

    live = True

    def __iter__(self) -> Iterator[Item]:
        for item in super().__iter__():
            yield item
            if item.time_s == 1.0:
                yield Lost(1.01)


class Watcher(Screen):
    """Notes what it is shown, and does what the test wants at it."""

    def __init__(self, shown: Callable[[int], bool] = lambda count: True) -> None:
        self.states: list[str] = []
        self.shown = shown

    def show(self, picture: Any, board: Any, reading: Any) -> bool:
        self.states.append(reading.state)
        return self.shown(len(self.states))


def runner(source: Any, head: Path, eyes: Eyes, screen: Screen | None = None, workers: int = 2) -> Runner:
    pipeline = Pipeline(eyes, ActionReader(OnnxHead(head)))
    return Runner(source, pipeline, screen or Screen(), Outcome(Report("film")), workers=workers)


def content(report: Report) -> dict[str, Any]:
    """Everything but the timings."""
    found = report.content()
    looks = {look: taken["frames"] for look, taken in found.pop("looks").items()}
    return {k: v for k, v in found.items() if k not in ("latency_ms", "fps")} | {"looks": looks}


def threads() -> set[str]:
    return {thread.name.split("_")[0] for thread in threading.enumerate()} & {"decode", "eyes", "pose"}


def count(workers: int, head: Path, **more: Any) -> tuple[dict[str, Any], Eyes]:
    eyes = Eyes(before=lambda: time.sleep(0.001))
    one = runner(Film(), head, eyes, workers=workers)
    one.run(lambda: False, **more)
    return content(one._outcome.report) | {"notice": one.notice}, eyes


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("more", [{}, {"max_frames": 50}, {"fps": 7}], ids=str)
def test_a_film_gives_the_same_report_however_many_of_its_frames_are_looked_at_at_a_time(
    tiny_head: Path, workers: int, more: dict[str, Any]
) -> None:
    expected, eyes = count(0, tiny_head, **more)
    found, many_eyes = count(workers, tiny_head, **more)
    assert found == expected
    assert expected["totals"] or more
    assert expected["notice"] == (None if "max_frames" in more else "ends early")
    assert len(many_eyes.looks) >= len(eyes.looks) and {None} < set(eyes.looks)


@pytest.mark.parametrize("make", [Film, Camera])
def test_every_frame_is_seen_the_same_in_the_same_order(make: type[Film], tiny_head: Path) -> None:
    def told(sight: Sight | None) -> tuple[Any, ...]:
        if sight is None:
            return ()
        return sight.identity, sight.look, None if sight.pose is None else sight.pose.keypoints.tobytes()

    def sights(workers: int) -> list[tuple[Any, ...]]:
        source, pipeline = make(), Pipeline(Eyes(), ActionReader(OnnxHead(tiny_head)))
        seen = overlapped(source, source, pipeline, workers) if workers else in_turn(source, source, pipeline)
        return [
            (
                s.item.time_s,
                s.sight and (s.sight.identity, s.sight.look, s.sight.pose and s.sight.pose.keypoints.tobytes()),
            )
            for s in seen
        ]

    assert sights(2) == sights(0)


def test_a_films_next_frames_are_looked_at_while_one_is_shown(tiny_head: Path) -> None:
    eyes, others, film = Eyes(), threading.Event(), Film(6)

    def before() -> None:
        while film.given < 3:  # so that the second frame is there when the first has been looked at
            time.sleep(0.001)
        if len(eyes.looks) >= 2:
            others.set()

    eyes.before = before
    one = runner(film, tiny_head, eyes, Watcher(lambda shown: others.wait(20)))
    one.run(lambda: False)
    assert one._outcome.report.frames == 6


def test_a_cameras_next_frame_is_looked_at_while_one_is_shown_and_no_frame_waits(tiny_head: Path) -> None:
    eyes, other, camera = Eyes(), threading.Event(), Camera(6)
    eyes.before = lambda: other.set() if len(eyes.looks) >= 2 else None
    ahead: list[int] = []

    def shown(number: int) -> bool:
        ahead.append(camera.given - number)
        return other.wait(20)

    one = runner(camera, tiny_head, eyes, Watcher(shown))
    one.run(lambda: False)
    assert one._outcome.report.frames == 6
    assert max(ahead) <= 1, "one is looked at, and the newest is taken when that is done"


def test_a_camera_that_is_lost_and_found_is_shown_so(tiny_head: Path) -> None:
    screen = Watcher()
    one = runner(Camera(30), tiny_head, Eyes(), screen)
    one.run(lambda: False)
    assert screen.states.count("camera lost") == 1 and screen.states.index("camera lost") == 21
    assert one._outcome.report.frames == 30, "what is lost is no frame"


def test_the_stages_of_a_frame_lie_within_its_chain(tiny_head: Path) -> None:
    eyes = Eyes(before=lambda: time.sleep(0.001))
    one = runner(Film(40), tiny_head, eyes)
    readings: list[Any] = []
    add = one._outcome.report.add
    one._outcome.report.add = lambda reading: (readings.append(reading), add(reading))[1]  # type: ignore[method-assign]
    one.run(lambda: False)
    assert len(readings) == 40
    for reading in readings:
        inside = [ms for stage, ms in reading.stage_ms.items() if stage not in ("decode", "log", "chain")]
        assert {"decode", "letterbox", "pose", "track", "smooth", "draw", "chain"} <= set(reading.stage_ms)
        assert 1.0 <= reading.stage_ms["pose"] and sum(inside) <= reading.stage_ms["chain"]


@pytest.mark.parametrize("end", ["quit", "stopped", "frames"])
@pytest.mark.parametrize("make", [Film, Camera])
def test_whatever_ends_a_run_leaves_no_thread_and_reads_hardly_on(make: type[Film], end: str, tiny_head: Path) -> None:
    source, asked = make(), iter([False] * 9 + [True])
    screen = Watcher(lambda shown: end != "quit" or shown < 10)
    one = runner(source, tiny_head, Eyes(), screen)
    one.run(lambda: end == "stopped" and next(asked), max_frames=10 if end == "frames" else None)
    assert one._outcome.report.frames == 10
    assert source.given <= 10 + 8
    assert not threads()


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_the_source_comes_after_its_last_frame(workers: int, tiny_head: Path) -> None:
    one = runner(Film(12, ValueError("damaged")), tiny_head, Eyes(), workers=workers)
    with pytest.raises(ValueError, match="damaged"):
        one.run(lambda: False)
    assert one._outcome.report.frames == 12
    assert not threads()


@pytest.mark.parametrize("make", [Film, Camera])
def test_an_error_of_the_estimator_comes_at_its_frame(make: type[Film], tiny_head: Path) -> None:
    eyes = Eyes()

    def fail() -> None:
        if len(eyes.looks) == 1:
            raise RuntimeError("no more memory")

    eyes.before = fail
    one = runner(make(), tiny_head, eyes)
    with pytest.raises(RuntimeError, match="no more memory"):
        one.run(lambda: False)
    assert one._outcome.report.frames == 0
    assert not threads()


def test_what_works_ahead_goes_no_further_than_it_may() -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(6):
            taken.append(number)
            yield number
        raise ValueError("here")

    with Ahead(numbers(), 2, "numbers") as ahead:
        got = []
        for number in ahead:
            got.append(number)
            assert len(taken) <= number + 3
            if number == 5:
                break
        time.sleep(0.01)
        assert not ahead.ready(), "an error is no item"
        with pytest.raises(ValueError, match="here"):
            next(ahead)
    assert got == list(range(6))
    with Ahead(range(1), 2, "numbers") as ahead:
        assert next(ahead) == 0
        time.sleep(0.01)
        assert not ahead.ready(), "nor is the end"
    assert not {thread.name for thread in threading.enumerate() if thread.name.startswith("numbers")}


def test_a_wrong_guess_is_looked_at_again_and_a_right_one_is_not() -> None:
    looked_in: set[str] = set()
    eyes, frame = Eyes(before=lambda: looked_in.add(threading.current_thread().name)), next(iter(Film()))
    assert isinstance(frame, Frame)
    left, right = Region(0, 0, 180, 360), Region(180, 0, 400, 360)
    with Scout(eyes, 1) as scout:
        scout.expect([frame], [right])
        people, stage_ms = scout.look(frame, right)
        assert len(people) == 1 and set(stage_ms) == {"letterbox", "pose"}
        scout.expect([frame], [left])
        scout.look(frame, left)
        scout.expect([frame], [left])
        assert len(scout.look(frame, right)[0]) == 1
    assert eyes.looks.count(right) == 2 and len(eyes.looks) in (3, 4)
    assert looked_in == {"pose_0"}, "no other thread takes the memory that a look needs"


def test_no_thread_holds_on_to_a_picture_that_it_has_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    hand_over = Future.set_result

    def slowly(self: Future[Any], result: Any) -> None:
        hand_over(self, result)
        time.sleep(0.1)  # another thread's turn comes, and this one's is far away

    monkeypatch.setattr(Future, "set_result", slowly)
    with Ahead((np.zeros(9) for _ in range(3)), 1, "numbers") as ahead:
        assert not any(weakref.ref(next(ahead))() is not None for _ in range(3))
    with Scout(Eyes(), 1) as scout:
        for index in range(3):
            frame = Frame(np.zeros((4, 4, 3), np.uint8), index / FPS, index)
            held = weakref.ref(frame.image)
            scout.look(frame, None)
            del frame
            assert held() is None


def test_an_estimator_that_follows_on_its_own_gets_every_frame_in_its_order(tiny_head: Path) -> None:
    eyes = Eyes(takes_regions=False)
    assert Scout(eyes, 4).workers == 1
    one = runner(Film(30), tiny_head, eyes, workers=4)
    one.run(lambda: False)
    assert eyes.looks == [None] * 30


def test_the_demo_is_counted_the_same_with_the_shipped_models() -> None:
    def counted(overlap: str) -> dict[str, Any]:
        settings, counting = load_settings(
            overrides=["source=demo", "screen=none", "log=none", "threads=1", f"overlap={overlap}"]
        )
        return content(run(settings, counting, max_frames=75).report)

    assert counted("true") == counted("false")
