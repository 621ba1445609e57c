"""Every stage of the chain by itself, and the chain, on frames of the demo clip, with pytest-benchmark.

    python -m pytest tests/benchmarks/stages.py
    python -m pytest tests/benchmarks/stages.py --benchmark-autosave    # and later, after a change:
    python -m pytest tests/benchmarks/stages.py --benchmark-compare

It is no test, so its name does not begin with `test_` and `make test` leaves it out. `repsight benchmark` measures the
same stages inside of the running chain; here each is repeated by itself, with warm caches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

from classifier.counter import RepCounter
from classifier.head import SHIPPED, OnnxHead
from classifier.reader import ActionReader
from classifier.window import Tick, Window
from configs.loader import load, load_actions
from configs.schema import Counting, Run
from edge.benchmark.chain import Endless
from edge.draw import draw
from edge.history.log import SessionLog
from edge.pipeline import Pipeline
from edge.reading import Reading
from edge.scoreboard import Scoreboard
from keypoints.smoothing import PoseSmoother
from keypoints.tracker import SubjectTracker
from keypoints.types import Frame, Pose
from keypoints.yolo import YoloPose

FRAMES = 48

#: What pytest-benchmark's fixture is called with.
Benchmark = Callable[..., Any]


@pytest.fixture(scope="module")
def source() -> Iterator[Endless]:
    with Endless("demo", Run()) as opened:
        yield opened


@pytest.fixture(scope="module")
def frames(source: Endless) -> list[Frame]:
    """The first seconds of the demo clip."""
    return [item for item in islice(source, FRAMES) if isinstance(item, Frame)]


@pytest.fixture(scope="module")
def estimator() -> YoloPose:
    return YoloPose(threads=1)


@pytest.fixture(scope="module")
def people(estimator: YoloPose, frames: list[Frame]) -> list[list[Pose]]:
    return [estimator.estimate(frame.image) for frame in frames]


@pytest.fixture(scope="module")
def head() -> OnnxHead:
    return OnnxHead(SHIPPED)


@pytest.fixture
def pipeline(estimator: YoloPose, head: OnnxHead) -> Pipeline:
    return Pipeline(estimator, ActionReader(head, settings=load(Counting, "counting.yaml")))


@pytest.fixture
def readings(pipeline: Pipeline, frames: list[Frame]) -> list[Reading]:
    return [pipeline.read(frame) for frame in frames]


class Later:
    """The frames' times again and again, going on: trackers and windows know no way back."""

    def __init__(self, frames: list[Frame]) -> None:
        self._places = cycle(range(len(frames)))
        self._step_s, self.time_s = frames[1].time_s - frames[0].time_s, 0.0

    def __call__(self) -> int:
        self.time_s += self._step_s
        return next(self._places)


def test_decode(benchmark: Benchmark) -> None:
    with Endless("demo", Run()) as opened:
        items = iter(opened)
        benchmark(lambda: next(items))


def test_letterbox(benchmark: Benchmark, estimator: YoloPose, frames: list[Frame]) -> None:
    places = Later(frames)
    benchmark(lambda: estimator.prepare(frames[places()].image))


def test_pose(benchmark: Benchmark, estimator: YoloPose, frames: list[Frame]) -> None:
    prepared = estimator.prepare(frames[0].image)
    benchmark(lambda: estimator.infer(prepared))


def test_track(benchmark: Benchmark, people: list[list[Pose]], frames: list[Frame]) -> None:
    tracker, later = SubjectTracker(), Later(frames)
    size = frames[0].image.shape[1::-1]
    benchmark(lambda: tracker.update(people[later()], later.time_s, size))


def test_smooth(benchmark: Benchmark, people: list[list[Pose]], frames: list[Frame]) -> None:
    smoother, later = PoseSmoother(), Later(frames)
    benchmark(lambda: smoother.update(people[later()][0], later.time_s))


def test_window(benchmark: Benchmark, people: list[list[Pose]], frames: list[Frame], head: OnnxHead) -> None:
    window, later = Window(head.card.window, head.card.rate_hz), Later(frames)
    benchmark(lambda: window.push(later.time_s, people[later()][0].keypoints))


def ticks(people: list[list[Pose]], frames: list[Frame], head: OnnxHead) -> list[Tick]:
    """What the head is asked meanwhile."""
    window = Window(head.card.window, head.card.rate_hz)
    return [
        tick
        for frame, found in zip(frames, people, strict=True)
        for tick in window.push(frame.time_s, found[0].keypoints)
    ]


def test_head(benchmark: Benchmark, people: list[list[Pose]], frames: list[Frame], head: OnnxHead) -> None:
    _, sample = ticks(people, frames, head)[-1]
    benchmark(lambda: head(sample))


def test_count(benchmark: Benchmark, people: list[list[Pose]], frames: list[Frame], head: OnnxHead) -> None:
    actions, settings = load_actions(), load(Counting, "counting.yaml")
    counter, later = RepCounter(head.card.actions, actions, settings), Later(frames)
    known = [(window[-1], head(window)) for _, window in ticks(people, frames, head)]
    again = cycle(known)

    def count() -> None:
        later()
        keypoints, prediction = next(again)
        counter.update(later.time_s, keypoints, prediction)

    benchmark(count)


def test_draw(benchmark: Benchmark, readings: list[Reading], frames: list[Frame]) -> None:
    scoreboard, later = Scoreboard(), Later(frames)
    boards = [scoreboard.update(reading) for reading in readings]

    def paint() -> None:
        place = later()
        image = frames[place].image
        draw(image, readings[place].pose, boards[place], (image.shape[1], image.shape[0]))

    benchmark(paint)


def test_log(benchmark: Benchmark, readings: list[Reading], frames: list[Frame], tmp_path: Path) -> None:
    later = Later(frames)
    with SessionLog(tmp_path) as log:
        log.begin("demo")
        benchmark(lambda: log.add(readings[later()]))


def test_chain(benchmark: Benchmark, pipeline: Pipeline, frames: list[Frame]) -> None:
    scoreboard, later = Scoreboard(), Later(frames)

    def chain() -> None:
        frame = frames[later()]
        reading = pipeline.read(Frame(frame.image, later.time_s, 0))
        draw(frame.image, reading.pose, scoreboard.update(reading), frame.image.shape[1::-1])

    benchmark(chain)
