"""The schemas of `repsight pipeline`: one section for each stage (configs/pipeline/*.yaml)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from configs.base import Schema
from configs.compression import AnyStep, ExportStep, Plan
from configs.exporting import Calibration, CardText, Format
from configs.loader import FOLDER, load
from configs.plan import check_names, load_plan
from configs.pose_training import TrainPose
from configs.publishing import Publish
from configs.schema import Evaluate, Synthesize, TrainHead
from keypoints.errors import ConfigError, InputError

#: What a setting names that an earlier stage makes: `${data}/frames`.
_REFERENCE = re.compile(r"^\$\{([a-z_]+)\}(?:/(.+))?$")


class DataStage(Schema):
    """What there is to learn from: labelled recordings, or synthetic people; and pictures for the pose model."""

    path: str | None = Field(default=None, description="labelled recordings (`repsight data formats`)")
    format: str | None = Field(default=None, description="of it, when that is not clear by looking")
    pose: str | None = Field(default=None, description="pose model that looks at videos; the shipped one without it")
    classes: Literal["actions", "data"] = Field(
        default="actions", description="what the head names: configs/actions.yaml, or the labels of the recordings"
    )
    kinds: dict[str, Literal["rest", "hold"]] = Field(
        default={}, description="of a class of its own: hold (timed) or rest (named alone, as without it)"
    )
    sequences: Synthesize | None = Field(default=None, description="made when there is no path")
    frames: Synthesize | None = Field(default=None, description="pictures with labels, made for train_pose")

    @field_validator("frames", mode="before")
    @classmethod
    def _are_frames(cls, value: Any) -> Any:
        return {"kind": "frames"} | value if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _something(self) -> DataStage:
        if self.path is not None and self.sequences is not None:
            raise ValueError("data has a path or sequences to make, not both")
        if self.path is None and self.sequences is None and self.frames is None:
            raise ValueError("data needs a path, sequences or frames")
        if self.kinds and self.classes != "data":
            raise ValueError("kinds are of classes that come from data: classes=data")
        if self.classes == "data" and self.path is None:
            raise ValueError("classes that come from data need a path")
        if self.sequences is not None and self.sequences.kind not in ("sequences", "rest", "watched"):
            raise ValueError("data.sequences.kind is sequences, rest or watched")
        if self.frames is not None and self.frames.kind != "frames":
            raise ValueError("data.frames.kind is frames")
        return self

    @property
    def recordings(self) -> bool:
        """Whether there are labelled sequences in it."""
        return self.path is not None or self.sequences is not None


class SplitStage(Schema):
    """Training, validation and test, by source and subject."""

    seed: int = 0
    without: tuple[str, ...] = Field(default=(), description="labels whose recordings are left out")
    published: int | None = Field(default=None, description="keep to HMDB51's own split of that number")


class CompressStage(Schema):
    """A compression plan, of a file or here."""

    plan: str | None = Field(default=None, description="file with steps, or the name of one in configs/compress")
    steps: tuple[AnyStep, ...] = Field(default=(), description="the steps themselves")
    settings: tuple[str, ...] = Field(default=(), description="STEP.KEY=VALUE, changes of the file's")
    source: str | None = Field(default=None, description="what it begins with, where no stage trains it")

    @model_validator(mode="after")
    def _one_plan(self) -> CompressStage:
        if (self.plan is None) == (not self.steps):
            raise ValueError("a plan is a file (plan) or a list (steps), one of them")
        if self.settings and self.plan is None:
            raise ValueError("settings change the plan of a file")
        return self

    def resolved(self, stage: str) -> Plan:
        """The plan. Raises ConfigError for one that is none."""
        if self.plan is not None:
            return load_plan(self.plan, self.settings)
        plan = Plan(steps=self.steps)
        check_names(plan, Path(stage))
        return plan


class EvaluateStage(Evaluate):
    """The head on one part of the split, and the pose model on pictures with one labelled person each."""

    part: Literal["train", "validation", "test"] = Field(default="test", description="of the split")
    pictures: str | None = Field(default=None, description="folder with images/ and labels/ (YOLO pose)")
    limit: int | None = Field(default=None, ge=1, description="pictures, at most")


class ExportStage(Schema):
    """The models as they are used: head.onnx, pose.onnx, and the pose model in other formats."""

    formats: tuple[Format, ...] = Field(default=(), description="of the pose model, beside pose.onnx")
    side: int = Field(default=320, ge=32, multiple_of=32, description="px, of the input of those")
    calibration: Calibration | None = Field(default=None, description="onnx-int8 needs it")
    missing: Literal["skip", "fail"] = Field(default="skip", description="what a format whose package is absent does")
    card: CardText = CardText()

    @property
    def step(self) -> ExportStep | None:
        """The step of a plan that writes the other formats; None without any."""
        if not self.formats:
            return None
        return ExportStep(formats=self.formats, side=self.side, calibration=self.calibration, missing=self.missing,
                          card=self.card)  # fmt: skip


class Pipeline(Schema):
    """configs/pipeline/*.yaml: a section for each stage; a stage without section is left out."""

    data: DataStage | None = None
    split: SplitStage | None = None
    train_pose: TrainPose | None = None
    train_head: TrainHead | None = None
    compress_pose: CompressStage | None = None
    compress_head: CompressStage | None = None
    evaluate: EvaluateStage | None = None
    export: ExportStage | None = None
    publish: Publish | None = None

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that it has, in their order."""
        return tuple(name for name in STAGES if getattr(self, name) is not None)


#: Every stage, in the order in which they run.
STAGES = tuple(Pipeline.model_fields)


def load_pipeline(file: str | Path, overrides: Sequence[str] = ()) -> Pipeline:
    """Read a pipeline (a path, or the name of one in configs/pipeline) and look at all that can be told before it runs.

    Raises ConfigError for what does not fit the schema, a stage that lacks what it works on, a reference to a stage
    that does not come before.
    """
    path = Path(file)
    if not path.exists():
        path = next((place for place in (FOLDER / path, FOLDER / "pipeline" / path) if place.is_file()), path)
    pipeline = load(Pipeline, path, overrides)
    if not pipeline.stages:
        raise ConfigError("has no stage", file=path, expected=f"a section for one or more of {', '.join(STAGES)}")
    for stage, lacking, why in _lacking(pipeline):
        raise ConfigError(f"there is no {lacking}", file=path, field=stage, hint=why)
    for stage in ("compress_pose", "compress_head"):
        section: CompressStage | None = getattr(pipeline, stage)
        if section is not None:
            section.resolved(f"{path}: {stage}")
    for stage in pipeline.stages:
        before = pipeline.stages[: pipeline.stages.index(stage)]
        for text in texts(settings_of(pipeline, stage)):
            found = reference(text)
            if found is not None and found[0] not in before:
                raise ConfigError("no such stage before it", file=path, field=stage, found=text,
                                  expected=" or ".join(f"${{{name}}}" for name in before) or "a path")  # fmt: skip
    return pipeline


def _lacking(pipeline: Pipeline) -> Iterator[tuple[str, str, str]]:
    """Stages that lack what they work on: which, what, and what mends it."""
    data = pipeline.data
    recordings = data is not None and data.recordings
    if pipeline.split and not recordings:
        yield "split", "set to split", "data needs a path, or sequences to make"
    if pipeline.train_pose:
        if pipeline.train_pose.data is None and (data is None or data.frames is None):
            yield "train_pose", "picture to learn from", "train_pose.data names a data.yaml, or data.frames makes one"
        if pipeline.train_pose.base is None:
            yield "train_pose", "base", "train_pose.base names a checkpoint, or yolo11n-pose.yaml for an untrained one"
    if pipeline.train_head:
        for key, theirs in (("data", "data"), ("split", "split"), ("kinds", "data")):
            if getattr(pipeline.train_head, key):
                yield f"train_head.{key}", "need of it", f"it is what the stage {theirs} says: leave it out"
        if pipeline.train_head.classes != "actions":
            yield "train_head.classes", "need of it", "data.classes=data says it"
        if not recordings:
            yield "train_head", "recording to learn from", "data needs a path, or sequences to make"
    if pipeline.compress_pose and not pipeline.train_pose and not pipeline.compress_pose.source:
        yield "compress_pose", "checkpoint", "add train_pose, or compress_pose.source"
    if pipeline.evaluate and not (recordings and pipeline.split):
        yield "evaluate", "part of a set to measure on", "add data with recordings, and split"
    if pipeline.export and pipeline.export.formats and not (pipeline.train_pose or pipeline.compress_pose):
        yield "export", "checkpoint for other formats", "add train_pose or compress_pose, or leave export.formats out"
    if pipeline.publish and not (pipeline.evaluate and pipeline.export):
        yield "publish", "report, or no models", "add evaluate and export"


def settings_of(pipeline: Pipeline, stage: str) -> dict[str, Any]:
    """The settings of a stage as plain values; a plan of a file as its steps."""
    section = getattr(pipeline, stage)
    tree: dict[str, Any] = section.model_dump(mode="json", by_alias=True)
    if isinstance(section, CompressStage):
        plan = section.resolved(stage)
        source = section.source or plan.source
        return {"source": source, "steps": plan.model_dump(mode="json", by_alias=True)["steps"]}
    return tree


def texts(tree: object) -> Iterator[str]:
    """Every string among plain values."""
    if isinstance(tree, dict):
        for part in tree.values():
            yield from texts(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from texts(part)
    elif isinstance(tree, str):
        yield tree


def reference(text: str) -> tuple[str, str] | None:
    """The stage and the file (or folder, or nothing for all of it) that `${STAGE}/FILE` means; None for other text."""
    found = _REFERENCE.match(text)
    return (found[1], found[2] or "") if found else None


def known_stage(name: str, pipeline: Pipeline, option: str) -> str:
    """The stage that a user names. Raises InputError with the nearest name when the pipeline has none of it."""
    import difflib

    wanted = name.replace("-", "_")
    if wanted in pipeline.stages:
        return wanted
    if wanted in STAGES:
        raise InputError("this pipeline has no such stage", field=option, found=name,
                         expected=", ".join(pipeline.stages), hint=f"a section {wanted} adds it")  # fmt: skip
    near = difflib.get_close_matches(wanted, pipeline.stages, n=1, cutoff=0.5)
    raise InputError("no such stage", field=option, found=name, expected=", ".join(pipeline.stages),
                     hint=f"did you mean {near[0]!r}?" if near else None)  # fmt: skip
