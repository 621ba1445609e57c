"""The coach: adds the workout and form hints to what a screen shows, and says what is worth hearing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol

from configs.language import Said
from edge.reading import Reading
from edge.scoreboard import REMARK_S, Board, Scoreboard
from edge.words import Tone, Words, filled, words_in
from edge.workout.form import Form
from edge.workout.progress import Progress, WorkoutProgress

#: A hold is told every so many seconds, and the last seconds of a rest are beeped.
HOLD_SAID_S: Final = 10
COUNTDOWN_S: Final = 3

_SKIP_KEYS: Final = frozenset({" ", "\r", "\n", "n", "N"})
_RESET_KEYS: Final = frozenset({"r", "R"})


class Speaker(Protocol):
    """What can be heard; it never keeps its caller waiting."""

    def say(self, text: str) -> None: ...

    def beep(self) -> None: ...


class Silence:
    """Nothing is heard."""

    def say(self, text: str) -> None:
        """Say nothing."""

    def beep(self) -> None:
        """Stay silent."""


class Coach:
    """Turns readings into boards, as a `Scoreboard` does, with the workout and the hints in them."""

    def __init__(
        self,
        form: Form | None = None,
        workout: WorkoutProgress | None = None,
        speaker: Speaker | None = None,
        words: Words | None = None,
        set_pause_s: float = 15.0,
        kinds: Mapping[str, str] | None = None,
    ) -> None:
        """words, set_pause_s and kinds: as of a `Scoreboard`."""
        self._words, self._set_pause_s, self._kinds = words or words_in(), set_pause_s, kinds
        self._scoreboard = Scoreboard(self._words, set_pause_s, kinds)
        self._form, self._workout, self._speaker = form, workout, speaker or Silence()
        self._hint: Said | None = None
        self._hinted_s = -math.inf
        self._held: int | None = None
        self._rest_left: int | None = None
        self._latest = self._zero = _NOTHING
        self.progress: Progress | None = None

    @property
    def workout_name(self) -> str | None:
        """Of the plan that is followed, if one is."""
        return None if self._workout is None else self._workout.workout.name

    def press(self, key: str) -> None:
        """Space, Enter or n end the rest, or take the set as done; r begins again from zero, and changes no record."""
        if key in _RESET_KEYS:
            self._zero, self._scoreboard = self._latest, Scoreboard(self._words, self._set_pause_s, self._kinds)
        if self._workout is not None and key in _RESET_KEYS:
            self._workout.restart()
        elif self._workout is not None and key in _SKIP_KEYS:
            self._workout.skip()

    def update(self, reading: Reading) -> Board:
        """The board of one reading; readings come in the order of time."""
        self._latest, reading = reading, _since(self._zero, reading)
        board = self._scoreboard.update(reading)
        for rep in reading.new_reps:
            self._hint = None if self._form is None else self._form.judge(rep)
            self._hinted_s = reading.time_s
        if self._workout is not None:
            self.progress = self._workout.update(reading)
            board = with_workout(board, reading, self.progress, self._workout.workout.name, self._words)
        if self._hint is not None and reading.time_s - self._hinted_s < REMARK_S and board.tone in ("good", "calm"):
            board = replace(board, headline=self._hint.headline, advice=self._hint.advice)
        self._speak(reading)
        return board

    def _speak(self, reading: Reading) -> None:
        progress = self.progress
        if progress is not None and progress.event is not None:
            self._speaker.say(_announced(progress, self._words))
        elif reading.new_reps:
            action = reading.new_reps[-1].action
            counted = reading.reps.get(action, 0)
            if progress is not None and progress.action == action and progress.rest_s is None:
                counted = int(progress.done)
            self._speaker.say(f"{counted}, {self._hint.said}" if self._hint is not None else str(counted))
        self._count_hold(reading)
        if progress is not None:
            self._count_rest(progress)

    def _count_hold(self, reading: Reading) -> None:
        before, self._held = self._held, None
        if reading.state != "hold" or reading.action is None:
            return
        seconds = int(reading.holds_s.get(reading.action, 0.0))
        if self.progress is not None and self.progress.action == reading.action:
            seconds = int(self.progress.done)
        if before is not None and seconds // HOLD_SAID_S > before // HOLD_SAID_S:
            self._speaker.say(self._words.spoken.seconds.format(seconds=seconds))
        self._held = seconds

    def _count_rest(self, progress: Progress) -> None:
        left = None if progress.rest_s is None else math.ceil(progress.rest_s)
        if left is not None and left != self._rest_left and 0 < left <= COUNTDOWN_S:
            self._speaker.beep()
        self._rest_left = left


_NOTHING: Final = Reading(0.0, None, None, 0.0, "ready")


def _since(zero: Reading, reading: Reading) -> Reading:
    """The reading with what was counted since another; the session itself goes on."""
    if zero is _NOTHING:
        return reading
    reps = {action: count - zero.reps.get(action, 0) for action, count in reading.reps.items()}
    holds_s = {action: seconds - zero.holds_s.get(action, 0.0) for action, seconds in reading.holds_s.items()}
    fresh = reading.state == "rest" and not any(reps.values()) and not any(holds_s.values())
    return replace(reading, reps=reps, holds_s=holds_s, state="ready" if fresh else reading.state)


def with_workout(board: Board, reading: Reading, progress: Progress, name: str, words: Words) -> Board:
    """The board with the set in place of the session: its count, its goal, the rest, and what comes next."""
    lost, remarks, screen = reading.state == "camera lost", words.remarks, words.screen
    if progress.finished:
        board = replace(board, title=name, number=str(progress.sets_done), unit=screen.sets_done, progress=None)
        return board if lost else _saying(board, remarks.finished, "good")
    place = progress.place(words)
    task = f"{place}, {progress.task(words)}" if place else progress.task(words)
    if board.keys is not None:
        board = replace(board, keys=((screen.space, screen.skip), *board.keys))
    if progress.rest_s is not None:
        left = str(math.ceil(progress.rest_s))
        board = replace(board, title=screen.rest, number=left, unit=screen.seconds_left, progress=None, details=())
        # Who rests may walk about: that nobody is in view is no warning now.
        return board if lost else _saying(board, filled(remarks.next, task=task), "calm")
    goal = screen.of_goal.format(goal=f"{progress.goal:.0f} s" if progress.timed else f"{progress.goal:.0f}")
    board = replace(board, title=words.title(progress.action), number=str(int(progress.done)),
                    unit=f"{goal}, {place}" if place else goal)  # fmt: skip
    if progress.done == 0:  # what is known of a set is of the one before
        board = replace(board, details=())
    if board.tone == "calm":
        return _saying(board, filled(remarks.go, task=task), "calm")
    if board.tone in ("good", "hold") and reading.action not in (None, progress.action):
        board = replace(board, progress=None, details=())
        return _saying(board, filled(remarks.not_now, action=words.name(reading.action or ""), task=task), board.tone)
    return board


def _saying(board: Board, said: Said, tone: Tone) -> Board:
    return replace(board, headline=said.headline, advice=said.advice, tone=tone)


def _announced(progress: Progress, words: Words) -> str:
    remarks, task = words.remarks, progress.task(words)
    if progress.event == "finished":
        return remarks.finished.said
    if progress.timed:
        task = words.spoken.hold.format(action=words.name(progress.action), seconds=f"{progress.goal:.0f}")
    if progress.event == "go" or progress.rest_s is None:
        return filled(remarks.go if progress.event == "go" else remarks.next, task=task).said
    return words.spoken.rest.format(seconds=f"{progress.rest_s:.0f}", task=task)
