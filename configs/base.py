"""The base of every schema."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Schema(BaseModel):
    """The base of every schema: frozen, and nothing unknown gets in."""

    model_config = ConfigDict(frozen=True, extra="forbid")
