"""The schema of configs/sweep.yaml: which settings of `train-head` are tried."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from configs.base import Schema


class Range(Schema):
    """Numbers to draw from, evenly, or evenly by their logarithm; whole ones between two whole ones."""

    min: int | float
    max: int | float
    log: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Range:
        if not self.min < self.max:
            raise ValueError("min is not below max")
        if self.log and self.min <= 0:
            raise ValueError("log needs numbers above 0")
        return self


#: What says which recordings, and whose, a trial is measured on: the same for all, or nothing could be compared.
FIXED = ("data", "leave_out", "seed", "split", "synthetic", "teach", "validation")


class Sweep(Schema):
    """configs/sweep.yaml."""

    metric: Literal["accuracy", "loss", "excursion_error"] = Field(
        default="accuracy", description="of the people held out; losses compare only where no weight of theirs is tried"
    )
    draws: int = Field(default=8, ge=1, description="from the ranges, each with every combination of the lists")
    seed: int = Field(default=0, ge=0, description="of the draws")
    workers: int = Field(
        default=0, ge=0, description="trials at a time, `threads` of train_head.yaml each; 0: all cores"
    )
    address: str | None = Field(default=None, description="HOST:PORT of a Ray cluster, or auto; null makes one here")
    space: dict[str, Range | tuple[Any, ...]] = Field(min_length=1, description="dotted setting: values, or a range")

    @field_validator("space", mode="before")
    @classmethod
    def _lists_or_ranges(cls, space: object) -> object:
        """Say plainly what a setting needs; pydantic would name both kinds."""
        for key, values in space.items() if isinstance(space, dict) else ():
            if str(key).partition(".")[0] in FIXED:
                raise ValueError(f"{key} is the same for all trials, or they could not be compared")
            if not values or not isinstance(values, list | tuple | dict | Range):
                raise ValueError(f"{key} needs a list of values, or min, max and log")
        return space
