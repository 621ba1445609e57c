"""The schemas of the steps that measure: scans over ratios, the gate, the report."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from configs.schema import Schema
from configs.step import Ratio, StepConfig
from configs.tuning import Tuning

_TENTHS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


class Measured(Schema):
    """What accuracy is measured on while a model is pruned: `compression.accuracy`."""

    folder: str = Field(description="annotations.json and images/, COCO keypoints")
    side: int = Field(default=256, ge=32, multiple_of=32, description="px")
    limit: int | None = Field(default=100, ge=1, description="images, at most")


class _Scan(StepConfig):
    """A scan over ratios, with or without a short training of each point."""

    measured: Measured
    criterion: Literal["l1", "l2", "bn_scale"] = "l2"
    tune: Tuning | None = Field(default=None, description="a short training of each point; null: none")
    workers: int = Field(default=2, ge=1, description="processes, one thread each")

    @model_validator(mode="after")
    def _training_needs_images(self) -> _Scan:
        if self.tune is not None and self.tune.images is None:
            raise ValueError("tune needs images")
        return self


class SensitivityStep(_Scan):
    """Prunes each block alone and measures what that costs."""

    step: Literal["sensitivity"] = "sensitivity"
    ratios: tuple[Ratio, ...] = Field(default=(0.1, 0.3, 0.5, 0.7, 0.9), min_length=1)
    blocks: tuple[str, ...] = Field(default=(), description="model.4, model.23.cv4, ...; all of them without any")
    round_to: int = Field(default=1, ge=1)
    head: bool = True
    allowed_loss: float = Field(default=0.02, ge=0, description="of AP or crop recall, for the ratio proposed")
    target: Ratio | None = Field(default=None, description="share of all channels that the proposed ratios take away")


class SweepStep(_Scan):
    """Prunes the whole model at each ratio, whole channels and single weights, and draws what that costs."""

    step: Literal["sweep"] = "sweep"
    ratios: tuple[Ratio, ...] = Field(default=_TENTHS, min_length=1)
    kinds: tuple[Literal["structured", "unstructured"], ...] = ("structured", "unstructured")
    scope: Literal["layer", "global"] = "layer"
    round_to: int = Field(default=8, ge=1)


class GateStep(StepConfig):
    """Passes a model on when it is good enough, and stops the plan when it is not."""

    step: Literal["gate"] = "gate"
    folder: str | None = Field(default=None, description="annotations.json and images/: AP and crop recall")
    frames: str | None = Field(default=None, description="images/ and labels/ of one person each: PCK")
    windows: tuple[str, ...] = Field(default=(), description="folders of sequences that heads are compared on")
    limit: int | None = Field(default=None, ge=1, description="pictures of each folder, at most")
    side: int = Field(default=320, ge=32, multiple_of=32, description="px, for what takes any size")
    against: str = Field(default="source", description="name or number of a step, source, or a file: what it began as")
    ap_drop: float | None = Field(default=0.01, ge=0, description="against that")
    crop_recall_drop: float | None = Field(default=0.01, ge=0)
    pck_drop: float | None = Field(default=0.01, ge=0)
    least_ap: float | None = Field(default=None, ge=0, le=1)
    least_crop_recall: float | None = Field(default=None, ge=0, le=1)
    least_pck: float | None = Field(default=None, ge=0, le=1)
    least_actions: float = Field(
        default=0.995, ge=0, le=1, description="share of windows in which a head says the same"
    )
    most_bytes: int | None = Field(default=None, ge=1, description="size of the file")

    @property
    def reads_history(self) -> bool:
        return True

    @model_validator(mode="after")
    def _measures_something(self) -> GateStep:
        if not (self.folder or self.frames or self.windows or self.most_bytes):
            raise ValueError("a gate needs folder, frames, windows or most_bytes")
        return self


class ReportStep(StepConfig):
    """Measures every candidate side by side, and writes the page."""

    step: Literal["report"] = "report"
    folder: str | None = Field(default=None, description="annotations.json and images/: AP and crop recall")
    frames: str | None = Field(default=None, description="images/ and labels/ of one person each: PCK, by action")
    clips: str | None = Field(default=None, description="folder of labelled clips: PCK against the source, by action")
    clip_frames: int = Field(default=6, ge=1, description="of each clip")
    candidates: tuple[str, ...] = Field(
        default=(), description="steps (name or number), source, or files; all steps that made a model without any"
    )
    limit: int | None = Field(default=None, ge=1, description="pictures of each folder, at most")
    side: int = Field(default=320, ge=32, multiple_of=32, description="px, for what takes any size")
    frames_timed: int = Field(default=200, ge=1, description="of each candidate, interleaved")

    @property
    def reads_history(self) -> bool:
        return True
