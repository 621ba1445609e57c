"""The coach: adds the workout and form hints to what a screen shows, and says what is worth hearing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final, Protocol

from edge.reading import Reading
from edge.scoreboard import REMARK_S, Board, Scoreboard
from edge.words import name_of, title_of
from edge.workout.form import Form, Hint
from edge.workout.progress import Progress, WorkoutProgress

#: A hold is told every so many seconds, and the last seconds of a rest are beeped.
HOLD_SAID_S: Final = 10
COUNTDOWN_S: Final = 3

_SKIP_KEYS: Final = frozenset({" ", "\r", "\n", "n", "N"})


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
        self, form: Form | None = None, workout: WorkoutProgress | None = None, speaker: Speaker | None = None
    ) -> None:
        self._scoreboard = Scoreboard()
        self._form, self._workout, self._speaker = form, workout, speaker or Silence()
        self._hint: Hint | None = None
        self._hinted_s = -math.inf
        self._held: int | None = None
        self._rest_left: int | None = None
        self.progress: Progress | None = None

    @property
    def workout_name(self) -> str | None:
        """Of the plan that is followed, if one is."""
        return None if self._workout is None else self._workout.workout.name

    def press(self, key: str) -> None:
        """Space, Enter or n end the rest, or take the set as done."""
        if self._workout is not None and key in _SKIP_KEYS:
            self._workout.skip()

    def update(self, reading: Reading) -> Board:
        """The board of one reading; readings come in the order of time."""
        board = self._scoreboard.update(reading)
        for rep in reading.new_reps:
            self._hint = None if self._form is None else self._form.judge(rep)
            self._hinted_s = reading.time_s
        if self._workout is not None:
            self.progress = self._workout.update(reading)
            board = with_workout(board, reading, self.progress, self._workout.workout.name)
        if self._hint is not None and reading.time_s - self._hinted_s < REMARK_S and board.tone in ("good", "calm"):
            board = replace(board, headline=self._hint.headline, advice=self._hint.advice)
        self._speak(reading)
        return board

    def _speak(self, reading: Reading) -> None:
        progress = self.progress
        if progress is not None and progress.event is not None:
            self._speaker.say(_announced(progress))
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
            self._speaker.say(f"{seconds} seconds")
        self._held = seconds

    def _count_rest(self, progress: Progress) -> None:
        left = None if progress.rest_s is None else math.ceil(progress.rest_s)
        if left is not None and left != self._rest_left and 0 < left <= COUNTDOWN_S:
            self._speaker.beep()
        self._rest_left = left


def with_workout(board: Board, reading: Reading, progress: Progress, name: str) -> Board:
    """The board with the set in place of the session: its count, its goal, the rest, and what comes next."""
    lost = reading.state == "camera lost"
    if progress.finished:
        board = replace(board, title=name, number=str(progress.sets_done), unit="sets done", progress=None)
        return board if lost else replace(board, headline="Finished", advice="Well done", tone="good")
    place = f"{progress.place}, " if progress.place else ""
    if progress.rest_s is not None:
        left = str(math.ceil(progress.rest_s))
        board = replace(board, title="Rest", number=left, unit="seconds left", progress=None)
        # Who rests may walk about: that nobody is in view is no warning now.
        return board if lost else replace(board, headline="Next", advice=f"{place}{progress.task}", tone="calm")
    goal = f"{progress.goal:.0f} s" if progress.timed else f"{progress.goal:.0f}"
    board = replace(board, title=title_of(progress.action), number=str(int(progress.done)),
                    unit=f"of {goal}, {progress.place}" if progress.place else f"of {goal}")  # fmt: skip
    if board.tone == "calm":
        return replace(board, headline="Ready", advice=f"Now: {place}{progress.task}")
    if board.tone in ("good", "hold") and reading.action not in (None, progress.action):
        return replace(
            board, headline=f"Not {name_of(reading.action or '')} now", advice=f"Now: {place}{progress.task}"
        )
    return board


def _announced(progress: Progress) -> str:
    if progress.event == "finished":
        return "finished, well done"
    task = f"{name_of(progress.action)}, {progress.goal:.0f} seconds" if progress.timed else progress.task
    if progress.event == "go" or progress.rest_s is None:
        return f"{'go' if progress.event == 'go' else 'next'}, {task}"
    return f"set done, rest {progress.rest_s:.0f} seconds, next {task}"
