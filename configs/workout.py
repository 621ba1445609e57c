"""The schema of a workout: configs/workouts, and what `run --workout` takes."""

from __future__ import annotations

from pydantic import Field, model_validator

from configs.schema import Schema


class Step(Schema):
    """Sets of one exercise: of so many reps, or of so many seconds for a hold."""

    action: str
    sets: int = Field(default=1, ge=1, le=100)
    reps: int | None = Field(default=None, ge=1, le=10_000)
    seconds: float | None = Field(default=None, gt=0, le=86_400)
    rest_s: float | None = Field(default=None, ge=0, description="after each of its sets, instead of the workout's")

    @model_validator(mode="after")
    def _one_goal(self) -> Step:
        if (self.reps is None) == (self.seconds is None):
            raise ValueError("needs either reps or seconds")
        return self


class Workout(Schema):
    """A plan: steps, one after the other."""

    name: str = "Workout"
    rest_s: float = Field(default=60.0, ge=0, description="between two sets")
    pause_s: float = Field(default=8.0, ge=0, description="a rep that begins sooner belongs to the set before")
    steps: tuple[Step, ...] = Field(min_length=1)
