"""The schemas of what a model becomes: its calibration, the scan for nodes that int8 harms, its card, its formats."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from configs.schema import Schema

#: What an export can be: a format and a precision.
Format = Literal[
    "onnx-fp32", "onnx-fp16", "onnx-int8", "litert-fp32", "litert-fp16", "litert-int8", "ncnn-fp32", "ncnn-fp16",
    "openvino-fp32", "openvino-fp16", "tensorrt-fp32", "tensorrt-fp16",
]  # fmt: skip


class Calibration(Schema):
    """The pictures whose values give int8 its ranges, and how."""

    folders: tuple[str, ...] = Field(min_length=1, description="of pictures with people, searched through")
    by: Literal["source", "class"] = Field(
        default="source", description="each of the folders is a source; each folder that holds pictures is a class"
    )
    each: int = Field(default=200, ge=1, description="pictures of each source or class, at most")
    method: Literal["minmax", "percentile", "entropy"] = "percentile"
    percentile: float = Field(default=99.999, gt=50, le=100, description="share of the values inside the range")


class Scan(Schema):
    """The search for nodes that int8 harms: each block is quantized alone, then each node of those that it harms."""

    pictures: int = Field(default=8, ge=1, description="of the calibration's, to measure the harm on")
    tolerance: float = Field(default=0.05, ge=0, description="harm of one block that is let pass")


class CardText(Schema):
    """What a model card says beside what is known."""

    name: str = "yolo11n-pose"
    version: str = "1"
    licence: str = "AGPL-3.0"
    trained_on: tuple[str, ...] = Field(
        default=("YOLO11n-pose by Ultralytics (COCO keypoints), AGPL-3.0",), min_length=1
    )


class Agrees(Schema):
    """How well an export has to agree with its source: on the pictures, or the windows of a head."""

    found: float = Field(default=0.80, ge=0, le=1, description="share of people found again")
    oks: float = Field(default=0.90, ge=0, le=1, description="mean similarity of their keypoints")
    actions: float = Field(default=0.995, ge=0, le=1, description="share of windows in which a head says the same")
