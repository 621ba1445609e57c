"""What a viewer is told of a reading, as JSON: made once, however many watch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from edge.reading import Reading, State
from edge.scoreboard import Board
from edge.words import Tone
from keypoints.types import Pose

#: What a viewer may ask for.
Asked = Literal["skip", "reset"]


class Skeleton(BaseModel):
    """The person: 17 joints in COCO's order as x px, y px, confidence 0-1, in a picture of `size` (width, height)."""

    model_config = ConfigDict(extra="forbid")

    size: tuple[int, int]
    points: list[tuple[int, int, float]] = Field(min_length=17, max_length=17)


class Now(BaseModel):
    """One reading, as the screen shows it."""

    model_config = ConfigDict(extra="forbid")

    time_s: float
    state: State
    action: str | None
    confidence: float
    reps: dict[str, int]
    holds_s: dict[str, float]
    title: str
    number: str
    unit: str
    flash: bool
    progress: float | None = Field(description="through the rep, 0-1; the turning point is at 0.5")
    headline: str
    advice: str
    tone: Tone
    totals: list[tuple[str, str]]
    elapsed: str
    details: list[tuple[str, str]] = Field(description="the last rep's tempo, and the time of the set or the rest")
    can: list[Asked] = Field(description="what a viewer may ask for now")
    skeleton: Skeleton | None
    notice: str | None = Field(description="what happened meanwhile, such as a full disk")
    fps: float


@dataclass(frozen=True)
class Told:
    """A reading with what belongs to it. size: (width, height) px of its frame; None keeps the person private."""

    reading: Reading
    board: Board
    size: tuple[int, int] | None = None
    notice: str | None = None
    fps: float = 0.0
    can: tuple[Asked, ...] = ()

    @cached_property
    def text(self) -> str:
        """The JSON of a `Now`; only the thread of the server asks for it."""
        reading, board = self.reading, self.board
        content: dict[str, Any] = {
            "time_s": round(reading.time_s, 3), "state": reading.state, "action": reading.action,
            "confidence": round(reading.confidence, 3), "reps": dict(reading.reps),
            "holds_s": {action: round(seconds, 2) for action, seconds in reading.holds_s.items()},
            "title": board.title, "number": board.number, "unit": board.unit, "flash": board.flash,
            "progress": None if board.progress is None else round(board.progress, 3),
            "headline": board.headline, "advice": board.advice, "tone": board.tone, "totals": board.totals,
            "elapsed": board.elapsed, "details": board.details, "can": self.can,
            "skeleton": _skeleton(reading.pose, self.size), "notice": self.notice, "fps": round(self.fps, 1),
        }  # fmt: skip
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _skeleton(pose: Pose | None, size: tuple[int, int] | None) -> dict[str, Any] | None:
    if pose is None or size is None:
        return None
    places = np.rint(pose.keypoints[:, :2]).astype(int).tolist()
    sure = pose.keypoints[:, 2].round(2).tolist()
    return {"size": size, "points": [(x, y, round(c, 2)) for (x, y), c in zip(places, sure, strict=True)]}
