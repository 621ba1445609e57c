"""The schema of configs/extract.yaml: stage 1 over many videos."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from configs.base import Schema
from configs.follow import Follow


class Extract(Schema):
    """configs/extract.yaml."""

    engine: Literal["local", "ray"] = Field(default="local", description="ray: on a Ray cluster, or one made here")
    workers: int = Field(default=0, ge=0, description="videos at a time, a thread each; 0: one a core")
    address: str | None = Field(default=None, description="HOST:PORT of a Ray cluster, or auto; null makes one here")
    format: Literal["npz", "parquet"] = "npz"
    pose: str | None = Field(default=None, description="pose model file; the shipped one without it")
    estimator: str | None = Field(default=None, description="name of the pose estimator; else the file's suffix tells")
    follow: Follow = Follow()
