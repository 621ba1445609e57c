"""What every step of a compression plan has."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from configs.schema import Schema

#: The share that is taken away.
Ratio = Annotated[float, Field(gt=0, lt=1)]


class StepConfig(Schema):
    """What every step of a plan has. Paths in a plan are relative to the folder that the command is run in."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    step: str
    name: str | None = Field(default=None, pattern=r"^[a-z0-9_]+$", description="what it is called, and its folder")
    start: str | None = Field(default=None, alias="from", coerce_numbers_to_str=True,
                              description="name or number of an earlier step, or source: what it takes")  # fmt: skip

    @property
    def label(self) -> str:
        """What the step is called by."""
        return self.name or self.step

    @property
    def reads_history(self) -> bool:
        """Whether its result depends on the records of earlier steps, not on its source and settings alone."""
        return False
