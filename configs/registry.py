"""Every YAML file of this folder in one table: its schema, and the commands that read it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from configs import plan
from configs.baselines import TrainBaseline
from configs.compression import Plan
from configs.extraction import Extract
from configs.language import Strings
from configs.loader import FOLDER, load, load_with_counting, trees, trees_with_counting
from configs.pose_training import TrainPose
from configs.publishing import Publish
from configs.saved import name_in
from configs.schema import (
    Actions,
    Counting,
    Evaluate,
    Export,
    Run,
    Synthesize,
    TrainHead,
)
from configs.serving import Serve
from configs.stages import Pipeline, load_pipeline
from configs.sweeping import Sweep
from configs.tracking import Tracking
from configs.workout import Workout
from keypoints.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Config:
    """One file of settings. file: below configs/. commands: that read it, the one whose settings it is first."""

    file: str
    schema: type[BaseModel]
    commands: tuple[str, ...]

    @property
    def name(self) -> str:
        """What `repsight config` calls it."""
        return self.file.removesuffix(".yaml")

    @property
    def path(self) -> Path:
        """Where it lies."""
        return FOLDER / self.file

    def load(self, file: Path | None = None, overrides: Sequence[str] = ()) -> BaseModel:
        """The settings as their command reads them, from `file` or the shipped one. Raises ConfigError."""
        path = file or self.path
        if self.schema is Plan:
            return plan.load_plan(path, overrides)
        if self.schema is Pipeline:
            return load_pipeline(path, overrides)
        if self.schema is Run:
            return load_with_counting(Run, path, overrides)
        if self.schema is Evaluate:
            return load_with_counting(Evaluate, path, overrides)
        if self.schema is Serve:
            return load_with_counting(Serve, path, overrides)
        return load(self.schema, path, overrides)

    def trees(self, file: Path | None = None, overrides: Sequence[str] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the file says, and what it says with the overrides; neither is checked. Raises ConfigError."""
        if self.schema is Plan:
            return plan.trees(file or self.path, overrides)
        read = trees_with_counting if self.schema in (Run, Evaluate, Serve) else trees
        return read(file or self.path, overrides)


CONFIGS = (
    Config("run.yaml", Run, ("run", "record", "benchmark", "history", "invite")),
    Config("counting.yaml", Counting, ("run", "evaluate", "record", "benchmark", "serve")),
    Config("actions.yaml", Actions, ("run", "train-head", "evaluate", "data")),
    Config("train_head.yaml", TrainHead, ("train-head",)),
    Config("shipped_head.yaml", TrainHead, ("train-head",)),
    Config("evaluate.yaml", Evaluate, ("evaluate",)),
    Config(
        "tracking.yaml", Tracking, ("train-head", "train-pose", "train-baseline", "evaluate", "compress", "pipeline")
    ),
    Config("synthesize.yaml", Synthesize, ("synthesize",)),
    Config("export.yaml", Export, ("export",)),
    Config("train_pose.yaml", TrainPose, ("train-pose",)),
    Config("train_baseline.yaml", TrainBaseline, ("train-baseline",)),
    Config("extract.yaml", Extract, ("extract",)),
    Config("sweep.yaml", Sweep, ("train-head",)),
    Config("publish.yaml", Publish, ("publish",)),
    Config("serve.yaml", Serve, ("serve",)),
    Config("pipeline/default.yaml", Pipeline, ("pipeline",)),
    Config("pipeline/smoke.yaml", Pipeline, ("pipeline",)),
    Config("compress/pose.yaml", Plan, ("compress",)),
    Config("compress/head.yaml", Plan, ("compress",)),
    Config("compress/sweep.yaml", Plan, ("compress",)),
    Config("workouts/starter.yaml", Workout, ("run",)),
    Config("strings/en.yaml", Strings, ("run", "record")),
    Config("strings/de.yaml", Strings, ("run", "record")),
)


def config_of(name: str) -> Config:
    """The entry of that name, file, or command. Raises ConfigError with the nearest name when there is none."""
    wanted = name.removesuffix(".yaml").replace("-", "_")
    known = {one.name: one for one in CONFIGS}
    if wanted in known:
        return known[wanted]
    near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    raise ConfigError("no such configuration", field=name, hint=hint)


def find(name: str) -> tuple[Config, Path | None]:
    """The entry of a name; or of a file that says itself whose settings it has, as those beside results do, and it."""
    file = Path(name)
    if file.suffix not in (".yaml", ".yml") or not file.is_file():
        return config_of(name), None
    said = name_in(file)
    if said is None:
        raise ConfigError("does not say whose settings it has", file=file, expected="a first line `# config: NAME`",
                          hint=f"or: repsight config show NAME --config {file}")  # fmt: skip
    return config_of(said), file
