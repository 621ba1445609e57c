"""The schema of `repsight train-baseline`: how a pixel baseline is trained, to compare heads with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from configs.base import Schema

Share = Annotated[float, Field(ge=0, le=1)]


class PixelAugment(Schema):
    """How a clip is varied each time that it is seen; all of its pictures in the same way."""

    crop: float = Field(default=0.75, gt=0, le=1, description="smallest share of each side that is kept")
    flip: Share = Field(default=0.5, description="share mirrored")
    light: float = Field(default=0.2, ge=0, lt=1, description="largest change of brightness and contrast, either way")


class TrainBaseline(Schema):
    """configs/train_baseline.yaml."""

    model: str = "r3d"
    data: str | None = Field(default=None, description="folder of videos or pictures, a folder in it for each class")
    split: str | None = Field(default=None, description="split file: train on its train part, validate on validation")
    pretrained: bool = Field(default=True, description="begin with published weights; random ones without a network")
    weights: str | None = Field(default=None, description="file of such weights that is here, or a baseline's .pt")
    freeze: int = Field(default=0, ge=0, description="blocks, from the first, that stay as they are")
    depths: tuple[int, ...] = Field(default=(), description="values of freeze that --study tries; none: five of them")
    vit: str = Field(default="vit_tiny_patch16_224", description="which Vision Transformer, as timm calls it")
    width: int | None = Field(default=None, ge=4, description="of the first block; none: as published")
    side: int | None = Field(default=None, ge=16, description="of a picture, px; none: as published")
    frames: int | None = Field(default=None, ge=1, description="pictures of a clip; none: as published")
    rate_hz: float = Field(default=8.0, gt=0, description="pictures a second")
    views: int = Field(default=4, ge=1, description="clips whose mean is the answer for a video")
    epochs: int = Field(default=20, ge=1)
    patience: int = Field(default=8, ge=1, description="epochs without a better validation loss before it stops")
    batch: int = Field(default=8, ge=1)
    learning_rate: float = Field(default=3e-4, gt=0)
    weight_decay: float = Field(default=0.02, ge=0)
    label_smoothing: float = Field(default=0.05, ge=0, lt=1)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = Field(default=2, ge=1)
    tensorrt: Literal["auto"] | bool = Field(default="auto", description="an engine as well; auto: if it can be")
    seed: int = Field(default=0, ge=0)
    augment: PixelAugment = PixelAugment()


#: What may be another when a run goes on: it changes how fast and where, not what is learnt.
OF_THE_MACHINE = frozenset({"threads", "tensorrt", "depths"})
