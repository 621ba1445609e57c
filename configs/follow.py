"""The schema of how the pose model follows the subject: part of what runs, and of what is extracted."""

from __future__ import annotations

from pydantic import Field

from configs.base import Schema


class Follow(Schema):
    """How the pose model follows the subject: it looks at a crop around them, and now and then at the whole picture."""

    enabled: bool = Field(default=True, description="false: every look is at the whole picture")
    margin: float = Field(default=0.35, ge=0.1, le=2, description="about the subject, in sides of their box")
    whole_every_s: float = Field(default=1.0, gt=0, description="seconds between looks at the whole picture")
    tiles: bool = Field(default=True, description="while nobody is found, two looks of three are at a part, enlarged")
