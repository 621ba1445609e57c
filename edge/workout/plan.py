"""A workout from its file, with exercises that the head knows."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from configs.loader import FOLDER, load, load_actions
from configs.workout import Step, Workout
from keypoints.errors import ConfigError


def load_workout(file: str | Path, kinds: Mapping[str, str]) -> Workout:
    """Read a workout; `file` is a path, or the name of one in configs/workouts.

    kinds: the exercises of the head, each with its kind: reps, hold or rest.
    Raises ConfigError for a file that does not fit, and for an exercise that the head does not know.
    """
    path, shipped = Path(file), FOLDER / "workouts"
    if path.parent == Path() and not path.exists():
        path = shipped / path
    if not path.exists():
        names = ", ".join(sorted(one.name for one in shipped.glob("*.yaml")))
        raise ConfigError("no such file", file=file, hint=f"give a file, or one that comes with RepSight: {names}")
    workout = load(Workout, path)
    steps = tuple(_checked(step, f"steps.{number}", kinds, path) for number, step in enumerate(workout.steps))
    return workout.model_copy(update={"steps": steps})


def _checked(step: Step, where: str, kinds: Mapping[str, str], path: Path) -> Step:
    """The step with the exercise by the name that the head uses."""
    exercises = [name for name, kind in kinds.items() if kind != "rest"]
    wanted = step.action.strip().lower().replace("-", "_").replace(" ", "_")
    names = (wanted, wanted.removesuffix("s"), load_actions().fold(step.action))
    name = next((one for one in names if one in exercises), None)
    if name is None:
        near = difflib.get_close_matches(wanted, exercises, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"it knows {', '.join(exercises)}"
        raise ConfigError("no exercise that the head counts", file=path, field=f"{where}.action", found=step.action,
                          hint=hint)  # fmt: skip
    goal, other = ("seconds", "reps") if kinds[name] == "hold" else ("reps", "seconds")
    if getattr(step, goal) is None:
        raise ConfigError(f"{name} is counted in {goal}", file=path, field=f"{where}.{other}", expected=goal,
                          found=other)  # fmt: skip
    return step.model_copy(update={"action": name})
