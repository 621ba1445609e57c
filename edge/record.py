"""Record reps of one exercise as a labelled keypoint sequence, which `train-head --add` learns from."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from classifier.practice import check_name, lesson
from configs.language import Said
from configs.saved import save_config
from configs.schema import Run
from edge.local import local_models
from edge.models import Models
from edge.outcome import Outcome
from edge.reading import Reading
from edge.report import Report, check_writable
from edge.run import Runner, choose_source, keep_inputs
from edge.scoreboard import Board
from edge.screens import open_screen
from edge.sources import never, open_source
from edge.words import Tone, Words, clock, language_of, words_in
from keypoints.errors import InputError
from keypoints.types import FloatArray, KeypointSequence

#: Seconds that a person in front of a camera gets to take the start posture.
COUNTDOWN_S = 5.0
#: Seconds after which a recording ends by itself.
LONGEST_S = 30.0

_KEYS = frozenset({" ", "\r", "\n"})


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording on disk: how long it is, how many reps are found in it, what is wrong with it, if anything, and
    whether it ended because it had become as long as it may, while the source may have gone on."""

    path: Path
    seconds: float
    reps: int
    trouble: str | None = None
    cut: bool = False


class Recorder:
    """What the screen shows while a recording is made, and what is recorded: one pose a frame.

    It counts down from the first frame with a person in it, records, and is then `done`; a key ends the countdown or
    the recording at once.
    """

    def __init__(self, name: str, countdown_s: float, seconds: float, words: Words | None = None) -> None:
        """words: what the screen says; English without them."""
        self._words = words or words_in()
        self._title = self._words.title(name)
        self._countdown_s, self._seconds = countdown_s, seconds
        self._seen_s: float | None = None
        self._start_s: float | None = None
        self._pressed = False
        self.done = self.cut = False
        self.poses: list[FloatArray] = []
        self.times: list[float] = []

    def press(self, key: str) -> None:
        """Space or Enter begins the recording, and ends it."""
        self._pressed = self._pressed or key in _KEYS

    def update(self, reading: Reading) -> Board:
        """Take what there is to record of one reading, and give what to show."""
        pressed, self._pressed = self._pressed, False
        now_s = reading.time_s
        if self._seen_s is None and reading.pose is not None:
            self._seen_s = now_s
        if self._start_s is None:
            left_s = self._countdown_s - (now_s - self._seen_s if self._seen_s is not None else 0.0)
            if self._seen_s is not None and (left_s <= 0 or pressed):
                self._start_s, pressed = now_s, False
            else:
                return self._board(reading, math.ceil(left_s), self._words.remarks.get_ready, begun=False)
        left_s = self._seconds - (now_s - self._start_s)
        if left_s <= 0 or pressed:
            self.done, self.cut = True, not pressed
            return self._board(reading, 0, self._words.remarks.done, begun=True)
        if reading.state != "camera lost":
            self.poses.append(np.zeros((17, 3), np.float32) if reading.pose is None else reading.pose.keypoints)
            self.times.append(now_s)
        return self._board(reading, math.ceil(left_s), self._words.remarks.recording, begun=True)

    def _board(self, reading: Reading, seconds: int, said: Said, *, begun: bool) -> Board:
        headline, advice = said.headline, said.advice
        tone: Tone = "good" if begun else "hold"
        if reading.state in ("camera lost", "no person", "step back"):
            headline, advice, tone = self._words.state(reading.state)
        unit = self._words.screen.seconds_left if begun else self._words.screen.until_it_begins
        return Board(
            title=self._title, number=str(seconds), unit=unit, flash=begun, progress=None,
            headline=headline, advice=advice, tone=tone, totals=(), elapsed=clock(reading.time_s),
        )  # fmt: skip


def record(
    name: str,
    settings: Run,
    out: Path,
    *,
    seconds: float = LONGEST_S,
    countdown_s: float | None = None,
    stopped: Callable[[], bool] = never,
) -> Recorded:
    """Record reps of the action `name` from `settings.source` to `out`, an `.npz` keypoint sequence.

    countdown_s: before it begins; by default COUNTDOWN_S with a camera or stream, none with a file, whose first frame
    is recorded then. Ends after `seconds`, with the source, by a key, or when `stopped`.
    Raises InputError when something given does not fit, or nothing was recorded.
    """
    check_name(name)
    if out.suffix != ".npz":
        raise InputError("not the name of a recording", file=out, field="--out", expected="a name that ends in .npz")
    check_writable(out, "--out")
    with ExitStack() as parts:
        source_name, greeting = choose_source(settings.source)
        settings = settings.model_copy(update={"source": source_name})
        keep_inputs({"--out": out}, [source_name, settings.pose, settings.head])
        settings, fetched = local_models(settings)
        models = Models.open(settings, with_estimator=not source_name.lower().endswith(".npz"))
        parts.callback(models.close)
        source = parts.enter_context(open_source(source_name, settings, stopped))
        screen = parts.enter_context(open_screen(settings))
        if greeting is not None:
            screen.say(greeting)
        wait_s = countdown_s if countdown_s is not None else COUNTDOWN_S if source.live else 0.0
        for notice in fetched:
            screen.say(f"warning: {notice}")
        recorder = Recorder(name, wait_s, seconds, words_in(language_of(settings.language)))
        screen.on_key = recorder.press
        pipeline = models.pipeline(settings)
        runner = Runner(source, pipeline, screen, Outcome(Report(source_name, models.described)), scoreboard=recorder,
                        workers=models.workers)  # fmt: skip
        at_its_speed = settings.real_time and screen.watched and not source.live
        runner.run(lambda: stopped() or recorder.done, real_time=at_its_speed, fps=settings.fps)
        size = source.size
    made = _save(name, recorder, size, f"recorded from {Path(source_name).name}", out)
    save_config("run", settings, out)
    return made


def _save(name: str, recorder: Recorder, size: tuple[int, int], source: str, out: Path) -> Recorded:
    if len(recorder.times) < 2 or not any(pose.any() for pose in recorder.poses):
        raise InputError("nothing was recorded", file=out, expected="a person in view once the recording has begun")
    times = np.array(recorder.times)
    sequence = KeypointSequence(np.stack(recorder.poses), times - times[0], size, action=name, source=source)
    seconds = float(times[-1] - times[0])
    try:
        found = lesson(sequence)
    except InputError as error:
        sequence.save(out)
        return Recorded(out, seconds, 0, str(error), recorder.cut)
    replace(sequence, reps_s=found.reps_s, phase=found.phase).save(out)
    return Recorded(out, seconds, len(found.reps_s), cut=recorder.cut)
