"""The schema of tracking.yaml: where MLflow keeps what a command did."""

from __future__ import annotations

from pydantic import Field

from configs.base import Schema


class Tracking(Schema):
    """configs/tracking.yaml: what `--track` tells MLflow. Every command takes `tracking.KEY=VALUE`."""

    uri: str | None = Field(
        default=None, description="server, or SQLite file; null: MLFLOW_TRACKING_URI, else runs/mlflow.db"
    )
    experiment: str = Field(default="repsight", min_length=1)
    run: str | None = Field(default=None, description="name of the run; the command and what it writes without it")
    model: str | None = Field(
        default="repsight",
        pattern=r"^\w[\w -]*$",
        description="registered model that gets a version of each new pair; null: none is made",
    )
    pose: str | None = Field(default=None, description="pose model file beside a new head; the shipped one without it")
    head: str | None = Field(default=None, description="head file beside a new pose model; the shipped one without it")
