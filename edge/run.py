"""The edge runner: source, pipeline, screen and log in one loop, each closed whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from configs.loader import load_with_counting
from configs.schema import Counting, Run
from edge.draw import dimmed, draw
from edge.eyes import Seen, in_turn, overlapped
from edge.history.day import Today, WithToday
from edge.history.log import SessionLog, open_log
from edge.keep_up import Heat, Keeper
from edge.local import Bars, local_models, quietly
from edge.machine import cameras, ribbon_camera
from edge.models import Models
from edge.outcome import Outcome, finish
from edge.paint import Image
from edge.pipeline import Pipeline
from edge.reading import Reading
from edge.report import Report, check_writable
from edge.save import VideoSaver, check_save_path
from edge.scoreboard import BoardMaker, Scoreboard
from edge.screens import Screen, open_screen
from edge.sources import Item, Lost, Sample, Source, never, open_source, thinned
from edge.words import language_of, words_in
from edge.workout.coach import Coach
from edge.workout.form import Form
from edge.workout.progress import open_workout
from edge.workout.voice import Voice
from keypoints.errors import InputError
from keypoints.types import Frame


def load_settings(file: str | Path = "run.yaml", overrides: Sequence[str] = ()) -> tuple[Run, Counting]:
    """The settings of a run; `counting.key=value` among the overrides goes to the file that `counting` names.

    Raises ConfigError.
    """
    settings = load_with_counting(Run, file, overrides)
    assert isinstance(settings.counting, Counting)
    return settings, settings.counting


def run(
    settings: Run,
    counting: Counting | None = None,
    *,
    save: Path | None = None,
    json_file: Path | None = None,
    max_frames: int | None = None,
    stopped: Callable[[], bool] = never,
    fetching: Bars = quietly,
) -> Outcome:
    """Count reps until the source ends, the user quits, or `stopped` says so; then write the report.

    save: an .mp4 for the drawn pictures. json_file: for the report. max_frames: stop after so many. fetching: makes
    the progress bar of a model that comes from a bucket.
    Raises InputError before anything is counted when something that was given does not fit.
    """
    with ExitStack() as parts:
        # What may be wrong with the user's input is looked at before the camera opens.
        if json_file is not None:
            check_writable(json_file, "--json")
        if save is not None:
            check_save_path(save)
        name, greeting = choose_source(settings.source)
        settings = settings.model_copy(update={"source": name})
        keep_inputs({"--json": json_file, "--save": save}, [name, settings.pose, settings.head])
        used = settings.model_copy(update={"counting": counting or settings.counting})
        settings, fetched = local_models(settings, fetching)
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
            finish(outcome, None, log, json_file, settings=used)
            return outcome
        if settings.log == "auto" and not source.live:  # a film behind a URL
            log = None
        pipeline = models.pipeline(settings, counting)
        saver = None if save is None else parts.enter_context(VideoSaver(save, source.fps))
        screen = parts.enter_context(open_screen(settings))
        outcome.say = screen.say
        if greeting is not None:
            screen.say(greeting)
        if models.trouble is not None:
            screen.say(f"warning: {models.trouble}")
        outcome.tell(trouble)
        for notice in (*fetched, *(log.notices if log is not None else ())):
            screen.say(f"warning: {notice}")
        words = words_in(language_of(settings.language))
        heard = source.live or plan is not None
        voice = parts.enter_context(Voice(settings.sound, words.strings.voice)) if heard else None
        form = Form(settings.hints, log.past_reps if log is not None else (), words)
        kinds = {action.name: action.kind for action in models.head.card.actions}
        coach = Coach(form, plan, voice, words, settings.set_pause_s, kinds)
        screen.on_key = coach.press
        keeper = Keeper(settings.keep_up, parts.enter_context(Heat()))
        board = coach if log is None else WithToday(coach, Today(log), words)
        runner = Runner(
            source, pipeline, screen, outcome, saver, log, board, coach.workout_name, models.workers, keeper
        )
        try:
            at_its_speed = settings.real_time and screen.watched and not source.live
            if at_its_speed:
                screen.wait(stopped)
            runner.run(stopped, max_frames, real_time=at_its_speed, fps=settings.fps)
        finally:
            outcome.tell(runner.notice, exit_code=2)
            finish(outcome, saver, log, json_file, coach, used)
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
        workers: int = 0,
        keeper: Keeper | None = None,
    ) -> None:
        """workout: the name of the plan that is followed, for the log. workers: as in `eyes.overlapped`; 0: one stage
        after the other, in this thread. keeper: decides how much of a live source is done."""
        self._source, self._pipeline, self._screen = source, pipeline, screen
        self._outcome, self._saver, self._log = outcome, saver, log
        self._scoreboard, self._workout = scoreboard or Scoreboard(), workout
        self._workers = workers
        self._keeper = keeper if source.live else None
        self._size = source.size
        self._image: Image | None = None
        self._lost = False
        self.notice: str | None = None

    def run(
        self,
        stopped: Callable[[], bool],
        max_frames: int | None = None,
        real_time: bool = False,
        fps: float | None = None,
    ) -> None:
        """Read the source to its end, until `stopped`, until the user quits, or for `max_frames`.

        real_time: not faster than its own speed. fps: leave out what comes faster than so many frames a second.
        `notice` is then what was wrong with the source, as far as it was read.
        """
        report = self._outcome.report
        if self._log is not None:
            self._log.begin(report.source, report.models, workout=self._workout, live=self._source.live)
        items = thinned(self._source, lambda: self._rate(fps))
        with closing(self._see(paced(items, stopped) if real_time else items)) as all_seen:
            for seen in all_seen:
                self.notice = seen.notice
                goes_on = self._step(seen)
                if stopped() or not goes_on or (max_frames is not None and report.frames >= max_frames):
                    break
            else:
                self.notice = self._source.notice
        last = self._pipeline.finish(report.duration_s)
        if last is not None:
            report.add(last)
            if self._log is not None:
                self._log.add(last)

    def _see(self, items: Iterator[Item]) -> Generator[Seen, None, None]:
        if self._workers:
            return overlapped(items, self._source, self._pipeline, self._workers)
        return in_turn(items, self._source, self._pipeline)

    def _step(self, seen: Seen) -> bool:
        """One item from seen to logged, drawn and reported; False when the user wants to quit."""
        reading = self._read(seen)
        read = time.perf_counter()
        if self._log is not None:  # before anybody sees it: what was shown is kept
            self._log.add(reading)
            self._outcome.tell(self._log.trouble)
        start = time.perf_counter()
        board = self._scoreboard.update(reading)
        if self._keeper is not None and (less := self._keeper.step.in_words(self._pipeline.input_size)):
            board = replace(board, elapsed=f"{less}  {board.elapsed}")
        screen, picture, film = self._screen, None, None
        if screen.needs_picture:
            picture = draw(self._image, reading.pose, board, self._size, screen.size, screen.keys)
        if self._saver is not None:  # of one size, and without keys
            film = draw(self._image, reading.pose, replace(board, keys=None), self._size)
        screen.look(self._image, self._size)
        goes_on = screen.show(picture, board, reading)
        drawn = time.perf_counter()
        if self._saver is not None and film is not None:
            self._saver.add(film, reading.time_s)
            self._outcome.tell(self._saver.trouble)
        if not isinstance(seen.item, Lost):
            log_s = start - read
            own = {"draw": drawn - start, "log": log_s, "chain": drawn - seen.began_s - log_s}
            reading = replace(reading, stage_ms={**reading.stage_ms, **{k: 1000 * s for k, s in own.items()}})
        self._outcome.report.add(reading)
        self._keep_up(reading)
        return goes_on

    def _rate(self, fps: float | None) -> float | None:
        """Pictures a second that are looked at: as asked for, or fewer."""
        most = None if self._keeper is None else self._keeper.step.fps
        return fps if most is None else min(most, fps or most)

    def _keep_up(self, reading: Reading) -> None:
        """Do less, or more again."""
        if self._keeper is None:
            return
        if "chain" not in reading.stage_ms:
            self._keeper.lost(reading.time_s)
            return
        change = self._keeper.add(reading.time_s, reading.stage_ms["chain"])
        if change is not None:
            self._pipeline.small = change.step.small
            self._outcome.report.steps.append(change)
            self._screen.say(change.in_words(self._pipeline.input_size))

    def _read(self, seen: Seen) -> Reading:
        """The reading of an item; keeps the picture that belongs to it."""
        item = seen.item
        if isinstance(item, Frame):
            assert seen.sight is not None
            self._lost = False
            self._image, self._size = item.image, (item.image.shape[1], item.image.shape[0])
            return self._pipeline.read_sight(item.time_s, seen.sight, seen.clock)
        if isinstance(item, Sample):
            self._size = item.size
            return self._pipeline.read_pose(item.time_s, item.pose, seen.clock)
        if self._image is not None and not self._lost:
            self._image = dimmed(self._image)
        self._lost = True
        return self._pipeline.lost_camera(item.time_s)


def paced(items: Iterable[Item], stopped: Callable[[], bool]) -> Iterator[Item]:
    """The items, none before its time has come since the first was asked for."""
    began_s = time.perf_counter()
    for item in items:
        _sleep_until(began_s + item.time_s, stopped)
        yield item


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
