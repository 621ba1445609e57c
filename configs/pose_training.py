"""The schema of `repsight train-pose`: how a pose model is fine-tuned."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from configs.base import Schema

Share = Annotated[float, Field(ge=0, le=1)]


class PoseAugment(Schema):
    """How a picture is varied each time that it is seen; the terms are those of Ultralytics."""

    mosaic: Share = Field(default=0.5, description="share of pictures made of four")
    whole_at_end: int = Field(default=5, ge=0, description="epochs at the end without mosaics")
    flip: Share = Field(default=0.5, description="share mirrored, left and right joints with it")
    rotate_deg: float = Field(default=10.0, ge=0, le=180, description="largest tilt, either way")
    shift: Share = Field(default=0.1, description="largest shift, of the side, either way")
    scale: float = Field(default=0.4, ge=0, lt=1, description="largest change of size, either way")
    hue: Share = 0.015
    saturation: Share = 0.5
    brightness: Share = 0.4


class TrainPose(Schema):
    """configs/train_pose.yaml."""

    data: str | None = Field(default=None, description="data.yaml of a set in COCO-pose layout")
    base: str | None = Field(default=None, description="checkpoint to begin with (.pt), pruned or not")
    side: int = Field(default=640, ge=64, multiple_of=32, description="of the input, px")
    epochs: int = Field(default=100, ge=1)
    patience: int = Field(default=20, ge=0, description="epochs without a better one before it stops; 0: never")
    batch: int = Field(default=16, ge=1, description="pictures a step, over all devices")
    freeze: int = Field(default=0, ge=0, description="layers, from the first, that stay as they are")
    optimizer: Literal["AdamW", "SGD", "MuSGD"] = "AdamW"
    learning_rate: float = Field(default=5e-4, gt=0)
    schedule: Literal["cosine", "linear"] = Field(default="cosine", description="of the learning rate, after warm-up")
    last_rate: Share = Field(default=0.01, description="share of the learning rate that is left at the end")
    warm_up_epochs: float = Field(default=2.0, ge=0, description="in which the rate rises; never all of them")
    weight_decay: float = Field(default=5e-4, ge=0)
    unlabelled_joints: Literal["absent", "unknown"] = Field(
        default="absent", description="joints with v = 0: not to be seen, or not judged (LSP labels no faces)"
    )
    validation: float = Field(default=0.1, gt=0, lt=1, description="share kept for it, where the data names none")
    mixed_precision: bool = Field(default=True, description="bfloat16 where a GPU has it")
    device: str = Field(
        default="auto", description="auto, cpu, a GPU (0), or several (0,1)", coerce_numbers_to_str=True
    )
    workers: int = Field(default=4, ge=0, description="processes that prepare pictures for a GPU")
    threads: int = Field(default=2, ge=1, description="of each process on the processor")
    seed: int = Field(default=0, ge=0)
    augment: PoseAugment = PoseAugment()


#: What may be another when a run goes on: it changes how fast, not what is learnt.
OF_THE_MACHINE = frozenset({"device", "workers", "threads"})
