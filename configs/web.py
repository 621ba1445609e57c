"""Where a server of RepSight listens; and the schema of `web:` in configs/run.yaml."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from configs.base import Schema


class Listen(Schema):
    """Where a server listens, what it is called, and how long it waits for somebody who stands still."""

    #: How its settings are named in messages, and the file that they are in.
    prefix: ClassVar[str] = ""
    file: ClassVar[str] = "serve.yaml"

    host: str = Field(default="127.0.0.1", min_length=1, description="0.0.0.0 is every network, behind a token")
    port: int = Field(default=8000, ge=0, le=65535, description="0 takes any that is free")
    names: tuple[str, ...] = Field(default=(), description="other names that this machine is called by")
    patience_s: float = Field(default=10.0, ge=1, description="until a viewer is dropped who takes nothing")


class Web(Listen):
    """The web screen: where it listens, and what it shows."""

    prefix: ClassVar[str] = "web."
    file: ClassVar[str] = "run.yaml"

    video: Literal["on", "skeleton", "off"] = Field(default="on", description="what a viewer sees of the person")
    video_width: int = Field(default=960, ge=64, le=3840, description="pixels; a narrower picture stays as it is")
    video_fps: float = Field(default=15.0, gt=0, description="pictures a second, at most")
    viewers: int = Field(default=32, ge=1, le=1000, description="at the same time")

    @field_validator("video", mode="before")
    @classmethod
    def _yaml_switch(cls, value: object) -> object:
        """YAML reads `video: on` as true."""
        return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value
