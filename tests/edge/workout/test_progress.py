"""A workout is followed by what is counted and held, in seconds of the source, whatever else is done meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from classifier.rep import Rep
from configs.workout import Workout
from edge.reading import Reading
from edge.workout.plan import load_workout
from edge.workout.progress import Progress, WorkoutProgress
from keypoints.errors import ConfigError

KINDS = {"stand": "rest", "squat": "reps", "push_up": "reps", "plank": "hold"}


class Person:
    """Does reps and holds, a reading every tenth of a second, and keeps what the workout says of them."""

    def __init__(self, workout: Workout) -> None:
        self.workout = WorkoutProgress(workout)
        self.time_s = 0.0
        self.reps: dict[str, int] = {}
        self.held_s: dict[str, float] = {}
        self.events: list[str] = []
        self.said: list[str] = []

    def _read(self, **fields: Any) -> Progress:
        self.time_s = round(self.time_s + 0.1, 3)
        content = {"action": "stand", "state": "rest", **fields}
        progress = self.workout.update(
            Reading(self.time_s, None, confidence=0.9, reps=dict(self.reps), holds_s=dict(self.held_s), **content)
        )
        if progress.event:
            self.events.append(f"{self.time_s:.0f} {progress.event}")
        self.said.append(str(progress))
        return progress

    def rest(self, seconds: float) -> Progress:
        for _ in range(round(10 * seconds)):
            progress = self._read()
        return progress

    def do(self, action: str, count: int) -> Progress:
        """Two seconds a rep."""
        for _ in range(count):
            start_s = self.time_s
            for _ in range(19):
                self._read(action=action, state="counting")
            self.reps[action] = self.reps.get(action, 0) + 1
            end_s = start_s + 2.0
            progress = self._read(action=action, state="counting",
                                  new_reps=(Rep(action, start_s, end_s, end_s, 1.0, False),))  # fmt: skip
        return progress

    def hold(self, seconds: float) -> Progress:
        """It shows after two seconds, which are counted then."""
        before_s = self.held_s.get("plank", 0.0)
        for i in range(1, round(10 * seconds) + 1):
            if i >= 20:
                self.held_s["plank"] = before_s + i / 10
            progress = self._read(action="plank", state="hold" if i >= 20 else "ready")
        return progress


@pytest.fixture
def plan() -> Callable[..., Person]:
    def make(*steps: dict[str, Any], **more: Any) -> Person:
        return Person(Workout.model_validate({"steps": steps, "rest_s": 30, "pause_s": 5, **more}))

    return make


def test_sets_and_rests_follow_each_other_to_the_end(plan: Callable[..., Person]) -> None:
    person = plan({"action": "squat", "sets": 2, "reps": 3}, {"action": "plank", "seconds": 20})
    assert str(person.do("squat", 2)) == "squat: set 1 of 2, 2 of 3"
    resting = person.do("squat", 1)
    assert (str(resting), resting.number, resting.event) == ("rest 0:30", 2, "set done")
    assert str(person.rest(12)) == "rest 0:18"
    assert person.rest(18).rest_s is None
    person.do("squat", 3)
    person.rest(30)
    last = person.hold(12)
    assert str(last) == "plank: 12 of 20"
    assert person.hold(8).finished
    assert person.events == ["6 set done", "36 go", "42 set done", "72 go", "92 finished"]
    assert person.said[-1] == "finished"


def test_reps_beyond_the_goal_belong_to_the_set_that_was_done(plan: Callable[..., Person]) -> None:
    person = plan({"action": "squat", "sets": 2, "reps": 3})
    after = person.do("squat", 5)
    assert (after.number, after.done, after.rest_s) == (2, 0, 26.0)


def test_a_rep_after_a_pause_ends_the_rest_and_counts(plan: Callable[..., Person]) -> None:
    person = plan({"action": "squat", "sets": 2, "reps": 3})
    person.do("squat", 3)
    person.rest(6)
    assert str(person.do("squat", 1)) == "squat: set 2 of 2, 1 of 3"


def test_the_next_exercise_ends_the_rest_at_once(plan: Callable[..., Person]) -> None:
    person = plan({"action": "squat", "reps": 2}, {"action": "push_up", "reps": 4}, {"action": "plank", "seconds": 9})
    person.do("squat", 2)
    assert str(person.do("push_up", 1)) == "push-up: 1 of 4"
    person.do("push_up", 3)
    assert str(person.hold(5)) == "plank: 5 of 9"


def test_another_exercise_changes_nothing(plan: Callable[..., Person]) -> None:
    person = plan({"action": "squat", "reps": 2})
    assert str(person.do("push_up", 7)) == "squat: 0 of 2"
    person.hold(10)
    assert str(person.do("squat", 1)) == "squat: 1 of 2"


def test_a_hold_may_be_broken_and_one_that_goes_on_is_not_the_next_set(plan: Callable[..., Person]) -> None:
    person = plan({"action": "plank", "sets": 2, "seconds": 10})
    person.hold(6)
    person.rest(3)
    assert person.hold(4).event == "set done"
    assert person.hold(1).number == 2
    person = plan({"action": "plank", "sets": 2, "seconds": 10})
    went_on = person.hold(25)
    assert (went_on.number, went_on.done) == (2, 0)
    person.rest(1)
    assert person.hold(5).done == pytest.approx(5)


def test_without_a_rest_the_next_set_begins_at_once(plan: Callable[..., Person]) -> None:
    person = plan({"action": "squat", "sets": 2, "reps": 2, "rest_s": 0})
    assert str(person.do("squat", 3)) == "squat: set 2 of 2, 1 of 2"
    assert person.do("squat", 1).finished


def test_a_rest_or_a_set_can_be_skipped(plan: Callable[..., Person]) -> None:
    person = plan({"action": "squat", "sets": 2, "reps": 2})
    for expected in ("rest 0:30", "squat: set 2 of 2, 0 of 2", "finished", "finished"):
        person.workout.skip()
        assert str(person.rest(0.1)) == expected
    assert person.events == ["0 set done", "0 go", "0 finished"]


def write(folder: Path, text: str) -> Path:
    (folder / "mine.yaml").write_text(text)
    return folder / "mine.yaml"


def test_the_shipped_workout_can_be_followed_and_names_are_folded(tmp_path: Path) -> None:
    assert [step.action for step in load_workout("starter.yaml", KINDS).steps] == ["squat", "push_up", "plank"]
    mine = write(tmp_path, "steps: [{action: Squats, reps: 5}, {action: push-ups, reps: 5}]")
    assert [step.action for step in load_workout(mine, KINDS).steps] == ["squat", "push_up"]


def test_a_plan_that_is_not_there_is_said_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"nix.yaml: no such file; .*starter.yaml"):
        load_workout("nix.yaml", KINDS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("steps: [{action: sqat, reps: 5}]", r"steps\.0\.action: no exercise .*found sqat.*did you mean 'squat'\?"),
        ("steps: [{action: yoga, reps: 5}]", r"steps\.0\.action: .* it knows squat, push_up, plank"),
        ("steps: [{action: stand, reps: 5}]", "no exercise that the head counts"),
        ("steps: [{action: plank, reps: 5}]", r"steps\.0\.reps: plank is counted in seconds"),
        ("steps: [{action: squat, seconds: 5}]", "squat is counted in reps"),
        ("steps: [{action: squat}]", "needs either reps or seconds"),
        ("steps: [{action: squat, reps: 0}]", r"steps\.0\.reps"),
        ("steps: [{action: squat, rep: 5}]", r"did you mean 'reps'\?"),
        ("steps: []", "steps"),
        ("[]", "expected a mapping"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        load_workout(write(tmp_path, text), KINDS)
    assert "mine.yaml" in str(caught.value) and "\n" not in str(caught.value)
