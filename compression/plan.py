"""The plan engine: each step makes one artefact and its record; what is done is not done again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compression.once import LEAST_FREE, PARTIAL, RECORD, Usage, finished, once, settle
from compression.step import Artefact, Context, Kind, Metrics, Record, apply, register
from configs.compression import Plan
from configs.step import StepConfig
from keypoints.errors import InputError
from keypoints.files import sha256

__all__ = ["Artefact", "Context", "Finished", "Kind", "Metrics", "Record", "apply", "register", "run_plan"]

#: Free space that a step needs beside the fixed part: so many times the file that it begins with.
TIMES_SOURCE = 10


@dataclass(frozen=True, slots=True)
class Finished:
    """A plan that ran to its end: the artefact of its last step, and every step's record."""

    artefact: Artefact
    records: tuple[Record, ...]


def run_plan(
    source: Artefact,
    plan: Plan,
    out: Path,
    report: Callable[[str], None] = lambda line: None,
    *,
    command: str = "",
    on_record: Callable[[Record], None] = lambda record: None,
) -> Finished:
    """Run the steps of `plan` one after the other, each in a folder of its own in `out`, but for those that are done.

    on_record: is given the record of each step when it is done, also of those that were done before.

    A step is done when its record was made from the same source with the same settings, and all files that it made
    are as they were. Files that settings name count by their content; folders of images by their name alone.

    Raises InputError for a source that is not there or too little space on the disk, and whatever a step raises.
    """
    if not source.path.is_file():
        raise InputError("no such checkpoint", file=source.path)
    digest = hashlib.sha256(plan.model_dump_json().encode()).hexdigest()
    records: list[Record] = []
    made: list[Artefact] = []
    for number, config in enumerate(plan.steps, 1):
        start = made[_before(plan.steps, number)] if _before(plan.steps, number) >= 0 else source
        folder = out / f"{number:02}-{config.label}"
        title = f"{number}/{len(plan.steps)} {config.label}"
        key = _key(config, start, records)
        record = finished(folder, key, Record)
        if record is None:
            report(f"{title} ...")
            context = Context(
                folder.with_name(folder.name + PARTIAL),
                lambda line, title=title: report(f"{title}: {line}"),  # type: ignore[misc]
                tuple(records), out, source, digest, command,
            )  # fmt: skip
            record = _run(config, start, context, folder, number, key)
            report(f"{title}: done in {record.seconds:.0f} s")
        else:
            report(f"{title}: already done")
        on_record(record)
        records.append(record)
        made.append(Artefact(folder / record.artefact, record.kind) if record.artefact else start)
    return Finished(made[-1], tuple(records))


def _before(steps: Sequence[StepConfig], number: int) -> int:
    """The index of the step whose artefact step `number` begins with; -1 for the source of the plan."""
    start = steps[number - 1].start
    if start is None:
        return number - 2
    if start == "source":
        return -1
    names = [(config.label, str(i)) for i, config in enumerate(steps[: number - 1], 1)]
    return max(i for i, name in enumerate(names) if start in name)


def _key(config: StepConfig, start: Artefact, records: Sequence[Record]) -> str:
    """The hash of all that the result of a step depends on."""
    parts: dict[str, Any] = {"config": config.model_dump(mode="json"), "source": sha256(start.path)}
    parts["files"] = {str(path): sha256(path) for path in _files(parts["config"])}
    if config.reads_history:
        parts["history"] = [[record.key, record.made] for record in records]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _files(value: object) -> list[Path]:
    """The files that settings name."""
    if isinstance(value, dict):
        return [path for part in value.values() for path in _files(part)]
    if isinstance(value, list):
        return [path for part in value for path in _files(part)]
    return [Path(value)] if isinstance(value, str) and value and Path(value).is_file() else []


def _run(config: StepConfig, start: Artefact, context: Context, folder: Path, number: int, key: str) -> Record:
    """Run one step in a folder that gets its name when all is written."""
    with once(folder, key, LEAST_FREE + TIMES_SOURCE * start.path.stat().st_size) as partial:
        usage = Usage()
        artefact, metrics = apply(start, config, context)
        made = settle(partial)
        inside = artefact.path.is_relative_to(partial)
        record = Record(
            number=number,
            name=config.label,
            step=config.step,
            kind=artefact.kind,
            config=config.model_dump(mode="json", by_alias=True),
            key=key,
            source=_named(start.path, context.root),
            source_sha256=sha256(start.path),
            artefact=str(artefact.path.relative_to(partial)) if inside else None,
            made=made,
            metrics=metrics,
            plots=tuple(name for name in made if name.endswith((".png", ".svg"))),
            tables=tuple(name for name in made if name.endswith(".csv")),
            **usage.so_far(),
        )
        (partial / RECORD).write_text(record.model_dump_json(indent=1))
    return record


def _named(path: Path, root: Path) -> str:
    """A file of the plan by its place in it, another one by its name alone: a record may be read elsewhere."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else path.name
