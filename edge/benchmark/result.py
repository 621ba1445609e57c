"""What a benchmark writes: its JSON, read and checked again when results are compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.report import write_whole
from keypoints.errors import InputError

SCHEMA = 1


class _Part(BaseModel):
    """Unknown keys stay out of the way, so that what a later version adds can be read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Stage(_Part):
    """Quantiles over the frames that had the stage, and the mean over all frames, ms."""

    p50: float
    p90: float
    p99: float
    mean: float | None = None


class Energy(_Part):
    """For each minute of video, J, and each frame, mJ; how: measured, or how it was estimated."""

    j_per_minute: float
    mj_per_frame: float
    how: str


class PoseLimit(_Part):
    """See `peak.Limit`."""

    macs: dict[str, int]
    peak_gmacs: dict[str, float]
    limit_ms: float
    share: float
    threads: int


class Look(Stage):
    """The chain of the frames in which the pose model was shown one thing: the whole picture, a crop, a tile."""

    frames: int


class Grown(_Part):
    """The chain with so much of something. label: in words. input: how much that is. stages: ms a frame, or a round of
    all cameras."""

    label: str
    input: float
    stages: dict[str, Stage]


class Contestant(_Part):
    """See `sidebyside.Side`."""

    name: str
    what: str
    frames: int
    stages: dict[str, Stage]
    ratio: float
    low: float
    high: float


class Result(_Part):
    """One benchmark.

    size: (width, height) of the source, px. seconds: measured, of real time. accounted: the sum of the chain's stages
    as a share of the whole; beside_pose: of all but the pose model. drift: the last quarter's median over the first's.
    others_cores, steal: how busy the machine was with others meanwhile.
    """

    schema_version: int = Field(default=SCHEMA, alias="schema")
    command: str = ""
    machine: dict[str, Any]
    models: dict[str, Any]
    source: str
    size: tuple[int, int] | None = None
    frames: int
    seconds: float | None = None
    stages: dict[str, Stage]
    fps: float
    rss_mb: float
    first_reading_s: float | None = None
    install_mb: float | None = None
    install: dict[str, float] = {}
    cpu_s_per_minute: float | None = None
    energy: Energy | None = None
    looks: dict[str, Look] = {}
    accounted: float | None = None
    beside_pose: float | None = None
    drift: float | None = None
    others_cores: float | None = None
    steal: float | None = None
    pose_limit: PoseLimit | None = None
    side_by_side: tuple[Contestant, ...] = ()
    growth: dict[str, tuple[Grown, ...]] = {}
    warnings: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        """Write the JSON whole or not at all. Raises RepSightError when that fails."""
        write_whole(path, json.dumps(self.model_dump(mode="json", by_alias=True), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Result:
        """Read a result. Raises InputError when it is none, or one of another schema version."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError("no such file", file=path, hint="`repsight benchmark --json FILE` writes one") from None
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise InputError(f"not JSON that can be read: {error}", file=path) from None
        if not isinstance(content, dict) or "schema" not in content:
            raise InputError("not the result of a benchmark", file=path, field="schema", expected=SCHEMA,
                             found="nothing")  # fmt: skip
        if content["schema"] != SCHEMA:
            what, hint = "a result of another schema version can't be compared", "measure again with this version"
            raise InputError(what, file=path, field="schema", expected=SCHEMA, found=content["schema"], hint=hint)
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(first["msg"], file=path, field=".".join(map(str, first["loc"]))) from None
