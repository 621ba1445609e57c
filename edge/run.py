"""The edge runner: source, pipeline, screen and log in one loop, each closed whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from configs.loader import load
from configs.schema import Counting, Run
from edge.draw import dimmed, draw
from edge.history.day import Today, WithToday
from edge.history.log import SessionLog, open_log
from edge.history.read import Bests
from edge.machine import cameras, ribbon_camera
from edge.models import Models
from edge.paint import Image
from edge.pipeline import Pipeline
from edge.reading import Reading
from edge.report import Report, check_writable
from edge.save import VideoSaver, check_save_path
from edge.scoreboard import BoardMaker, Scoreboard
from edge.screens import Screen, open_screen
from edge.sources import Item, Lost, Sample, Source, never, open_source, thinned
from edge.words import clock, totals_in_words
from edge.workout.coach import Coach
from edge.workout.form import Form
from edge.workout.progress import open_workout
from edge.workout.voice import Voice
from keypoints.errors import InputError, RepSightError
from keypoints.types import Frame

_COUNTING: Final = "counting."


@dataclass(slots=True)
class Outcome:
    """How a run ended: its report, a summary in words, what went wrong on the way, and the exit code."""

    report: Report
    summary: str = ""
    warnings: list[str] = field(default_factory=list)
    exit_code: int = 0
    say: Callable[[str], None] = field(default_factory=lambda: Screen().say)

    def tell(self, trouble: str | None, exit_code: int = 1) -> None:
        """Say once what went wrong on the way; counting goes on, and the exit code remembers."""
        if trouble is not None and trouble not in self.warnings:
            self.warnings.append(trouble)
            self.exit_code = self.exit_code or exit_code
            self.say(f"warning: {trouble}")


def load_settings(file: str | Path = "run.yaml", overrides: Sequence[str] = ()) -> tuple[Run, Counting]:
    """The settings of a run; `counting.key=value` among the overrides goes to the file that `counting` names.

    Raises ConfigError.
    """
    ours = [text for text in overrides if not text.startswith(_COUNTING)]
    settings = load(Run, file, ours)
    theirs = [text.removeprefix(_COUNTING) for text in overrides if text.startswith(_COUNTING)]
    return settings, load(Counting, settings.counting, theirs)


def run(
    settings: Run,
    counting: Counting | None = None,
    *,
    save: Path | None = None,
    json_file: Path | None = None,
    max_frames: int | None = None,
    stopped: Callable[[], bool] = never,
) -> Outcome:
    """Count reps until the source ends, the user quits, or `stopped` says so; then write the report.

    save: an .mp4 for the drawn pictures. json_file: for the report. max_frames: stop after so many.
    Raises InputError before anything is counted when something that was given does not fit.
    """
    with ExitStack() as parts:
        # What may be wrong with the user's input is looked at before the camera opens.
        if json_file is not None:
            check_writable(json_file, "--json")
        if save is not None:
            check_save_path(save)
        name, greeting = choose_source(settings.source)
        keep_inputs({"--json": json_file, "--save": save}, [name, settings.pose, settings.head])
        models = Models.open(settings, with_estimator=not name.lower().endswith(".npz"))
        parts.callback(models.close)
        outcome = Outcome(Report(name, models.described))
        plan = open_workout(settings.workout, models.head.card.actions)
        log, trouble = open_log(settings, name)
        if log is not None:
            parts.enter_context(log)
        try:
            source = parts.enter_context(open_source(name, settings, stopped))
        except KeyboardInterrupt:  # asked to stop while a stream was slow to open
            _finish(outcome, None, log, json_file)
            return outcome
        if settings.log == "auto" and not source.live:  # a film behind a URL
            log = None
        pipeline = models.pipeline(settings, counting)
        saver = None if save is None else parts.enter_context(VideoSaver(save, source.fps))
        screen = parts.enter_context(open_screen(settings))
        outcome.say = screen.say
        if greeting is not None:
            screen.say(greeting)
        outcome.tell(trouble)
        for notice in log.notices if log is not None else ():
            screen.say(f"warning: {notice}")
        voice = parts.enter_context(Voice(settings.sound)) if source.live or plan is not None else None
        coach = Coach(Form(settings.hints, log.past_reps if log is not None else ()), plan, voice)
        screen.on_key = coach.press
        board = coach if log is None else WithToday(coach, Today(log))
        runner = Runner(source, pipeline, screen, outcome, saver, log, board, coach.workout_name)
        try:
            at_its_speed = settings.real_time and screen.watched and not source.live
            runner.run(stopped, max_frames, real_time=at_its_speed, fps=settings.fps)
        finally:
            outcome.tell(source.notice, exit_code=2)
            _finish(outcome, saver, log, json_file, coach)
    return outcome


class Runner:
    """The loop. Every part was opened by the caller, who also closes it."""

    def __init__(
        self,
        source: Source,
        pipeline: Pipeline,
        screen: Screen,
        outcome: Outcome,
        saver: VideoSaver | None = None,
        log: SessionLog | None = None,
        scoreboard: BoardMaker | None = None,
        workout: str | None = None,
    ) -> None:
        """workout: the name of the plan that is followed, for the log."""
        self._source, self._pipeline, self._screen = source, pipeline, screen
        self._outcome, self._saver, self._log = outcome, saver, log
        self._scoreboard, self._workout = scoreboard or Scoreboard(), workout
        self._size = source.size
        self._image: Image | None = None
        self._lost = False

    def run(
        self,
        stopped: Callable[[], bool],
        max_frames: int | None = None,
        real_time: bool = False,
        fps: float | None = None,
    ) -> None:
        """Read the source to its end, until `stopped`, until the user quits, or for `max_frames`.

        real_time: not faster than its own speed. fps: leave out what comes faster than so many frames a second.
        """
        report = self._outcome.report
        if self._log is not None:
            self._log.begin(report.source, report.models, workout=self._workout, live=self._source.live)
        began_s = time.perf_counter()
        for item in thinned(self._source, fps):
            if real_time:
                _sleep_until(began_s + item.time_s, stopped)
            goes_on = self._step(item)
            if stopped() or not goes_on or (max_frames is not None and report.frames >= max_frames):
                break
        closing = self._pipeline.finish(report.duration_s)
        if closing is not None:
            report.add(closing)
            if self._log is not None:
                self._log.add(closing)

    def _step(self, item: Item) -> bool:
        """One item from decoded to drawn, logged and reported; False when the user wants to quit."""
        start = time.perf_counter()
        reading = self._read(item)
        board = self._scoreboard.update(reading)
        read = time.perf_counter()
        picture = None
        if self._screen.needs_picture or self._saver is not None:
            picture = draw(self._image, reading.pose, board, self._size)
        goes_on = self._screen.show(picture, board, reading)
        drawn = time.perf_counter()
        if self._saver is not None and picture is not None:
            self._saver.add(picture, reading.time_s)
            self._outcome.tell(self._saver.trouble)
        saved = time.perf_counter()
        if self._log is not None:
            self._log.add(reading)
            self._outcome.tell(self._log.trouble)
        logged = time.perf_counter()
        if not isinstance(item, Lost):
            own = {"draw": drawn - read, "log": logged - saved, "chain": drawn - start}
            stages = {"decode": self._source.decode_ms, **reading.stage_ms, **{k: 1000 * s for k, s in own.items()}}
            reading = replace(reading, stage_ms=stages)
        self._outcome.report.add(reading)
        return goes_on

    def _read(self, item: Item) -> Reading:
        """The reading of an item; keeps the picture that belongs to it."""
        if isinstance(item, Frame):
            self._lost = False
            self._image, self._size = item.image, (item.image.shape[1], item.image.shape[0])
            return self._pipeline.read(item)
        if isinstance(item, Sample):
            self._size = item.size
            return self._pipeline.read_pose(item.time_s, item.pose)
        if self._image is not None and not self._lost:
            self._image = dimmed(self._image)
        self._lost = True
        return self._pipeline.lost_camera(item.time_s)


def keep_inputs(outputs: dict[str, Path | None], inputs: Sequence[str | None]) -> None:
    """Raise InputError when an output would replace what is read, or another output."""
    taken = {Path(text).resolve() for text in inputs if text}
    for what, path in outputs.items():
        if path is None:
            continue
        place = path.resolve()
        if place in taken or place.parent in taken:
            raise InputError("would replace or join what this run reads or writes", file=path, field=what,
                             hint="give it another name")  # fmt: skip
        taken.add(place)


def choose_source(name: str) -> tuple[str, str | None]:
    """The source, and what to say of the choice: `auto` is the first camera, or the demo clip without one."""
    if name != "auto":
        return name, None
    if found := cameras():
        return str(found[0].device), None
    if ribbon_camera() is not None:
        return "picamera", None
    return "demo", "no camera here: this is the demo clip"


def _sleep_until(due_s: float, stopped: Callable[[], bool]) -> None:
    while (left_s := due_s - time.perf_counter()) > 0 and not stopped():
        time.sleep(min(left_s, 0.1))


def _finish(
    outcome: Outcome,
    saver: VideoSaver | None,
    log: SessionLog | None,
    json_file: Path | None,
    coach: Coach | None = None,
) -> None:
    """End the session, write the report, and put the run into words."""
    report, places = outcome.report, []
    if log is not None:
        log.end(report.duration_s)
        outcome.tell(log.trouble)
        if log.trouble is None:
            places.append(str(log.path))
    if saver is not None:
        saver.close()
        outcome.tell(saver.trouble)
        places.append(str(saver.path))
    if json_file is not None:
        try:
            report.write(json_file)
        except RepSightError as error:
            outcome.tell(str(error))
        else:
            places.append(str(json_file))
    parts = [f"{totals_in_words(report.totals, report.holds_s)} in {clock(report.duration_s)}"]
    if coach is not None and coach.progress is not None:
        parts.append(f"{coach.workout_name}: {coach.progress.sets_done} of {coach.progress.sets_in_all} sets done")
    bests = log.new_bests() if log is not None else Bests()
    if bests.reps or bests.holds_s:
        parts.append(f"a new best: {totals_in_words(bests.reps, bests.holds_s)}")
    if places:
        parts.append(f"saved to {', '.join(places)}")
    outcome.summary = " - ".join(parts)
