"""The schema of what a slow or hot machine leaves out."""

from __future__ import annotations

from pydantic import Field, field_validator

from configs.base import Schema


class KeepUp(Schema):
    """What is done when the machine is too slow for a camera, or too hot: fewer pictures, then a smaller pose model."""

    target_ms: float | None = Field(default=250.0, gt=0, description="from decoded to drawn; null: only heat counts")
    fps: tuple[float, ...] = Field(default=(15.0, 10.0), description="the steps: pictures a second that are looked at")
    pose: str | None = Field(default=None, description="pose model of a smaller input: the last step")

    @field_validator("fps")
    @classmethod
    def _rates(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(rate <= 0 for rate in value):
            raise ValueError("every rate is above 0")
        return value
