"""Any set of labelled recordings, whatever its format, as `Labelled` sequences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from configs.schema import Actions
from data.formats.job import Job, Options
from data.formats.registry import Format, recognise
from keypoints.errors import InputError
from keypoints.labels import LEFT_OUT, Labelled
from keypoints.sequences import smoothed

__all__ = ["Format", "Options", "read", "recognise"]


def read(path: str | Path, actions: Actions, options: Options | None = None) -> Iterator[Labelled]:
    """The recordings of a folder or file whose format is recognised by looking at it.

    Labels (`exercise`, `segments`) are in the source's own words; `sequence.action` is folded onto `actions`.
    Keypoints are as at run time: gated and smoothed where the format has them raw. What can't be read is told to
    `options.problem` in one line each, and the rest is read.
    Raises InputError when the format is unclear, or when nothing at all can be read.
    """
    path, options = Path(path), options or Options()
    found = recognise(path, options.format)
    return _read(path, actions, options, found)


def _read(path: Path, actions: Actions, options: Options, found: Format) -> Iterator[Labelled]:
    told: list[str] = []

    def problem(line: str) -> None:
        told.append(line)
        options.problem(line)

    job = Job(actions, replace(options, problem=problem))
    names: set[str] = set()
    try:
        for labelled in found.read(path, job):
            if labelled.name in names:
                job.leave_out(f"{path}: {labelled.name}: is there twice; the first is taken")
                continue
            names.add(labelled.name)
            smooth = found.raw and options.smooth and not options.labels_only
            yield replace(labelled, sequence=smoothed(labelled.sequence)) if smooth else labelled
    finally:
        job.close()
    if not names:
        why = [line.removeprefix(LEFT_OUT) for line in told if line.startswith(LEFT_OUT)]
        if not why:
            raise InputError(f"no recordings ({found.name})", file=path, expected=found.looks)
        raise InputError(why[0] if len(why) == 1 else f"nothing is left of {len(why)} recordings, such as {why[0]}")
