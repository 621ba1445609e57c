"""The schemas of the YAML files in this folder. An unknown key is an error everywhere."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from configs.actions import Action as Action
from configs.actions import Actions as Actions
from configs.actions import FullRep as FullRep
from configs.actions import Joint as Joint
from configs.actions import RangeOfMotion as RangeOfMotion
from configs.actions import spelled as spelled
from configs.base import Schema as Schema
from configs.follow import Follow as Follow
from configs.keep_up import KeepUp
from configs.s3 import S3
from configs.screens import ScreenName
from configs.web import Web

#: Of `counting`, wherever it is a setting.
COUNTED = "how predictions become counts: a file, or what is in it"


class Counting(Schema):
    """configs/counting.yaml: how predictions become counts."""

    belief_s: float = Field(default=0.3, gt=0, description="time constant of the average over action probabilities")
    switch_margin: float = Field(default=0.15, ge=0, lt=1, description="lead that changes the action shown")
    smooth_s: float = Field(default=0.06, ge=0, description="time constant of the low-pass on the phase")
    highest_base: float = Field(default=0.25, ge=0, lt=1, description="a start posture reads at most this")
    turned_back: float = Field(default=0.75, gt=0, le=1, description="way back of a rep whose next one is under way")
    clear_action: float = Field(default=0.45, ge=0, le=1, description="mean probability that a rep's action needs")
    rival: float = Field(default=0.6, gt=0, le=1, description="probability of another action that ends a rep's own")
    look_back_s: float = Field(default=0.6, ge=0, description="least time over which that mean is taken")
    enough: float = Field(default=0.08, ge=0, le=1, description="evidence that makes a set: see configs/counting.yaml")
    wait_s: float = Field(default=6.0, ge=0, description="a longer time without a rep ends a set")
    seen_confidence: float = Field(default=0.3, ge=0, le=1, description="a joint below it is not seen")
    seen_share: float = Field(default=0.4, ge=0, le=1, description="share of a rep in which its joints are seen")
    whole_body: tuple[Joint, ...] = Field(default=("shoulder", "hip", "knee"), description="seen before one is ready")
    unseen_s: float = Field(default=1.0, ge=0, description="joints are missing so long before it is said")
    hold_after_s: float = Field(default=2.0, ge=0, description="without a rep before a hold begins to show")
    certainty_s: float = Field(default=2.0, gt=0, description="time constant of the average length of the phase")
    least_certainty: float = Field(default=0.5, ge=0, le=1, description="below it the view does not tell the phase")
    lost_after_s: float = Field(default=2.0, gt=0, description="without the person before a rep in progress is dropped")


class Augment(Schema):
    """Random changes of training windows."""

    roll_deg: float = Field(default=10, ge=0, le=180)
    stretch: float = Field(default=0.15, ge=0, lt=1, description="share by which each axis may grow or shrink")
    time_warp: float = Field(default=0.15, ge=0, lt=1, description="share by which time may pass faster or slower")
    squared: float = Field(default=0.2, ge=0, le=1, description="share of windows stretched to a square per frame")
    sure: float = Field(default=0.2, ge=0, le=1, description="share of windows with confidence 1 throughout")
    jitter: float = Field(default=0.02, ge=0, description="standard deviation, in torsos")
    joint_dropout: float = Field(default=0.3, ge=0, lt=1, description="largest share of joints taken away")
    part_dropout: float = Field(default=0.3, ge=0, le=1, description="share of windows that lack a part of the body")
    made_up: float = Field(default=0.2, ge=0, le=1, description="share in which a part is put where it is not")
    strange_confidence: float = Field(default=0.3, ge=0, le=1, description="share with the confidences of another")
    short_history: float = Field(default=0.3, ge=0, le=1, description="share of windows that begin late")


class Practice(Schema):
    """How a few recorded reps are varied."""

    sets: int = Field(default=200, ge=1, description="sets made of them")
    tempo: float = Field(default=1.8, ge=1, description="played up to so many times as fast, or as slow")
    rest_s: float = Field(default=0.4, ge=0, description="how long a rest after a set still shows the action")


class Teach(Schema):
    """How a head learns an action from a few recorded reps."""

    sequences: int = Field(default=1000, ge=1, description="synthetic ones that keep the old actions")
    steps: int = Field(default=300, ge=1)
    batch: int = Field(default=128, ge=2)
    learning_rate: float = Field(default=1e-3, gt=0)
    anchor: float = Field(default=0.003, ge=0, lt=1, description="share of the way back to the old body, a step")
    share: float = Field(default=0.4, gt=0, lt=1, description="of a batch that shows the new action")
    prior: float = Field(default=0.02, gt=0, lt=1, description="share of what people do that is the new action")
    augment: Augment = Augment(roll_deg=18, stretch=0.35, jitter=0.05)
    practice: Practice = Practice()


class TrainHead(Schema):
    """configs/train_head.yaml."""

    head: str = "gru"
    data: tuple[str, ...] = Field(default=(), description="folders of labelled sequences; made when there are none")
    synthetic: int = Field(default=2000, ge=1, description="how many synthetic sequences are then made")
    split: str | None = Field(default=None, description="split file: train on its train part, validate on validation")
    classes: Literal["actions", "data"] = Field(
        default="actions", description="what the head names: configs/actions.yaml, or the labels of `data`"
    )
    kinds: dict[str, Literal["rest", "hold"]] = Field(
        default={}, description="of a class of its own: hold (timed) or rest (named alone, as without it)"
    )
    base: str | None = Field(default=None, description="head file whose weights it begins with")
    freeze: bool = Field(default=False, description="keep the body of `base` as it is, and train the outputs alone")
    leave_out: tuple[str, ...] = Field(default=(), description="actions that the head is not to know")
    hidden: int = Field(default=80, ge=4)
    weights: Literal["int8", "fp32"] = "int8"
    window: int = Field(default=36, ge=2, description="samples a window")
    rate_hz: float = Field(default=12.0, gt=0, description="samples a second")
    every_s: float = Field(default=1.0, gt=0, description="seconds between the windows cut from a sequence")
    epochs: int = Field(default=15, ge=1)
    patience: int = Field(default=8, ge=1, description="epochs without a better validation loss before it stops")
    batch: int = Field(default=256, ge=1)
    learning_rate: float = Field(default=3e-3, gt=0)
    weight_decay: float = Field(default=1e-3, ge=0)
    label_smoothing: float = Field(default=0.05, ge=0, lt=1)
    phase_weight: float = Field(default=4.0, ge=0, description="of the phase loss beside the action loss")
    validation: float = Field(default=0.1, gt=0, lt=1, description="share of subjects kept for validation")
    seed: int = 0
    threads: int = Field(default=2, ge=1)
    augment: Augment = Augment()
    teach: Teach = Teach()


class CameraSettings(Schema):
    """What a camera is asked for; it gives the nearest that it can."""

    width: int = Field(default=1280, ge=1)
    height: int = Field(default=720, ge=1)
    fps: float = Field(default=30, gt=0)


class Hints(Schema):
    """How a rep is compared with the same person's own best ones."""

    enabled: bool = True
    newest: int = Field(default=50, ge=5, le=1000, description="full reps of an exercise that are remembered")
    least_reps: int = Field(default=5, ge=3, description="of them before anything is compared")
    best_share: float = Field(default=0.3, gt=0, le=1, description="of them, by range of motion, are the best")
    range_drop: float = Field(default=0.15, gt=0, le=1, description="so much less of the way than those is said")
    hurried: float = Field(default=0.6, gt=0, lt=1, description="a rep in a smaller share of their time is said")


class Run(Schema):
    """configs/run.yaml: the edge runner."""

    source: str = Field(default="auto", description="auto: the first camera, or the demo clip without one")
    screen: ScreenName = "auto"
    full_screen: bool = False
    web: Web = Web()
    language: Literal["auto", "en", "de"] = Field(default="auto", description="of screen and voice; auto asks LANG")
    real_time: bool = Field(default=True, description="play a file at its own speed on a screen")
    pose: str | None = Field(default=None, description="pose model file; the shipped one without it")
    estimator: str | None = Field(default=None, description="name of the pose estimator; else the file's suffix tells")
    follow: Follow = Follow()
    head: str | None = Field(default=None, description="head file; the shipped one without it")
    threads: int = Field(default=0, ge=0, description="for one look of the pose model; 0 chooses by source and cores")
    graphs: str = Field(default="auto", description="optimised models: auto, in the user's cache; none; or a folder")
    overlap: bool = Field(default=True, description="decode, look and draw at a time; false: one after the other")
    log: str = Field(default="auto", description="auto: cameras into the user's own history; always; none; a folder")
    set_pause_s: float = Field(default=15.0, gt=0, description="a longer pause between two reps ends a set")
    workout: str | None = Field(default=None, description="file with a plan of sets and rests")
    sound: Literal["auto", "voice", "beep", "none"] = "auto"
    hints: Hints = Hints()
    fps: float | None = Field(default=None, gt=0, description="leave out frames that come faster; null reads all")
    camera: CameraSettings = CameraSettings()
    keep_up: KeepUp = KeepUp()
    stream_timeout_s: float = Field(default=5.0, gt=0, description="to open a stream, and for its next frame")
    folder_fps: float = Field(default=10.0, gt=0, description="frames a second of a folder of images")
    counting: Counting | str = Field(default="counting.yaml", description=COUNTED)
    s3: S3 = S3()

    @field_validator("source", mode="before")
    @classmethod
    def _camera_number(cls, value: object) -> object:
        """YAML reads `source: 0` as a number."""
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Synthesize(Schema):
    """configs/synthesize.yaml: what `synthesize` makes."""

    kind: Literal["sequences", "rest", "watched", "frames", "clip", "demo", "noise"] = "sequences"
    count: int = Field(default=100, ge=1)
    seed: int = Field(default=0, ge=0)
    workers: int = Field(default=1, ge=1)
    minutes: float | None = Field(default=None, gt=0, description="of kind rest: how much, instead of count")
    transitions: float = Field(default=0.4, ge=0, le=1)
    weights: dict[str, float] = Field(default={}, description="how many times as often an action is the main one")
    rate_hz: tuple[float, float] = (10.0, 30.0)
    longest_s: float = Field(default=30.0, gt=0)
    size: tuple[int, int] = (1280, 720)
    script: tuple[tuple[str, float], ...] = ()

    @model_validator(mode="after")
    def _rates_in_order(self) -> Synthesize:
        low, high = self.rate_hz
        if not 1 <= low <= high:
            raise ValueError("rate_hz needs two numbers, lowest first, from 1 up")
        return self

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Synthesize:
        if self.minutes is not None and self.kind != "rest":
            raise ValueError(f"minutes is for kind=rest; kind={self.kind} takes count")
        if self.script and self.kind != "clip":
            raise ValueError("script is for kind=clip")
        return self


class Export(Schema):
    """configs/export.yaml: a pose checkpoint to one model file, or folder, with its model card."""

    format: Literal["onnx", "litert", "ncnn", "openvino", "tensorrt"] = "onnx"
    precision: Literal["fp32", "fp16", "int8"] = "int8"
    size: int | tuple[int, int] = Field(default=320, description="side of the input, or [height, width], px")
    calibration: tuple[str, ...] = Field(default=(), description="folders of pictures with people; int8 needs them")
    limit: int = Field(default=200, ge=8, description="pictures used of them, at most")
    name: str = "yolo11n-pose"
    version: str = "1"
    licence: str = "AGPL-3.0"
    trained_on: tuple[str, ...] = Field(min_length=1, description="what the weights come from, for the model card")


class Evaluate(Schema):
    """configs/evaluate.yaml: heads against labelled sets."""

    classes: Literal["auto"] | tuple[str, ...] = Field(default="auto", description="actions whose reps are scored")
    robustness: bool = Field(default=False, description="count again on recordings made worse")
    xlsx: bool = Field(default=False, description="write the tables as a workbook as well")
    every_s: float = Field(default=0.25, gt=0, description="seconds between the windows that are judged")
    tolerance_s: float = Field(default=1.0, ge=0, description="after its end a rep may still be counted as itself")
    worst: int = Field(default=12, ge=0, description="sequences that get a timeline picture, for each head and set")
    draws: int = Field(default=1000, ge=1, description="of the bootstrap")
    seed: int = 0
    counting: Counting | str = Field(default="counting.yaml", description=COUNTED)
