"""The schemas of compression plans: a list of steps, each with its settings (configs/compress/*.yaml)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from configs.exporting import Agrees, Calibration, CardText, Format, Scan
from configs.measuring import GateStep, ReportStep, SensitivityStep, SweepStep
from configs.schema import Schema
from configs.step import Ratio, StepConfig
from configs.tuning import Images, Levels, Soft, Tuning

# ------------------------------------------------------------------------------------------------ rewrite, prune, mask


class RewriteStep(StepConfig):
    """Writes each convolution whose output is split as two, which changes no result."""

    step: Literal["rewrite"] = "rewrite"


class LevelsStep(StepConfig):
    """Takes grids of the pose head away, those of the people too small to be of use."""

    step: Literal["levels"] = "levels"
    drop: tuple[int, ...] = Field(min_length=1, description="strides of the grids, px: 8 finds the smallest people")
    side: int = Field(default=256, ge=32, multiple_of=32, description="px, of the input whose MACs are counted")


class PruneStep(StepConfig):
    """Takes whole channels away."""

    step: Literal["prune"] = "prune"
    ratio: Ratio | None = Field(default=None, description="of the channels, where `ratios` says nothing else")
    ratios: dict[str, Annotated[float, Field(ge=0, lt=1)]] | Literal["sensitivity"] = Field(
        default={}, description="by block (model.4, model.23.cv4), or what the sensitivity step proposed"
    )
    scope: Literal["layer", "global"] = Field(
        default="layer", description="rank channels in their own layer, or those of all layers together"
    )
    criterion: Literal["l1", "l2", "taylor", "bn_scale"] = "l2"
    round_to: int = Field(default=8, ge=1, description="channels left are a multiple of it")
    head: bool = Field(default=True, description="prune the branches of the pose head too, but for their outputs")
    tolerance: float = Field(default=0.05, ge=0, description="how far the share of all channels may be off")
    side: int = Field(default=320, ge=32, multiple_of=32, description="px, of the input whose MACs are counted")
    images: Images | None = Field(default=None, description="whose gradients taylor takes")
    batches: int = Field(default=8, ge=1, description="of sixteen of these images")

    @property
    def reads_history(self) -> bool:
        return self.ratios == "sensitivity"

    @model_validator(mode="after")
    def _asks_for_something(self) -> PruneStep:
        if self.ratio is None and not self.ratios:
            raise ValueError("a prune step needs ratio or ratios")
        if self.criterion == "taylor" and self.images is None:
            raise ValueError("criterion taylor needs images")
        return self


class MaskStep(StepConfig):
    """Sets the smallest weights to zero, and keeps them there through training."""

    step: Literal["mask"] = "mask"
    ratio: Ratio = Field(default=0.5, description="of the weights")
    scope: Literal["layer", "global"] = Field(default="layer", description="in each layer, or over all of them")


class ReapplyStep(StepConfig):
    """Sets the weights of an earlier mask to zero again, in a checkpoint that was trained without it."""

    step: Literal["reapply"] = "reapply"
    mask: str = Field(default="mask", coerce_numbers_to_str=True, description="name or number of the mask step")

    @property
    def reads_history(self) -> bool:
        return True


class AlignStep(StepConfig):
    """Widens what is between two convolutions, by channels that are zero, to a number that a processor multiplies at
    once: the model answers the same, and is faster in int8."""

    step: Literal["align"] = "align"
    multiple: int = Field(default=8, ge=2, description="of the channels between two convolutions")
    least: int = Field(default=16, ge=1, description="channels between two convolutions")


class RefitStep(StepConfig):
    """Gives every convolution of a pose model, in least squares, the weights that answer most like those of the model
    that it was made from; what training begins with is then much nearer."""

    step: Literal["refit"] = "refit"
    like: str = Field(default="source", description="checkpoint, name or number of an earlier step, or source")
    relu: tuple[str, ...] = Field(
        default=(), description="blocks (model.0, model.23.cv2), or all: ReLU there in place of SiLU, which takes int8 "
        "two passes over each feature map and ReLU none"
    )  # fmt: skip
    levels: Levels = Field(
        default={}, description="by block (model.7), or all: of how many levels its weights are, which the file stores "
        "in 2.7, 3.2, 4 or 5.3 bits each; none: as they come"
    )  # fmt: skip
    least_weights: int = Field(default=4000, ge=1, description="layers with fewer weights have no levels")
    images: Images = Field(description="what its layers are shown; labels are not looked at")
    side: int = Field(default=256, ge=32, multiple_of=32, description="px, of the input")
    batches: int = Field(default=24, ge=1, description="of sixteen of these images; too few are learned by heart")
    seed: int = 0

    @property
    def reads_history(self) -> bool:
        return True


# ---------------------------------------------------------------------------------------------------- fine-tune, distil


class FinetuneStep(Tuning, StepConfig):
    """Trains a model further, in the shape that it has; masks are held."""

    step: Literal["finetune"] = "finetune"


class DistillStep(Tuning, StepConfig):
    """Trains a model further, beside the labels on what a teacher says."""

    step: Literal["distill"] = "distill"
    teacher: str = Field(default="source", description="checkpoint, name or number of an earlier step, or source")
    teacher_side: int | None = Field(default=None, ge=32, multiple_of=32,
                                     description="of a pose teacher's input, px; the student's without it")  # fmt: skip
    soft: Soft = Soft()

    @property
    def reads_history(self) -> bool:
        return not Path(self.teacher).is_file()


# ---------------------------------------------------------------------------------------------- quantize, export, gate


class QuantizeStep(StepConfig):
    """Stores a model in 8 or 16 bits: a pose checkpoint as an ONNX file with its card, a head with rounded weights."""

    step: Literal["quantize"] = "quantize"
    precision: Literal["int8", "fp16"] = "int8"
    side: int = Field(default=320, ge=32, multiple_of=32, description="px, of a pose model's input")
    calibration: Calibration | None = Field(default=None, description="int8 of a pose model needs it")
    structure: bool = Field(default=True, description="keep decode, attention and each branch's last layer in float")
    scan: Scan | None = Field(default=Scan(), description="keep what a scan finds in float; null: no scan")
    agrees: Agrees | None = Field(default=Agrees(), description="else the step fails; null: whatever comes")
    vote: bool = Field(default=False, description="joints are the mean of all cells that see a person, not of one")
    widths: tuple[Annotated[int, Field(ge=64, multiple_of=32)], ...] = Field(
        default=(), description="px, that the input may have as well, below `side`: for crops of people who stand"
    )
    retrain: Tuning | None = Field(
        default=None, description="when a pose model does not agree: train it in 8 bits like this, then once more"
    )
    card: CardText = CardText()
    windows: tuple[str, ...] = Field(
        default=(), description="folders of sequences that heads are shown and compared on"
    )

    @model_validator(mode="after")
    def _int8_needs_pictures(self) -> QuantizeStep:
        if self.scan is not None and self.scan.pictures > 64:
            raise ValueError("a scan of more than 64 pictures takes hours")
        return self


class ExportStep(StepConfig):
    """Writes a pose model in other formats; each is loaded again and compared with its source."""

    step: Literal["export"] = "export"
    formats: tuple[Format, ...] = Field(default=("onnx-fp32",), min_length=1)
    side: int = Field(default=320, ge=32, multiple_of=32, description="px, of the input")
    calibration: Calibration | None = Field(default=None, description="onnx-int8 needs it")
    pictures: tuple[str, ...] = Field(default=(), description="folders to compare on, beside Ultralytics' own two")
    missing: Literal["skip", "fail"] = Field(default="skip", description="what a format whose package is absent does")
    card: CardText = CardText()


AnyStep = Annotated[
    RewriteStep
    | LevelsStep
    | AlignStep
    | PruneStep
    | MaskStep
    | ReapplyStep
    | RefitStep
    | SensitivityStep
    | SweepStep
    | FinetuneStep
    | DistillStep
    | QuantizeStep
    | ExportStep
    | GateStep
    | ReportStep,
    Field(discriminator="step"),
]

#: The settings of each step, by its name.
STEPS: dict[str, type[StepConfig]] = {
    model.model_fields["step"].default: model for model in get_args(get_args(AnyStep)[0])
}


class Plan(Schema):
    """configs/compress/*.yaml: how a checkpoint becomes a small file."""

    steps: tuple[AnyStep, ...] = Field(min_length=1)
    source: str | None = Field(default=None, description="the checkpoint that it begins with")
