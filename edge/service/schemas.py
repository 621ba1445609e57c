"""What the service answers, for its description (OpenAPI)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

Keypoint = tuple[float, float, float]


class Person(BaseModel):
    """Somebody in a picture: 17 joints in COCO's order as x px, y px, confidence 0-1 (a missing one is 0, 0, 0), and a
    box x1, y1, x2, y2 px."""

    keypoints: list[Keypoint] = Field(min_length=17, max_length=17)
    box: tuple[float, float, float, float]
    score: float


class Picture(BaseModel):
    """A picture of `size` (width, height) px, looked at; people with the best score first."""

    size: tuple[int, int]
    poses: list[Person]
    latency_ms: float


class Segment(BaseModel):
    """A time in which one action was shown."""

    action: str
    start_s: float
    end_s: float
    reps: int


class Rep(BaseModel):
    """A counted rep."""

    action: str
    start_s: float
    end_s: float
    counted_at_s: float


class Counted(BaseModel):
    """What was counted in a film or a sequence: what `repsight run --json` writes."""

    source: str
    frames: int
    duration_s: float
    fps: float
    models: dict[str, dict[str, Any]]
    totals: dict[str, int]
    holds: dict[str, float]
    segments: list[Segment]
    reps: list[Rep]
    steps: list[dict[str, Any]]
    latency_ms: dict[str, dict[str, float]]
    looks: dict[str, dict[str, Any]]


class JobState(BaseModel):
    """A job. position: 1 is next. progress: 0-1, null where nobody knows the length. error: why it failed."""

    id: str
    state: Literal["queued", "running", "done", "failed"]
    position: int | None
    progress: float | None
    frames: int
    error: str | None
    name: str | None


class Health(BaseModel):
    """Whether the service lives, or is ready."""

    status: Literal["ok", "ready", "starting"]


class Problem(BaseModel):
    """Why a request is not answered as it was asked."""

    detail: str


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The part of a route's description that names how it says no."""
    return {status: {"model": Problem, "description": _MEANING[status]} for status in statuses}


def body(kinds: tuple[str, ...], what: str) -> dict[str, Any]:
    """The part of a route's description that says what its body is: the file itself."""
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in kinds}
    return {"requestBody": {"required": True, "description": what, "content": content}}


_MEANING = {
    400: "not what it should be, damaged, or empty",
    401: "a token is needed, or this one is wrong",
    403: "a page of another origin asks",
    404: "no such job",
    408: "the body comes too slowly",
    409: "not done yet",
    411: "a body without its length",
    413: "too many bytes or pixels, too long, or too much work",
    415: "a file of another kind",
    421: "this machine is not called that",
    422: "something in it is out of range",
    503: "too much to do at the moment: come again after the seconds of Retry-After",
}
