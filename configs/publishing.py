"""The schemas of configs/publish.yaml, and of `s3:` in configs/run.yaml: a server, and what opens the gate to it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from configs.base import Schema
from configs.s3 import S3

#: A part of a key, and so of a path on the reader's disk: no slash, no leading dot, nothing that a URL would change.
PART = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}"
#: What AWS lets a bucket be called.
BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
Part = Annotated[str, StringConstraints(pattern=f"^{PART}$")]
#: What a path in a report may be called: `counts.exact`, `counts_by_action.squat.mae`, `results.0.counts.exact`.
Metric = Annotated[str, StringConstraints(pattern=r"^[^.\s]+(\.[^.\s]+)*$")]


class Condition(Schema):
    """One condition of the gate: a number in the evaluation report, and the threshold that it has to keep.

    metric: the dotted path in the report, or in each of its results. set: the labelled set that it is asked of; every
    one on which it was measured without it.
    """

    metric: Metric
    at_least: float | None = Field(default=None, allow_inf_nan=False)
    at_most: float | None = Field(default=None, allow_inf_nan=False)
    set: str | None = None

    @model_validator(mode="after")
    def _one_threshold(self) -> Condition:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a condition needs at_least or at_most, one of them")
        return self

    @property
    def wanted(self) -> str:
        """In words: `at least 0.8`."""
        return f"at most {self.at_most:g}" if self.at_least is None else f"at least {self.at_least:g}"

    def holds(self, value: float) -> bool:
        """Whether a value keeps the threshold; NaN never does."""
        if self.at_least is not None:
            return value >= self.at_least
        return self.at_most is not None and value <= self.at_most


class Publish(S3):
    """configs/publish.yaml: where models go, and the conditions on their evaluation report."""

    bucket: str | None = Field(default=None, description="it must exist; s3:// is not part of it")
    prefix: str = Field(default="", description="folders before NAME/VERSION, divided by /")
    name: Part | None = Field(default=None, description="null: what the model's card says")
    version: Literal["auto"] | Part | None = Field(default="auto", description="auto: a digest; null: the card's")
    conditions: tuple[Condition, ...] = Field(min_length=1)

    @field_validator("version", "name", mode="before")
    @classmethod
    def _numbers_are_names_too(cls, value: Any) -> Any:
        """YAML reads `version: 2` as a number."""
        return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value

    @field_validator("bucket")
    @classmethod
    def _a_bucket(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(BUCKET, value):
            raise ValueError("not the name of a bucket: 3 to 63 of a-z, 0-9, dot and dash")
        return value

    @field_validator("prefix")
    @classmethod
    def _folders(cls, value: str) -> str:
        value = value.strip("/")
        if value and not all(re.fullmatch(PART, part) for part in value.split("/")):
            raise ValueError("not a prefix: letters, digits and ._+- divided by /")
        return value
