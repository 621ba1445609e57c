"""What a stage of a pipeline has to do: it is done, or why it is not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from compression.once import Done, begun_for, changed, recorded
from compression.pipeline.digests import Digests
from compression.pipeline.wiring import inputs
from configs.stages import Pipeline, reference, settings_of
from keypoints.errors import InputError

#: done; to do; to do if what an earlier stage is going to make is not what it made before.
State = Literal["done", "to do", "perhaps"]


class StageRecord(Done):
    """What a finished stage tells; `record.json` in its folder. inputs: the hash of each thing that it began with."""

    stage: str
    inputs: dict[str, str]


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to do of a stage. key: of what would be made now; None while an earlier stage is to do.
    edited: files that somebody changed since they were made."""

    stage: str
    state: State
    why: str
    key: str | None
    inputs: dict[str, str]
    settings: dict[str, Any]
    record: StageRecord | None
    edited: tuple[str, ...] = ()


def look(
    pipeline: Pipeline, stage: str, out: Path, before: Mapping[str, Look], digests: Digests, again: bool = False
) -> Look:
    """What there is to do of a stage in the folder `out`, given what there is to do of those before it.

    again: it is to do in any case. Raises InputError when what it takes from outside is not there.
    """
    settings = settings_of(pipeline, stage)
    found, open_inputs = _inputs(pipeline, stage, before, digests)
    folder = out / stage
    record = recorded(folder, StageRecord)
    key = None if open_inputs else _key(stage, settings, found)
    edited = tuple(changed(folder, record)) if record else ()

    def said(state: State, why: str) -> Look:
        return Look(stage, state, why, key, found, settings, record, edited)

    if record is None:
        stopped = begun_for(folder)
        return said("to do", "it was stopped, and goes on" if stopped and stopped == key else "not made yet")
    if edited:
        more = f" and {len(edited) - 1} more" if len(edited) > 1 else ""
        gone = "changed" if (folder / edited[0]).exists() else "taken away"
        return said("to do", f"somebody has {gone} {stage}/{edited[0]}{more}")
    if again:
        return said("to do", "asked for")
    if settings != record.config:
        return said("to do", f"other settings: {', '.join(_differences(record.config, settings)[:3])}")
    other = sorted(name for name in found.keys() | record.inputs.keys() if name not in open_inputs
                   and found.get(name) != record.inputs.get(name))  # fmt: skip
    if other:
        return said("to do", f"another {', '.join(map(_shown, other))}")
    if open_inputs:
        stages = sorted(set(open_inputs.values()))
        return said("perhaps", f"if {' or '.join(stages)} makes something else")
    return said("done", "")


def _inputs(
    pipeline: Pipeline, stage: str, before: Mapping[str, Look], digests: Digests
) -> tuple[dict[str, str], dict[str, str]]:
    """The hash of each input that is known, and the stages of the others, by the input's name."""
    found: dict[str, str] = {}
    waits: dict[str, str] = {}
    for name, text in inputs(pipeline, stage).items():
        earlier = reference(text)
        if earlier is None:
            found[name] = outside(digests, stage, name, text)
            continue
        place = before[earlier[0]]
        if place.state != "done" or place.record is None:
            waits[name] = earlier[0]
        else:
            found[name] = made_below(place.record, earlier[1])
    return found, waits


def outside(digests: Digests, stage: str, name: str, path: str) -> str:
    """The hash of what a stage takes from outside. Raises InputError, naming the setting, when it is not there."""
    try:
        return digests.of(Path(path))
    except InputError as error:
        raise InputError(str(error), field=f"{stage}.{name}") from None


def made_below(record: StageRecord, name: str) -> str:
    """The hash of a file that a stage made, or of all below a folder. Raises InputError when it made none of that."""
    if name in record.made:
        return record.made[name]
    parts = sorted((file, digest) for file, digest in record.made.items() if not name or file.startswith(f"{name}/"))
    if not parts:
        raise InputError("was not made by that stage", field=f"{record.stage}/{name}",
                         expected=", ".join(sorted({file.split("/")[0] for file in record.made})))  # fmt: skip
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _key(stage: str, settings: dict[str, Any], found: dict[str, str]) -> str:
    parts = {"stage": stage, "settings": settings, "inputs": found}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _differences(before: object, now: object, above: str = "") -> list[str]:
    """The dotted names of settings that differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = sorted(before.keys() | now.keys())
        return [found for name in names for found in _differences(
            before.get(name), now.get(name), f"{above}.{name}" if above else name)]  # fmt: skip
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True), 1)
        return [found for i, (was, is_) in pairs for found in _differences(was, is_, f"{above}.{i}")]
    return [above] if before != now else []


def _shown(name: str) -> str:
    return name.removeprefix("${").replace("}", "")
