"""Boards as a screen gets them, one for each thing that it can tell, made of readings by the real coach."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from classifier.rep import Rep
from configs.workout import Workout
from edge.reading import Reading
from edge.scoreboard import Board
from edge.words import Words
from edge.workout.coach import Coach
from edge.workout.progress import WorkoutProgress

PLAN = {"name": "Starter", "rest_s": 60,
        "steps": [{"action": "shoulder_press", "sets": 3, "reps": 4}, {"action": "plank", "seconds": 60}]}  # fmt: skip

#: Which of the demo's people stands for it: where they stand, squat, push up or hold a plank.
SCENES: Mapping[str, str] = {
    "start": "stand", "no person": "nobody", "step back": "close", "turn to the side": "push_up",
    "counting": "squat", "counted": "push_up", "shallow": "squat", "hold": "plank", "resting": "stand",
    "camera lost": "dimmed", "set": "stand", "rest of a workout": "nobody", "another exercise": "squat",
    "finished": "stand",
}  # fmt: skip


def reading(time_s: float, **fields: Any) -> Reading:
    content = {"action": "stand", "state": "ready", "confidence": 0.9, **fields}
    return Reading(time_s, None, **content)


def reps(action: str, count: int, at_s: float, shallow: bool = False) -> list[Reading]:
    """So many of them, 2.4 s each, and counted so far; the last one ends at that time."""
    made = []
    for number in range(1, count + 1):
        end_s = at_s - 2.4 * (count - number)
        rep = Rep(action, end_s - 2.4, end_s, end_s, 0.5 if shallow else 0.9, shallow, end_s - 1.0)
        made.append(reading(end_s, action=action, state="counting", phase=6.0, new_reps=(rep,), reps={action: number}))
    return made


def boards(words: Words) -> dict[str, Board]:
    """By the names of SCENES."""
    many = {"squat": 12, "push_up": 4, "jumping_jack": 108}
    counting = {
        "action": "squat",
        "state": "counting",
        "phase": 0.7 * math.pi,
        "reps": many,
        "holds_s": {"plank": 31.0},
    }
    runs: dict[str, list[Reading]] = {
        "start": [reading(3.0)],
        "no person": [reading(8.0, action=None, state="no person")],
        "step back": [reading(5.0, state="step back")],
        "turn to the side": [*reps("push_up", 1, 60.0), reading(62.0, action="push_up", state="turn to the side",
                                                             phase=2.0, reps={"push_up": 1})],
        "counting": [*reps("squat", 12, 101.0), reading(102.2, **counting)],
        "counted": reps("push_up", 15, 57.0),
        "shallow": [*reps("squat", 8, 30.0, shallow=True), reading(31.0, **{**counting, "reps": {"squat": 8}})],
        "hold": [reading(t, action="plank", state="hold", reps={"squat": 5}, holds_s={"plank": t - 40})
                 for t in (70.0, 71.5)],
        "resting": [*reps("jumping_jack", 108, 300.0), reading(335.0, state="rest", reps={"jumping_jack": 108})],
        "camera lost": [*reps("squat", 5, 20.0), reading(52.0, action=None, state="camera lost", reps={"squat": 5})],
    }  # fmt: skip
    made = {}
    for name, run in runs.items():
        coach = Coach(words=words)
        made[name] = [coach.update(one) for one in run][-1]
    return made | _workout(words)


def _workout(words: Words) -> dict[str, Board]:
    def coach() -> Coach:
        return Coach(workout=WorkoutProgress(Workout.model_validate(PLAN)), words=words)

    done = reps("shoulder_press", 4, 12.0)
    at_rest, finished = coach(), coach()
    for one in done:
        at_rest.update(one)
    other = coach()
    other.update(reading(0.0))
    for time_s in range(8):
        finished.press(" ")
        over = finished.update(reading(float(time_s)))
    return {
        "set": coach().update(reading(3.0)),
        "rest of a workout": at_rest.update(reading(30.0, action=None, state="no person", reps={"shoulder_press": 4})),
        "another exercise": other.update(reading(4.0, action="push_up", state="counting", phase=2.0)),
        "finished": over,
    }
