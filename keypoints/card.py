"""The model card: what a model file says of itself, one JSON object under the ONNX metadata key `repsight`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from keypoints.errors import ModelError

KEY = "repsight"
FORMAT = 1  # the newest format of the card that this version reads


class _Card(BaseModel):
    """What every kind of model says. Unknown keys are kept out of the way, so a newer writer stays readable."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: Literal[1] = 1
    name: str
    version: str
    licence: str
    trained_on: tuple[str, ...]
    metrics: dict[str, Any] = {}
    made_by: dict[str, Any] = {}

    def to_json(self) -> str:
        """The card as the text that goes under the metadata key."""
        return json.dumps(self.model_dump(mode="json", exclude_none=True), sort_keys=True)


class PoseCard(_Card):
    """A pose model: `input` [height, width] px, `layout` of its output, `precision` of its weights.

    widths: that its input may have as well, narrower ones, for whoever stands; none: it takes `input` alone.
    layout `yolo`: (1, 4 + 1 + 51, N) with cx cy w h, score, 17 x (x, y, confidence), before NMS.
    layout `yolo-nms-free`: (1, M, 4 + 1 + 1 + 51) with x1 y1 x2 y2, score, class, keypoints.
    """

    kind: Literal["pose"] = "pose"
    input: tuple[int, int]
    layout: Literal["yolo", "yolo-nms-free"]
    precision: Literal["fp32", "fp16", "int8"]
    widths: tuple[int, ...] = ()


class CardAction(BaseModel):
    """One class of a head. definition: of an action that the head was taught, what configs/actions.yaml would say."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    kind: Literal["reps", "hold", "rest"]
    definition: dict[str, Any] | None = None


class HeadCard(_Card):
    """A head: its classes in the order of the `action` output, `window` samples at `rate_hz`."""

    kind: Literal["head"] = "head"
    actions: tuple[CardAction, ...] = Field(min_length=1)
    window: int = Field(ge=1)
    rate_hz: float = Field(gt=0)
    temperature: float = 1.0


class BaselineCard(_Card):
    """A network on pixels, to compare heads with: uint8 `clips` (batch, frames, side, side, 3), RGB, sampled at
    `rate_hz`, to probabilities of `labels`, in that order.

    model: by its name in `classifier.baselines`. views: clips whose mean is the answer for a video. weights: what its
    training began with. settings: that its network is built of.
    """

    kind: Literal["baseline"] = "baseline"
    model: str
    labels: tuple[str, ...] = Field(min_length=2)
    frames: int = Field(ge=1)
    side: int = Field(ge=1)
    rate_hz: float = Field(gt=0)
    views: int = Field(ge=1)
    weights: str
    settings: dict[str, Any] = {}


#: Where a model of a kind can be used, for who gives it elsewhere.
_USES = {"pose": "`repsight run` takes it with --pose", "head": "`repsight run` takes it with --head",
         "baseline": "a pixel baseline is for `repsight evaluate --baseline`"}  # fmt: skip

C = TypeVar("C", bound=_Card)


def pose_input(metadata: Mapping[str, str]) -> tuple[int, int] | None:
    """The input (height, width) px that the card of a pose model names; None where there is no such card."""
    try:
        return read_card(PoseCard, metadata, "").input
    except ModelError:
        return None


def read_card(kind: type[C], metadata: Mapping[str, str], file: str | Path) -> C:
    """Read the card of `kind` out of a model's metadata.

    Raises ModelError when there is none, it has an unknown format, or it describes another kind of model.
    """
    text = metadata.get(KEY)
    if text is None:
        raise ModelError("not a RepSight model", file=file, field=f"metadata {KEY}", expected="a model card",
                         found="nothing", hint="make it with `repsight export` or `repsight train-head`")  # fmt: skip
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ModelError(f"not JSON: {error}", file=file, field=f"metadata {KEY}") from None
    if not isinstance(content, dict):
        raise ModelError("not an object", file=file, field=f"metadata {KEY}", found=type(content).__name__)
    if content.get("format") != FORMAT:
        raise ModelError("unknown format of the model card", file=file, field="format", expected=FORMAT,
                         found=content.get("format"), hint="update RepSight, or export the model again")  # fmt: skip
    wanted = kind.model_fields["kind"].default
    if content.get("kind") != wanted:
        raise ModelError("another kind of model", file=file, field="kind", expected=wanted, found=content.get("kind"),
                         hint=_USES.get(str(content.get("kind"))))  # fmt: skip
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ModelError(first["msg"], file=file, field=field, found=repr(first["input"])) from None
