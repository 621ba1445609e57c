"""Labelled recordings of any format as a folder of keypoint sequences, and the actions that their labels are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from configs.schema import Action, Actions
from configs.stages import DataStage
from data.sets import Options, read
from keypoints.errors import InputError
from keypoints.labels import LEFT_OUT, Labelled
from keypoints.types import KeypointSequence

Say = Callable[[str], None]


def gather(section: DataStage, out: Path, actions: Actions, options: Options) -> tuple[Actions, dict[str, int]]:
    """Write each labelled recording of `section.path` to the folder `out`, as NAME.npz; `/` in a name becomes `__`.

    Returns the actions that their labels are, and how many recordings show each. What has no label is told to
    `options.problem`. Raises InputError when nothing can be read.
    """
    assert section.path is not None
    path = Path(section.path)
    if section.classes == "own":
        actions = own_actions(path, actions, options)
    out.mkdir(parents=True, exist_ok=True)
    shown: dict[str, int] = {}
    for labelled in read(path, actions, options):
        if labelled.sequence.action is None:
            options.problem(f"{LEFT_OUT}{path}: {labelled.name} has no label")
            continue
        sequence = _sourced(labelled, path)
        for label in sorted(set(sequence.actions or ())):
            shown[label] = shown.get(label, 0) + 1
        sequence.save(out / f"{file_name(labelled.name)}.npz")
    if not shown:
        raise InputError("no recording with a label", file=path)
    if section.classes == "own":
        empty = [name for name in actions.names if name not in shown]
        for name in empty:
            options.problem(f"{path}: no recording of {name} is left: the head does not learn it")
        actions = actions.without(empty)
    return actions, shown


def file_name(name: str) -> str:
    """What the file of a recording is called, without its suffix."""
    return name.replace("/", "__")


def own_actions(path: Path, actions: Actions, options: Options) -> Actions:
    """The labels of a set as actions: those that we know as we know them, the others without reps; in their order."""
    words: set[str] = set()
    quiet = replace(options, labels_only=True, problem=lambda line: None, progress=lambda done, total: None)
    for labelled in read(path, actions, quiet):
        words |= {segment.action for segment in labelled.segments or ()} | {labelled.exercise or ""}
    between = Action(kind="rest")
    own = {}
    for word in sorted(words - {""}):
        name = word.strip().lower().replace("-", "_").replace(" ", "_")
        ours = actions.fold(word)
        own[name] = actions.actions[ours] if actions.knows(word) else between
    return Actions(range_of_motion=actions.range_of_motion, actions=own | {"other": actions.actions["other"]})


def write_actions(actions: Actions, file: Path) -> None:
    """Write actions as a file that configs.loader reads as `Actions`; their order is that of the head's outputs."""
    content = actions.model_dump(mode="json", exclude_none=True)
    file.write_text("# What the head tells apart, in the order of its outputs.\n"
                    + yaml.safe_dump(content, sort_keys=False), encoding="utf-8")  # fmt: skip


def _sourced(labelled: Labelled, path: Path) -> KeypointSequence:
    """The sequence, with a source, so that a split keeps what belongs together on one side."""
    sequence = labelled.sequence
    if sequence.source is None:
        sequence = replace(sequence, source=f"{path.name}/{labelled.name}")
    return replace(sequence, keypoints=np.asarray(sequence.keypoints, np.float32))
