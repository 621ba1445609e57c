"""The schemas of the YAML files in this folder. An unknown key is an error everywhere."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Schema(BaseModel):
    """The base of every schema: frozen, and nothing unknown gets in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FullRep(Schema):
    """The joint angle that tells a full rep, in degrees; 180 is a straight joint."""

    angle: Literal["elbow", "shoulder", "hip", "knee"]
    start_deg: float = Field(ge=0, le=180)
    turn_deg: float = Field(ge=0, le=180)


class Action(Schema):
    """One action: what kind it is, and for reps the two postures that a rep goes between."""

    kind: Literal["reps", "hold", "rest"]
    start: str | None = None
    turn: str | None = None
    counted_at: Literal["start", "turn"] = "start"
    full: FullRep | None = None
    needs: tuple[Literal["shoulder", "elbow", "wrist", "hip", "knee", "ankle"], ...] = ()

    @model_validator(mode="after")
    def _reps_have_a_range(self) -> Action:
        if self.kind == "reps" and (self.start is None or self.turn is None or self.full is None):
            raise ValueError("an action of kind reps needs start, turn and full")
        return self


class RangeOfMotion(Schema):
    """Shares of a full rep: what is counted, what is full, and how much of the way back completes it."""

    counted: float = Field(default=0.30, gt=0, lt=1)
    full: float = Field(default=0.70, gt=0, le=1)
    way_back: float = Field(default=0.80, gt=0, le=1)


class Actions(Schema):
    """configs/actions.yaml."""

    range_of_motion: RangeOfMotion = RangeOfMotion()
    actions: dict[str, Action] = Field(min_length=1)

    @property
    def names(self) -> tuple[str, ...]:
        """The actions in the order of the file."""
        return tuple(self.actions)
