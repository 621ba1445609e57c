"""The base of every schema."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Schema(BaseModel):
    """The base of every schema: frozen, and nothing unknown and no number without end gets in."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
