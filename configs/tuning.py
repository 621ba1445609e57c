"""The schemas of training in a compression plan: its pictures, how they are varied, how a model learns from them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from configs.schema import Schema, TrainHead

Share = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=32, multiple_of=32)]
#: By block (model.7), or all: of how many levels its weights are, see `compression.codebook`.
Levels = dict[str, Literal[6, 9, 16, 40]]


class Pictures(Schema):
    """Pictures of people: a folder, or one file that `python -m compression.pack` wrote."""

    folder: str = Field(description="pictures, or images/ and perhaps labels/ (YOLO pose), or a Leeds set, or a .npz")
    weight: float = Field(default=1.0, gt=0, description="how often it is drawn from, beside the others")
    labels: Literal["auto", "teacher"] = Field(default="auto", description="auto: its own, the teacher's without any")
    unlabelled_joints: Literal["absent", "unknown", "teacher"] = Field(
        default="absent", description="of a labelled person: not to be seen, not judged, or where the teacher sees them"
    )
    others: bool = Field(default=False, description="people without label are labelled by the teacher")
    where: dict[str, str] = Field(default={}, description="column of provenance.csv: the value of the pictures used")
    limit: int | None = Field(default=None, ge=1, description="pictures, at most")


class Rendered(Schema):
    """Synthetic people with exact keypoints."""

    count: int = Field(default=1000, ge=1)
    weight: float = Field(default=1.0, gt=0)
    seed: int = Field(default=0, ge=0)
    a_person: int = Field(default=8, ge=1, description="pictures of each person, in the same room")
    backgrounds: tuple[str, ...] = Field(default=(), description="folders of photographs to put people into")
    background_share: Share = 0.6


class Images(Schema):
    """What a pose model learns from."""

    pictures: tuple[Pictures, ...] = ()
    rendered: Rendered | None = None
    teacher: str | None = Field(default=None, description="checkpoint that labels what has no label")
    teacher_side: Side = 640
    longest: int = Field(default=448, ge=32, description="larger pictures are scaled down to it, px")
    cache: str | None = Field(
        default=None, description="folder for what was labelled or rendered; beside the plan else"
    )

    @model_validator(mode="after")
    def _something_to_learn_from(self) -> Images:
        if not self.pictures and self.rendered is None:
            raise ValueError("images needs pictures, rendered, or both")
        return self


class Views(Schema):
    """How a picture is varied each time that it is seen."""

    person: Share = Field(
        default=0.6, description="share of views that one person fills, as the edge runner crops them"
    )
    margin: tuple[float, float] = Field(
        default=(1.0, 2.2), description="side of such a view, in longer sides of the box"
    )
    scale: tuple[float, float] = Field(default=(0.6, 1.15), description="of whole pictures in the input")
    shift: Share = Field(default=0.12, description="of the side, either way")
    rotate_deg: float = Field(default=15.0, ge=0, le=180, description="standard deviation of the tilt")
    turned: Share = Field(default=0.12, description="share turned by any angle: floors, walls, phones on their side")
    flip: Share = 0.5
    colour: float = Field(default=0.3, ge=0, le=0.9, description="largest change of brightness, contrast and tints")
    grey: Share = 0.05
    blur: Share = 0.15
    wear: Share = Field(default=0.2, description="share seen through a cheap lens, in bad light, compressed hard")


class Soft(Schema):
    """What a student learns from its teacher beside the labels: the weight of each part, and its softness."""

    labels: float = Field(default=0.5, ge=0, description="weight of the labels' own loss")
    outputs: float = Field(default=1.0, ge=0, description="weight of the teacher's scores, boxes and keypoints")
    features: float = Field(default=1.0, ge=0, description="weight of what the neck sees, through 1x1 adaptors")
    layers: float = Field(default=0.0, ge=0, description="weight of what every layer of its width and name answers")
    temperature: float = Field(default=2.0, gt=0)


class Tuning(Schema):
    """How a model is trained; the pose half has steps of a batch, the head half the settings of `train-head`."""

    images: Images | None = Field(default=None, description="what a pose model learns from")
    views: Views = Views()
    sides: tuple[Side, ...] = Field(default=(256,), min_length=1, description="of the input, px; one is drawn a step")
    batch: int = Field(default=16, ge=1)
    steps: int = Field(default=1000, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    last_rate: Share = Field(default=0.02, description="share of the learning rate that is left at the end")
    warm_up: Share = Field(default=0.05, description="share of the steps in which the learning rate rises")
    weight_decay: float = Field(default=5e-4, ge=0)
    norms: Literal["batch", "kept"] = Field(
        default="batch", description="batch norms: by the statistics of each batch, or as they are (small batches)"
    )
    trained: Literal["all", "norms"] = Field(
        default="all", description="all weights, or scale and shift of the batch norms alone: weights keep their levels"
    )
    average: float = Field(default=0.998, ge=0, lt=1, description="decay of the moving average of the weights; kept")
    clip: float = Field(default=10.0, gt=0, description="largest norm of the gradient")
    seed: int = 0
    threads: int = Field(default=1, ge=1, description="of the network, and as many that prepare pictures")
    eight_bits: bool = Field(
        default=False, description="round weights and activations to 8 bits meanwhile, for a pose model to be quantized"
    )
    levels: Levels = Field(
        default={}, description="by block, or all: round weights to so many levels meanwhile, see step refit"
    )
    least_weights: int = Field(default=4000, ge=1, description="layers with fewer weights have no levels")
    device: str = Field(default="auto", description="auto: CUDA where it is, else the processor")
    save_every: int = Field(default=100, ge=1, description="steps between checkpoints from which a killed run goes on")
    head: TrainHead | None = Field(default=None, description="how a head is trained; its data is in `data`")
