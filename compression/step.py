"""What a step of a compression plan is given and gives: artefacts, records, its context; and the register of steps."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from compression.once import SCRATCH, Done
from configs.step import StepConfig
from keypoints.errors import InputError
from keypoints.files import sha256

Kind = Literal["pose", "head"]
Metrics = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Artefact:
    """A model file. `.pt` is a torch checkpoint: of a pose model an Ultralytics one whose pickled module carries the
    pruned shape, of a head what `compression.heads` writes; a head's own `.onnx` serves as its checkpoint too. Any
    other file is an export."""

    path: Path
    kind: Kind


class Record(Done):
    """What a finished step tells, beside what all work tells; `record.json` in its folder.

    artefact: the file that it made, in its folder, or None when it passes on what it was given.
    """

    number: int
    name: str
    step: str
    kind: Kind
    source: str
    source_sha256: str
    artefact: str | None
    plots: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """The name of its folder inside that of the plan."""
        return f"{self.number:02}-{self.name}"

    @property
    def names(self) -> tuple[str, str, str]:
        """What later steps may call it."""
        return self.name, str(self.number), self.step


@dataclass(frozen=True, slots=True)
class Context:
    """What a step is given beside its artefact and settings.

    folder: where it writes what it makes, under the final names; the folder gets its own name when the step is done.
    report: is told of progress, a line each. history: the records of the steps before, in their order. root: the
    folder of the plan. source: what the plan began with. plan_sha256, command: for a model card.
    """

    folder: Path
    report: Callable[[str], None] = lambda line: None
    history: tuple[Record, ...] = ()
    root: Path = Path()
    source: Artefact | None = None
    plan_sha256: str = ""
    command: str = ""

    @property
    def scratch(self) -> Path:
        """A folder for what the step needs to go on after a kill; it is there again when the step is taken up with the
        same settings and source, and is removed when the step is done."""
        path = self.folder / SCRATCH
        path.mkdir(parents=True, exist_ok=True)
        return path

    def record(self, name: str) -> Record:
        """The earlier record of that name or number, else the last of that kind of step. Raises InputError when there
        is none."""
        for record in self.history:
            if name in (record.name, str(record.number)):
                return record
        for record in reversed(self.history):
            if name == record.step:
                return record
        known = ", ".join(record.name for record in self.history) or "none"
        raise InputError("no such step before this one", field=name, expected=known)

    def file(self, record: Record, name: str) -> Path:
        """A file that an earlier step made."""
        return self.root / record.folder / name

    def artefact(self, record: Record) -> Artefact | None:
        """What an earlier step made, or None when it only measured."""
        return Artefact(self.file(record, record.artefact), record.kind) if record.artefact else None

    def model(self, name: str, field: str) -> Path:
        """The model that settings name: `source`, what the earlier step of that name, number or kind made, or a path.

        field: of the settings, for the InputError that is raised when there is none.
        """
        if name == "source" and self.source is not None:
            return self.source.path
        known = {word for record in self.history for word in record.names}
        made = self.artefact(self.record(name)) if name in known else None
        if made is not None:
            return made.path
        if not Path(name).exists():
            raise InputError("no such model", field=field, found=name,
                             expected=" or ".join(["a file", "source", *sorted(known)]))  # fmt: skip
        return Path(name)

    def made_by(self, artefact: Artefact) -> dict[str, str]:
        """For a model card: the command, the plan, and the checkpoint that all began with, `artefact` without one."""
        origin = self.source or artefact
        return {"command": self.command, "plan_sha256": self.plan_sha256, "checkpoint_sha256": sha256(origin.path)}


Step = Callable[[Artefact, Any, Context], tuple[Artefact, Metrics]]

_STEPS: dict[str, Step] = {}


def register(name: str) -> Callable[[Step], Step]:
    """Register the step of the module `compression.steps.<name>`: `(artefact, config, context) -> (artefact, metrics)`.

    It writes into `context.folder` and returns what it made there, or the artefact that it was given; the metrics
    are plain numbers, strings, lists and mappings.
    """

    def add(step: Step) -> Step:
        _STEPS[name] = step
        return step

    return add


def apply(artefact: Artefact, config: StepConfig, context: Context) -> tuple[Artefact, Metrics]:
    """Run one step."""
    importlib.import_module(f"compression.steps.{config.step}")
    return _STEPS[config.step](artefact, config, context)
