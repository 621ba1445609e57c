"""A machine that is too slow or too hot does less, by a rule that can be seen, and counts the same."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from classifier.head import OnnxHead
from classifier.reader import ActionReader
from configs.keep_up import KeepUp
from edge.keep_up import ASK_S, CALM_S, Change, Heat, Keeper, Step
from edge.outcome import Outcome
from edge.pipeline import Pipeline
from edge.report import Report
from edge.run import Runner
from edge.screens import Screen
from edge.sources import Item, Lost
from keypoints.types import Frame, KeypointSequence, Pose

FULL, FIFTEEN, TEN, SMALL = Step(), Step(15), Step(10), Step(10, small=True)


def play(keeper: Keeper, seconds: float, ms: float, since_s: float = 0.0, fps: float = 10) -> list[Change]:
    """The changes while every frame takes so long."""
    changes = [keeper.add(since_s + i / fps, ms) for i in range(round(seconds * fps))]
    return [change for change in changes if change is not None]


def test_a_slow_machine_goes_down_a_step_at_a_time_and_stays_at_the_last() -> None:
    keeper = Keeper(KeepUp(target_ms=100, fps=(10, 15), pose="small.onnx"))
    changes = play(keeper, 20, 150)
    assert [(change.step, change.why) for change in changes] == [(FIFTEEN, "slow"), (TEN, "slow"), (SMALL, "slow")]
    assert np.diff([0, *(change.at_s for change in changes)]).min() >= 2
    assert changes[0].median_ms == 150
    assert keeper.step == SMALL


def test_a_machine_that_keeps_up_is_left_alone_and_a_single_slow_frame_is_none() -> None:
    keeper = Keeper(KeepUp(target_ms=100))
    assert play(keeper, 20, 99) == []
    assert [keeper.add(20 + i / 10, 900 if i % 10 == 0 else 50) for i in range(100)] == [None] * 100


def test_it_goes_up_again_after_a_while_of_calm_and_not_when_it_only_just_keeps_up() -> None:
    keeper = Keeper(KeepUp(target_ms=100))
    play(keeper, 3, 150)
    assert keeper.step == FIFTEEN
    assert play(keeper, 30, 90, since_s=3) == []
    (change,) = play(keeper, CALM_S + 3, 50, since_s=33)
    assert (change.step, change.why) == (FULL, "calm")


def test_each_step_up_that_was_too_early_makes_the_next_one_later() -> None:
    keeper, ups, last_s = Keeper(KeepUp(target_ms=100, fps=(15,))), [], 0.0
    for i in range(6000):
        change = keeper.add(i / 10, 150 if keeper.step == FULL else 50)
        if change is not None:
            if change.why == "calm":
                ups.append(change.at_s - last_s)
            last_s = change.at_s
    assert len(ups) >= 4
    assert all(b > 1.7 * a for a, b in pairwise(ups) if b < 250)


def test_heat_steps_down_without_a_target_and_cool_steps_up() -> None:
    hot = True
    keeper = Keeper(KeepUp(target_ms=None), lambda time_s: hot)
    assert [change.why for change in play(keeper, 5, 5)] == ["hot", "hot"]
    hot = False
    assert [change.step for change in play(keeper, 2 * CALM_S + 6, 5000, since_s=5)] == [FIFTEEN, FULL]


def test_what_came_before_the_camera_was_lost_does_not_count() -> None:
    keeper = Keeper(KeepUp(target_ms=100))
    assert play(keeper, 1.9, 150) == []
    keeper.lost(5.0)
    assert play(keeper, 2, 50, since_s=5) == []


@pytest.mark.parametrize(
    ("answer", "hot"),
    [("throttled=0x4", True), ("throttled=0x2", True), ("throttled=0x8", True), ("throttled=0x1", False),
     ("throttled=0x50000", False), ("throttled=0x0", False), ("VCHI initialization failed", False), ("", False)],
)  # fmt: skip
def test_a_pi_says_whether_it_is_hot(answer: str, hot: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "vcgencmd"
    command.write_text(f'#!/bin/sh\necho "{answer}"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with Heat() as heat:
        assert not heat(0.0), "no frame waits for the answer"
        heat._thread.submit(int).result(20)
        assert heat(0.1) is hot


def test_a_machine_without_the_command_is_asked_once_and_a_pi_now_and_then() -> None:
    answers, asked = [None, "throttled=0x4"], []

    def ask(answer: str | None) -> str | None:
        asked.append(answer)
        return answer

    for answer in answers:
        with Heat(lambda answer=answer: ask(answer)) as heat:
            for i in range(30):
                heat(i * ASK_S / 10)
                heat._thread.submit(int).result(20)
    assert asked == [None, "throttled=0x4", "throttled=0x4", "throttled=0x4"]


class Clock:
    """Time that passes when a model works, and not otherwise."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Camera:
    """Films a recording: whoever asks gets the frame of the moment, or waits for the next one."""

    live, name, size, fps, notice, decode_ms = True, "camera", (640, 480), 30.0, None, 1.0

    def __init__(self, sequence: KeypointSequence, clock: Clock) -> None:
        self.clock, self.began_s, self.end_s = clock, clock.now_s, float(sequence.time_s[-1])

    def __iter__(self) -> Iterator[Item]:
        given = -1
        while True:
            given = max(given + 1, int((self.clock.now_s - self.began_s) * self.fps))
            time_s = given / self.fps
            self.clock.now_s = max(self.clock.now_s, self.began_s + time_s)
            if time_s > self.end_s:
                return
            yield Frame(np.zeros((48, 64, 3), np.uint8), time_s, given) if given else Lost(0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class Slow:
    """A pose model that knows the recording, and takes its time."""

    takes_regions, name, path, precision = False, "slow", Path("slow"), "fp32"

    def __init__(self, sequence: KeypointSequence, clock: Clock, ms: float, side: int = 64) -> None:
        self.sequence, self.clock, self.ms, self.input_size, self.looks = sequence, clock, ms, (side, side), 0
        self.began_s = clock.now_s

    def prepare(self, image: Any, region: Any = None) -> None:
        return None

    def infer(self, prepared: None) -> list[Pose]:
        at = np.searchsorted(self.sequence.time_s, self.clock.now_s - self.began_s)
        keypoints = self.sequence.keypoints[min(int(at), len(self.sequence) - 1)]
        self.clock.now_s += self.ms / 1000
        self.looks += 1
        return [Pose(keypoints, np.array([280, 80, 360, 450], np.float32), 0.9)]

    def estimate(self, image: Any, region: Any = None) -> list[Pose]:
        return self.infer(self.prepare(image, region))

    def close(self) -> None: ...


class Watcher(Screen):
    """Notes what is said, and the corner of the board."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.corners: set[str] = set()

    def show(self, picture: Any, board: Any, reading: Any) -> bool:
        self.corners.add(board.elapsed.rpartition("  ")[0])
        return True

    def say(self, line: str) -> None:
        self.said.append(line)


@pytest.mark.parametrize("ms", [5, 60, 120, 240])
def test_a_slow_machine_counts_what_a_fast_one_counts(
    ms: float, squats: Any, tiny_head: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequence, clock = KeypointSequence.load(squats(8)), Clock()
    monkeypatch.setattr(time, "perf_counter", clock)
    large, small = Slow(sequence, clock, ms), Slow(sequence, clock, ms / 4, side=32)
    pipeline = Pipeline(large, ActionReader(OnnxHead(tiny_head)), small=small)
    report, screen = Report("camera"), Watcher()
    keeper = Keeper(KeepUp(target_ms=100, pose="small.onnx"))
    runner = Runner(Camera(sequence, clock), pipeline, screen, Outcome(report), keeper=keeper)
    runner.run(lambda: False)
    content = json.loads(json.dumps(report.content()))
    assert content["totals"] == {"squat": 8}
    steps = [(step["fps"], step["small_pose"], step["why"]) for step in content["steps"]]
    if ms <= 100:
        assert steps == [] and screen.said == [] and screen.corners == {""} and small.looks == 0
        return
    assert steps[:3] == [(15, False, "slow"), (10, False, "slow"), (10, True, "slow")]
    assert small.looks > 0
    assert {"", "15 fps", "10 fps", "10 fps 32 px"} <= screen.corners
    assert screen.said[0] == f"this machine is too slow ({ms} ms a picture): it looks at 15 fps"
