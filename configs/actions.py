"""The schema of configs/actions.yaml: what is counted, what a full rep is, and what other sources call it."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

from pydantic import Field, model_validator

from configs.base import Schema

Joint = Literal["shoulder", "elbow", "wrist", "hip", "knee", "ankle"]


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
    needs: tuple[Joint, ...] = ()

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


def spelled(label: str) -> str:
    """A label as the name of a class: `Sit-up` is `sit_up`."""
    return re.sub(r"[\W_]+", "_", label.lower()).strip("_")


class Actions(Schema):
    """configs/actions.yaml."""

    range_of_motion: RangeOfMotion = RangeOfMotion()
    aliases: dict[str, str] = Field(default={})
    actions: dict[str, Action] = Field(min_length=1)

    @property
    def names(self) -> tuple[str, ...]:
        """The actions in the order of the file."""
        return tuple(self.actions)

    def without(self, names: Collection[str]) -> Actions:
        """The same but for some actions; the labels that led to them are `other`."""
        actions = {name: action for name, action in self.actions.items() if name not in names}
        aliases = {label: name for label, name in self.aliases.items() if name in actions}
        return Actions(range_of_motion=self.range_of_motion, aliases=aliases, actions=actions)

    def fold(self, label: str) -> str:
        """The action that a label of another source stands for; `other` when none does."""
        return self._ours(label) or "other"

    def knows(self, label: str) -> bool:
        """Whether a label of another source stands for an action by its name; `other` as such counts."""
        return self._ours(label) is not None

    def _ours(self, label: str) -> str | None:
        name = spelled(label)
        name = self.aliases.get(name, name)
        return name if name in self.actions else None

    @model_validator(mode="after")
    def _aliases_lead_to_actions(self) -> Actions:
        for label, name in self.aliases.items():
            if name not in self.actions:
                raise ValueError(f"the alias {label} leads to {name}, which is not an action")
        return self
