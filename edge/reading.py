"""`Reading`: what one frame ends in, for every screen and log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from classifier.rep import Rep
from keypoints.follow import Kind
from keypoints.types import Pose

State = Literal[
    "camera lost", "no person", "step back", "turn to the side", "ready", "counting", "hold", "rest"
]  # fmt: skip

#: The stages of the chain in order; `chain` is from decoded BGR frame to drawn frame, without decode and log.
STAGES = (
    "decode", "letterbox", "pose", "track", "smooth", "window", "head", "count", "draw", "log", "chain",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """One frame, read.

    time_s: the frame's time. pose: the subject, or None. action: the action shown to the user, or None while
    nothing is known. confidence: of that action, 0-1. phase: radians in [0, 2 pi), None outside a rep's action.
    state: what the user is told. reps: counted so far, by action. holds_s: seconds held so far, by action.
    new_reps: the reps that this frame completed. look: what the pose model was shown: the whole picture, a crop or a
    tile; None without a picture. stage_ms: milliseconds by stage name.
    """

    time_s: float
    pose: Pose | None
    action: str | None
    confidence: float
    state: State
    phase: float | None = None
    reps: Mapping[str, int] = field(default_factory=dict)
    holds_s: Mapping[str, float] = field(default_factory=dict)
    new_reps: tuple[Rep, ...] = ()
    look: Kind | None = None
    stage_ms: Mapping[str, float] = field(default_factory=dict)
