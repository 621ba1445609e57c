"""Labelled recordings of any format as a folder of keypoint sequences, and the actions that their labels are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import yaml

from configs.schema import Actions
from configs.stages import DataStage
from data import own_classes
from data.sets import Options, read
from keypoints.errors import InputError
from keypoints.labels import LEFT_OUT
from keypoints.types import KeypointSequence


def gather(section: DataStage, out: Path, actions: Actions, options: Options) -> tuple[Actions, dict[str, int]]:
    """Write each labelled recording of `section.path` to the folder `out`, as NAME.npz; `/` in a name becomes `__`.

    Returns the actions that their labels are, and how many recordings show each. What has no label is told to
    `options.problem`. Raises InputError when nothing can be read, or a class has no recording that can be used.
    """
    assert section.path is not None
    path = Path(section.path)
    if section.classes == "data":
        actions = own_classes.of_sets([path], actions, section.kinds, replace(options, progress=_quietly))
    out.mkdir(parents=True, exist_ok=True)
    kept: list[KeypointSequence] = []
    shown: dict[str, int] = {}
    for labelled in read(path, actions, options):
        if labelled.sequence.action is None:
            options.problem(f"{LEFT_OUT}{path}: {labelled.name} has no label")
            continue
        # A split keeps what has one source on one side.
        sequence = replace(labelled.sequence, source=labelled.sequence.source or f"{path.name}/{labelled.name}")
        for label in sorted(set(sequence.actions or ())):
            shown[label] = shown.get(label, 0) + 1
        kept.append(sequence)
        sequence.save(out / f"{file_name(labelled.name)}.npz")
    if not kept:
        raise InputError("no recording with a label", file=path)
    return own_classes.shown(kept, actions) if section.classes == "data" else actions, shown


def _quietly(done: int, total: int) -> None:
    """Reading labels takes no time."""


def file_name(name: str) -> str:
    """What the file of a recording is called, without its suffix."""
    return name.replace("/", "__")


def write_actions(actions: Actions, file: Path) -> None:
    """Write actions as a file that configs.loader reads as `Actions`; their order is that of the head's outputs."""
    content = actions.model_dump(mode="json", exclude_none=True)
    said = "# What the head tells apart, in the order of its outputs.\n"
    file.write_text(said + yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
