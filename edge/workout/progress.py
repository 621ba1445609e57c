"""How far a person is in a workout: readings go in, sets and rests come out. No clock, no screen, no sound."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from configs.workout import Step, Workout
from edge.reading import Reading
from edge.words import Words, clock, name_of, words_in
from edge.workout.plan import load_workout
from keypoints.card import CardAction

Event = Literal["set done", "go", "finished"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where in the workout the person is.

    action, number, sets: the set that runs, or comes after the rest: `number` of `sets` of its step. done and goal: its
    reps, or its seconds where `timed`. rest_s: what is left of the rest, None outside one. sets_done, sets_in_all: of
    the workout. event: what this reading brought.
    """

    action: str
    number: int
    sets: int
    done: float
    goal: float
    timed: bool
    rest_s: float | None
    sets_done: int
    sets_in_all: int
    event: Event | None = None

    @property
    def finished(self) -> bool:
        """Whether every set is done."""
        return self.sets_done == self.sets_in_all

    def task(self, words: Words) -> str:
        """`12 squats`, `plank 1:00`."""
        if self.timed:
            return f"{words.name(self.action)} {clock(self.goal)}"
        return words.count(self.action, int(self.goal))

    def place(self, words: Words) -> str:
        """`set 2 of 3`; empty where the step has one set alone."""
        return words.screen.set_of.format(number=self.number, sets=self.sets) if self.sets > 1 else ""

    def __str__(self) -> str:
        """`squat: set 2 of 3, 7 of 12`, `rest 0:38`, `finished`."""
        if self.finished:
            return "finished"
        if self.rest_s is not None:
            return f"rest {clock(math.ceil(self.rest_s))}"
        place = self.place(words_in())
        done = f"{self.done:.0f} of {self.goal:.0f}"
        return f"{name_of(self.action)}: {place + ', ' if place else ''}{done}"


class WorkoutProgress:
    """Follows one person through a workout.

    A set is done when its reps are counted, or its seconds held, in one go or in several. Then comes the rest. Reps
    that follow at once belong to the set that was done; a rep after a pause, or of the next exercise, ends the rest.
    Another exercise than the plan's changes nothing.
    """

    def __init__(self, workout: Workout) -> None:
        self.workout = workout
        self._sets: list[tuple[Step, int]] = [(s, n) for s in workout.steps for n in range(1, s.sets + 1)]
        self.restart()

    def restart(self) -> None:
        """Begin again with the first set; what was held before counts for nothing."""
        self._at = 0
        self._done = 0.0
        self._rest_until_s: float | None = None
        self._before: str | None = None  # the exercise of the set that was done last
        self._last_end_s = -math.inf  # of its last rep
        self._let_go = True  # the hold of the set that was done last has ended
        self._held_s: dict[str, float] = {}
        self._skip = False

    def skip(self) -> None:
        """With the next reading, the rest is over, or the set is taken as done."""
        self._skip = True

    def update(self, reading: Reading) -> Progress:
        """Where the person is after this reading; readings come in the order of time."""
        before = self._at
        held_s = {action: seconds - self._held_s.get(action, 0.0) for action, seconds in reading.holds_s.items()}
        self._held_s = dict(reading.holds_s)
        skipped, self._skip = self._skip, False
        for rep in reading.new_reps:
            if rep.action == self._before and self._resting and rep.start_s - self._last_end_s < self.workout.pause_s:
                self._last_end_s = rep.end_s  # one more of the set before
            elif self._wants(rep.action):
                self._last_end_s = rep.end_s
                self._advance(1, reading.time_s)
        if reading.state != "hold":
            self._let_go = True
        for action, seconds in held_s.items():
            more = action == self._before and self._resting and not self._let_go
            if seconds > 0 and self._wants(action) and not more:
                self._advance(seconds, reading.time_s)
        over = self._resting and reading.time_s >= (self._rest_until_s or 0.0)
        if skipped and not self._resting and self._at < len(self._sets):
            self._complete(reading.time_s)
        elif over or skipped:
            self._rest_until_s = None
        event: Event | None = None
        if self._at > before:
            event = "finished" if self._at == len(self._sets) else "set done"
        elif over or (skipped and self._at < len(self._sets)):
            event = "go"
        return self._progress(reading.time_s, event)

    @property
    def _resting(self) -> bool:
        return self._rest_until_s is not None

    def _wants(self, action: str) -> bool:
        return self._at < len(self._sets) and self._sets[self._at][0].action == action

    def _advance(self, amount: float, time_s: float) -> None:
        """More of the set that runs; what is done in a rest ends it."""
        self._rest_until_s = None
        self._done += amount
        if self._done >= self._goal(self._sets[self._at][0]):
            self._complete(time_s)

    def _complete(self, time_s: float) -> None:
        step = self._sets[self._at][0]
        self._at, self._done = self._at + 1, 0.0
        self._before, self._let_go = step.action, False
        rest_s = self.workout.rest_s if step.rest_s is None else step.rest_s
        if self._at < len(self._sets) and rest_s > 0:
            self._rest_until_s = time_s + rest_s

    @staticmethod
    def _goal(step: Step) -> float:
        goal = step.seconds if step.reps is None else step.reps
        assert goal is not None, "the schema sees to it"
        return float(goal)

    def _progress(self, time_s: float, event: Event | None) -> Progress:
        step, number = self._sets[min(self._at, len(self._sets) - 1)]
        rest_s = None if self._rest_until_s is None else max(0.0, self._rest_until_s - time_s)
        goal = self._goal(step)
        done = goal if self._at == len(self._sets) else self._done
        return Progress(
            step.action, number, step.sets, done, goal, step.reps is None, rest_s, self._at, len(self._sets), event
        )


def open_workout(file: str | None, classes: Iterable[CardAction]) -> WorkoutProgress | None:
    """The workout in `file`, if one is to be followed, at its beginning. classes: the head's.

    Raises ConfigError, also for an exercise that the head does not know.
    """
    return None if file is None else WorkoutProgress(load_workout(file, {one.name: one.kind for one in classes}))
